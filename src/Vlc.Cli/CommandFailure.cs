using Vlc.Cli.Compute;

namespace Vlc.Cli;

/// <summary>Why a command did not do what it was asked: the one place where exceptions become exit codes and messages.</summary>
/// <param name="ExitCode">The process's exit code.</param>
/// <param name="Message">One or more sentences; never a stack trace.</param>
internal sealed record CommandFailure(ExitCode ExitCode, string Message)
{
    /// <summary>Classifies an exception that ended a command.</summary>
    /// <param name="exception">What was thrown.</param>
    /// <param name="step">What was being done, as progress calls it; null where none was shown.</param>
    public static CommandFailure Of(Exception exception, string? step = null) => exception switch
    {
        AggregateException { InnerExceptions: [var only] } => Of(only, step),
        AggregateException several when several.InnerExceptions.Any(one => one is OutOfMemoryException) =>
            new(ExitCode.Failure, OutOfMemory(step)),
        OutOfMemoryException => new(ExitCode.Failure, OutOfMemory(step)),
        OperationCanceledException => new(ExitCode.Cancelled, "Cancelled."),
        FileNotFoundException missing when SelectedDevice.IsAbsence(missing) => new(ExitCode.Usage, SelectedDevice.Absent),
        VlcFormatException or FileNotFoundException or DirectoryNotFoundException => new(ExitCode.BadInput, exception.Message),
        ArgumentException argument => new(ExitCode.Usage, WithoutParameter(argument)),
        _ => new(ExitCode.Failure, exception.Message.Length == 0 ? exception.GetType().Name : exception.Message),
    };

    private static string OutOfMemory(string? step)
    {
        long most = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes >> 20;
        return step is null
            ? $"Out of memory: the process may use {most:N0} MiB, and the index or the vectors need more. "
                + "Use a smaller index, or raise the limit."
            : $"Out of memory during {step}: the process may use {most:N0} MiB. "
                + "Fewer training rows (--sample), threads (--threads) or cells (--m) need less.";
    }

    // The runtime appends " (Parameter 'name')" on the same line and " Actual value was ..." on the next: names of code, not of options.
    private static string WithoutParameter(ArgumentException exception)
    {
        string parameterName = $" (Parameter '{exception.ParamName}')";
        int parameter = exception.Message.IndexOf(parameterName, StringComparison.Ordinal);
        return parameter < 0 ? exception.Message : exception.Message[..parameter];
    }
}
