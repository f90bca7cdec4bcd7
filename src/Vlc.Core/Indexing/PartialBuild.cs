using System.Diagnostics;
using Vlc.Storage;

namespace Vlc.Indexing;

/// <summary>
/// What a build keeps beside its index until the index is whole: the state of training, the cells of the rows so far, the codes so far.
/// Started again, the build takes up what follows from the same input and the same choices, and does the rest; the index has the bytes of
/// an uninterrupted build.
/// </summary>
/// <remarks>
/// Nothing here relies on options being spelt alike. Each part is tied by a digest to what it follows from: training to its rows and
/// options, cells to the anchors, codes to the cells, the rows' checksums and the model. Rows that were coded before the interruption are
/// read again and compared with the checksums taken when they were assigned.
/// </remarks>
internal sealed class PartialBuild
{
    private readonly MarkClock? _clock;
    private readonly string? _cells;
    private readonly string? _codes;

    private PartialBuild() => OwnsCheckpoint = true;

    /// <summary>Keeps everything in memory and nothing for later.</summary>
    public static PartialBuild None { get; } = new();

    /// <summary>Names the parts.</summary>
    /// <param name="basePath">BASE of the index.</param>
    /// <param name="options">How often to keep them; the user's own checkpoint takes the place of the one for anchors.</param>
    /// <param name="resumable">Whether to keep them.</param>
    public PartialBuild(string basePath, IndexOptions options, bool resumable)
    {
        _clock = resumable ? new MarkClock(options.PartialInterval) : null;
        OwnsCheckpoint = options.Training.CheckpointPath is null;
        CheckpointPath = options.Training.CheckpointPath ?? (resumable ? IndexFiles.Beside(basePath, IndexFiles.PartialParts[0]) : null);
        CheckpointInterval = OwnsCheckpoint ? options.PartialInterval : TimeSpan.Zero;
        _cells = IndexFiles.Beside(basePath, IndexFiles.PartialParts[1]);
        _codes = IndexFiles.Beside(basePath, IndexFiles.PartialParts[2]);
    }

    /// <summary>File of the training's state; null where none is kept.</summary>
    public string? CheckpointPath { get; }

    /// <summary>Least time between two saves of it.</summary>
    public TimeSpan CheckpointInterval { get; }

    /// <summary>True where a state that does not fit is merely out of date; false where the user named the file and must be told.</summary>
    public bool OwnsCheckpoint { get; }

    /// <summary>Whether a build has left anything that it could go on from.</summary>
    public static bool Exists(string basePath) =>
        IndexFiles.PartialParts.Any(part => File.Exists(IndexFiles.Beside(basePath, part)));

    /// <summary>Opens the cells of the rows so far.</summary>
    public PassLog OpenCells(byte[] key) => _cells is null ? new PassLog() : new PassLog(_cells, key, _clock);

    /// <summary>Opens the codes of the rows so far.</summary>
    public PassLog OpenCodes(byte[] key) => _codes is null ? new PassLog() : new PassLog(_codes, key, _clock);

    /// <summary>Deletes everything that a build has kept: the index is whole.</summary>
    public void Delete()
    {
        if (CheckpointPath is not null) File.Delete(CheckpointPath);
        DiscardPasses();
    }

    /// <summary>Deletes what follows from the rows' content.</summary>
    public void DiscardPasses()
    {
        if (_cells is not null) PassLog.Delete(_cells);
        if (_codes is not null) PassLog.Delete(_codes);
    }
}

/// <summary>Tells how far a pass over the rows has come, at what rate, and how long the rest will take.</summary>
internal sealed class RowProgress(IProgress<IndexProgress>? progress, IndexPhase phase, long first, long count)
{
    private readonly long _start = Stopwatch.GetTimestamp();

    /// <summary>Reports that all rows before <paramref name="rows"/> are done.</summary>
    public void Report(long rows)
    {
        if (progress is null) return;
        double rate = (rows - first) / Math.Max(Stopwatch.GetElapsedTime(_start).TotalSeconds, 1e-6);
        string? detail = null;
        if (rows > first)
        {
            TimeSpan left = TimeSpan.FromSeconds(Math.Min((count - rows) / rate, 1e9));
            detail = $"{rate:N0} rows/s, {(long)left.TotalHours}:{left:mm\\:ss} left" + (first > 0
                ? $", {first:N0} rows kept from a run that ended early" : "");
        }

        progress.Report(new IndexProgress(phase, (double)rows / count, detail));
    }
}
