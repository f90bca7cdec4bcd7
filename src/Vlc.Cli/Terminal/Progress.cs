using System.Diagnostics;
using Spectre.Console;

namespace Vlc.Cli.Terminal;

/// <summary>Tells how far a step has come.</summary>
/// <param name="step">What is being done, in a word or two; a new one means that the step before is over.</param>
/// <param name="share">Done of it, 0 to 1.</param>
/// <param name="detail">A few words more, or null.</param>
internal delegate void ProgressReport(string step, double share, string? detail = null);

/// <summary>Progress for a log: a line when some seconds have passed since the last, none for what is over sooner.</summary>
internal sealed class ProgressLines(TextWriter writer)
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(3);

    private readonly Lock _lock = new();
    private long _last = Stopwatch.GetTimestamp();

    public void Report(string step, double share, string? detail = null)
    {
        lock (_lock)
        {
            if (Stopwatch.GetElapsedTime(_last) < Interval) return;
            _last = Stopwatch.GetTimestamp();
            writer.WriteLine(detail is null ? $"{step}: {share:P0}" : $"{step}: {share:P0}, {detail}");
        }
    }
}

/// <summary>Progress for a person: one bar a step.</summary>
internal sealed class ProgressBars(ProgressContext context)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, ProgressTask> _bars = [];

    public void Report(string step, double share, string? detail = null)
    {
        lock (_lock)
        {
            if (!_bars.TryGetValue(step, out ProgressTask? bar))
            {
                foreach (ProgressTask earlier in _bars.Values) earlier.Value = earlier.MaxValue;
                _bars[step] = bar = context.AddTask(Markup.Escape(step), maxValue: 1);
            }

            bar.Value = share;
            if (detail is not null) bar.Description = Markup.Escape($"{step} ({detail})");
        }
    }
}

/// <summary>
/// A progress report as the library's <see cref="IProgress{T}"/>; unlike <see cref="Progress{T}"/> it does not queue, so that no report
/// comes late.
/// </summary>
internal sealed class Reporting<T>(Action<T> report) : IProgress<T>
{
    public void Report(T value) => report(value);
}
