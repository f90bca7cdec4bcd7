using System.Numerics.Tensors;
using Vlc.Anchors;
using Vlc.Codecs;
using Vlc.Compute;
using Vlc.Diagnostics;
using Vlc.Evaluation;
using Vlc.Search;
using Vlc.Segments;
using Vlc.Storage;
using Vlc.Vectors;

namespace Vlc.Indexing;

/// <summary>How rows are added.</summary>
public sealed class AddOptions
{
    /// <summary>Keys of the rows, of the index's kind. Null takes the keys that the source carries.</summary>
    public KeyColumn? Keys { get; init; }

    /// <summary>Threads; null uses every processor.</summary>
    public int? Threads { get; init; }

    /// <summary>Where rows are assigned and coded; null is the processor.</summary>
    public IComputeBackend? Backend { get; init; }
}

/// <summary>What adding rows did.</summary>
public sealed class AddReport
{
    /// <summary>Rows added.</summary>
    public required int Added { get; init; }

    /// <summary>Number of the first of them.</summary>
    public required int FirstRow { get; init; }

    /// <summary>
    /// Rows with a component outside what the codes can express, so that it was cut: their distances are wrong, and a new index is due.
    /// </summary>
    public required long ClampedRows { get; init; }

    /// <summary>Recall@10 on the yardstick before; null where the index keeps none.</summary>
    public required Recall? RecallBefore { get; init; }

    /// <summary>Recall@10 on the yardstick afterwards, the new rows being in the truth as well.</summary>
    public required Recall? RecallAfter { get; init; }

    /// <summary>Segments afterwards.</summary>
    public required int Segments { get; init; }

    /// <summary>Bytes of the files afterwards.</summary>
    public required IndexBytes Bytes { get; init; }
}

/// <summary>What compacting did.</summary>
public sealed class CompactReport
{
    /// <summary>Deleted rows that are gone.</summary>
    public required int Removed { get; init; }

    /// <summary>New number of each row; -1 for those that are gone. Numbers close up, in the old order.</summary>
    public required int[] NewNumbers { get; init; }

    /// <summary>Bytes before.</summary>
    public required IndexBytes Before { get; init; }

    /// <summary>Bytes afterwards.</summary>
    public required IndexBytes After { get; init; }
}

/// <summary>
/// Changes an index: rows are added as a segment that the index's own model codes, deleted rows are marked, and compacting copies what is
/// left into one segment.
/// Each change is committed at once: whoever opens the index finds it before the change or after it. Indexes that are open stay as they are
/// until opened again.
/// </summary>
public static class IndexUpdater
{
    /// <summary>Segments from which on adding merges all but the first: a search pays for each.</summary>
    private const int MostSegments = 32;

    /// <summary>Adds rows at the end. They are coded with the model of the index; nothing is learned.</summary>
    /// <param name="basePath">BASE of the index.</param>
    /// <param name="source">The rows.</param>
    /// <param name="options">Null takes the defaults.</param>
    /// <param name="progress">Hears how far it has come.</param>
    /// <param name="cancellationToken">Stops the work; the index stays as it was.</param>
    /// <exception cref="ArgumentException">
    /// Rows or keys that do not fit the index; an index that was built without what adding needs.
    /// </exception>
    /// <exception cref="FileNotFoundException">There is no index under this name.</exception>
    /// <exception cref="IndexInUseException">Another writer is at work on the index.</exception>
    /// <exception cref="IOException">A file could not be written; the index stays as it was.</exception>
    /// <exception cref="VlcFormatException">Index or source are damaged, or a row has no direction under the cosine metric.</exception>
    public static AddReport Add(
        string basePath, VectorSource source, AddOptions? options = null, IProgress<IndexProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(basePath);
        ArgumentNullException.ThrowIfNull(source);
        using System.Diagnostics.Activity? activity = VlcTelemetry.Start("Add");
        options ??= new AddOptions();
        using FolderContainer container = FolderContainer.OfExisting(basePath);
        OpenedIndex old = OpenedIndex.Open(container.OpenCommitted());
        try
        {
            Recall? before = Measure(old, options, cancellationToken);
            KeyColumn? keys = CheckAdd(old, source, options);
            (long clamped, Manifest manifest) = AddSegment(container, old, source, keys, options, progress, cancellationToken);
            OpenedIndex now = OpenedIndex.Open(container.OpenCommitted());
            try
            {
                return new AddReport
                {
                    Added = (int)source.Count, FirstRow = old.Manifest.Count, ClampedRows = clamped, RecallBefore = before,
                    RecallAfter = Measure(now, options, cancellationToken), Segments = manifest.Segments.Count,
                        Bytes = IndexBytes.Of(manifest),
                };
            }
            finally
            {
                now.Release();
            }
        }
        finally
        {
            old.Release();
        }
    }

    /// <summary>Deletes rows: searches do not find them any more. Their bytes come back when the index is compacted.</summary>
    /// <param name="basePath">BASE of the index.</param>
    /// <param name="rows">Row numbers; those that are deleted already are ignored.</param>
    /// <returns>Rows that were deleted by this.</returns>
    /// <exception cref="ArgumentException">A number that is no row; no row would be left.</exception>
    /// <exception cref="FileNotFoundException">There is no index under this name.</exception>
    /// <exception cref="IndexInUseException">Another writer is at work on the index.</exception>
    /// <exception cref="IOException">A file could not be written; the index stays as it was.</exception>
    /// <exception cref="VlcFormatException">The index is damaged, or of version 1.</exception>
    public static int Remove(string basePath, IReadOnlyCollection<int> rows)
    {
        ArgumentException.ThrowIfNullOrEmpty(basePath);
        ArgumentNullException.ThrowIfNull(rows);
        using System.Diagnostics.Activity? activity = VlcTelemetry.Start("Remove");
        using FolderContainer container = FolderContainer.OfExisting(basePath);
        return Remove(container, rows);
    }

    /// <summary>Deletes rows of the index of a container.</summary>
    internal static int Remove(IndexContainer container, IReadOnlyCollection<int> rows)
    {
        using SectionReader reader = container.OpenCommitted();
        CheckVersion(reader);
        Manifest old = reader.Manifest;
        foreach (int row in rows)
        {
            if ((uint)row >= (uint)old.Count) throw new ArgumentException($"{row} is no row: the index holds rows 0 to {old.Count - 1}.",
                nameof(rows));
        }

        var deleted = DeletedRows.Add(DeletedRows.Read(reader), old.Count, [.. rows]);
        int added = deleted.Count - old.DeletedCount;
        if (added == 0) return 0;
        if (deleted.Count == old.Count) throw new ArgumentException("No row would be left; delete the index's files instead.",
            nameof(rows));
        using var writer = new SectionWriter(container);
        Keep(writer, reader, section => section.Kind != SectionKind.Deleted);
        WriteDeleted(writer, deleted, old.Count);
        writer.Commit(With(old, writer, old.Count, Count(old.Segments, deleted)));
        return added;
    }

    /// <summary>Copies the codes of all rows that are not deleted into one segment. Nothing is decoded, and numbers close up.</summary>
    /// <param name="basePath">BASE of the index.</param>
    /// <param name="cancellationToken">Stops the work; the index stays as it was.</param>
    /// <exception cref="FileNotFoundException">There is no index under this name.</exception>
    /// <exception cref="IndexInUseException">Another writer is at work on the index.</exception>
    /// <exception cref="IOException">A file could not be written; the index stays as it was.</exception>
    /// <exception cref="VlcFormatException">The index is damaged, or of version 1.</exception>
    public static CompactReport Compact(string basePath, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(basePath);
        using System.Diagnostics.Activity? activity = VlcTelemetry.Start("Compact");
        using FolderContainer container = FolderContainer.OfExisting(basePath);
        OpenedIndex old = OpenedIndex.Open(container.OpenCommitted());
        try
        {
            CheckVersion(old.Reader);
            Manifest manifest = old.Manifest;
            IndexBytes before = IndexBytes.Of(manifest);
            int[] newNumbers = NewNumbers(manifest.Count, old.Deleted);
            if (manifest.Segments.Count == 1 && manifest.DeletedCount == 0)
            {
                return new CompactReport { Removed = 0, NewNumbers = newNumbers, Before = before, After = before };
            }

            using var writer = new SectionWriter(container);
            Keep(writer, old.Reader, section => !IndexFileId.IsOfSegment(section.File)
                && section.File is not (IndexFile.Deleted or IndexFile.Encoder));
            int rows = SegmentMerger.Merge(old.Segments, old.Model.Codec, old.Deleted, writer, number: 0, cancellationToken);
            old.Keys?.Select([.. Enumerable.Range(0, manifest.Count).Where(row => newNumbers[row] >= 0)]).Write(writer, segment: 0,
                cancellationToken);
            WriteEncoder(writer, old.Reader, Yardstick.Read(old.Reader)?.Renumbered(newNumbers));
            Manifest now = writer.Commit(With(manifest, writer, rows, [new SegmentEntry(rows, DeletedCount: 0)]));
            return new CompactReport { Removed = manifest.DeletedCount, NewNumbers = newNumbers, Before = before,
                After = IndexBytes.Of(now) };
        }
        finally
        {
            old.Release();
        }
    }

    private static KeyColumn? CheckAdd(OpenedIndex index, VectorSource source, AddOptions options)
    {
        CheckVersion(index.Reader);
        if (source.Dimension != index.Manifest.Dimension)
        {
            throw new ArgumentException($"{source.Name} has {source.Dimension} dimensions; the index has {index.Manifest.Dimension}.",
                nameof(source));
        }

        if (source.Count < 1) throw new ArgumentException($"{source.Name} has no rows.", nameof(source));
        if (source.Count > int.MaxValue - index.Manifest.Count)
        {
            throw new ArgumentException($"An index holds at most {int.MaxValue} vectors; it has {index.Manifest.Count}.", nameof(source));
        }

        if (!index.Model.Codec.CanEncode)
        {
            throw new ArgumentException(
                "The index was built without what adding rows needs (BASE.encoder.bin); build it again, updatable.", nameof(source));
        }

        KeyColumn? keys = options.Keys ?? KeyColumn.Of(source);
        KeyKind kind = index.Keys?.Kind ?? KeyKind.None, offered = keys?.Kind ?? KeyKind.None;
        if (kind == KeyKind.None) return options.Keys is null ? null
            : throw new ArgumentException("The index has no keys; rows that are added can have none.");
        if (offered != kind)
        {
            throw new ArgumentException(
                $"The index has keys of kind {kind}; the rows to be added have {(keys is null ? "none" : offered)}.");
        }

        if (keys!.Count != source.Count) throw new ArgumentException($"{keys.Count} keys are given for {source.Count} rows.");
        return keys;
    }

    private static (long Clamped, Manifest Manifest) AddSegment(
        FolderContainer container, OpenedIndex old, VectorSource source, KeyColumn? keys, AddOptions options,
            IProgress<IndexProgress>? progress,
        CancellationToken cancellationToken)
    {
        int threads = options.Threads ?? Environment.ProcessorCount, count = (int)source.Count, first = old.Manifest.Count;
        IComputeBackend backend = options.Backend ?? new CpuBackend(threads);
        var rows = new PreparedRows(source, old.Model.Metric, old.Model.ScaleExponent);
        Yardstick? yardstick = Yardstick.Read(old.Reader);
        ExactNeighbors? exact = yardstick?.Resume(old.Model.Metric, first, threads);
        using var writer = new SectionWriter(container);
        bool merges = old.Segments.Length >= MostSegments;
        Keep(
            writer, old.Reader,
            section => section.File is not (IndexFile.Deleted or IndexFile.Encoder) && !(merges && section.Segment > 0));
        List<SegmentEntry> segments = [.. old.Manifest.Segments];
        if (merges)
        {
            // Deleted rows stay, as their numbers do: only compacting changes those.
            SegmentMerger.Merge(old.Segments.AsSpan(1), old.Model.Codec, deleted: null, writer, number: 1, cancellationToken);
            old.Keys?.Select([.. Enumerable.Range(segments[0].Count, first - segments[0].Count)]).Write(writer, segment: 1,
                cancellationToken);
            segments = [segments[0], new SegmentEntry(first - segments[0].Count, 0)];
        }

        int number = segments.Count;
        long clamped;
        var lists = new int[count];
        using (PassLog log = container.CreateLog())
        using (CellAssigner assigner = old.Model.CreateAssigner(backend, threads))
        using (var encoder = new SegmentEncoder(old.Model.Codec, backend, threads, cancellationToken))
        {
            var rowProgress = new RowProgress(progress, IndexPhase.Encode, 0, count);
            encoder.Code(
                rows,
                (block, start, cells) =>
                {
                    CheckFinite(source, old.Model, block.Span, start);
                    assigner.Assign(block, cells.Span, cancellationToken);
                    exact?.Add(block.Span, cells.Length, first + start, cancellationToken);
                },
                lists, log, rowProgress.Report);
            encoder.Write(writer, number, lists, Math.Min(rows.BlockRows, count), log);
            clamped = encoder.Rows.ClampedRows;
        }

        keys?.Write(writer, number, cancellationToken);
        segments.Add(new SegmentEntry(count, DeletedCount: 0));
        WriteEncoder(writer, old.Reader, exact is null ? yardstick : yardstick!.With(exact));
        if (old.Deleted is { } deleted)
        {
            deleted = DeletedRows.Add(deleted, first + count, []);
            WriteDeleted(writer, deleted, first + count);
            segments = Count(segments, deleted);
        }

        return (clamped, writer.Commit(With(old.Manifest, writer, first + count, segments)));
    }

    /// <summary>A row that is finite but too large for the scale of the index would have no distance to anything.</summary>
    private static void CheckFinite(VectorSource source, IndexModel model, ReadOnlySpan<float> block, int first)
    {
        if (TensorPrimitives.IsFiniteAll(block)) return;
        int d = model.Dimension, row = 0;
        while (TensorPrimitives.IsFiniteAll(block.Slice(row * d, d))) row++;
        throw new VlcFormatException(
            source.Name, $"row {first + row}", $"components that times {model.Scale} are finite: the index stores vectors so",
                "larger ones",
            "Build a new index of all rows.");
    }

    private static Recall? Measure(OpenedIndex index, AddOptions options, CancellationToken cancellationToken) =>
        Yardstick.Read(index.Reader) is { } yardstick
            ? YardstickRecall.Measure(index, yardstick, new SearchOptions { Threads = options.Threads }, cancellationToken)
            : null;

    private static void CheckVersion(SectionReader reader)
    {
        if (reader.Manifest.Version > 1) return;
        throw new VlcFormatException(
            reader.Files.Path(IndexFile.Manifest), "offset 4", "format version 2 or later", "version 1",
            "Indexes of version 1 have no checksums and are read only; build the index again.");
    }

    /// <summary>Takes over the sections that stay, in their files.</summary>
    private static void Keep(SectionWriter writer, SectionReader reader, Func<IndexSection, bool> stays)
    {
        foreach (IndexSection section in reader.Manifest.Sections.Where(stays))
        {
            writer.Keep(section, reader);
        }
    }

    private static void WriteDeleted(SectionWriter writer, DeletedRows deleted, int count) => writer.WriteSection(
        SectionKind.Deleted, new IndexFileId(IndexFile.Deleted), SectionElement.Bytes, deleted.Bits[..((count + 7) / 8)], 0, 0);

    private static void WriteEncoder(SectionWriter writer, SectionReader old, Yardstick? yardstick)
    {
        var sections = new List<(SectionKind, byte[])>();
        if (old.Manifest.Find(SectionKind.EncoderState) is not null)
        {
            sections.Add((SectionKind.EncoderState, old.AllBytes(SectionKind.EncoderState).ToArray()));
        }

        if (yardstick is not null) sections.Add((SectionKind.Yardstick, yardstick.Write()));
        if (sections.Count > 0) writer.WriteFile(new IndexFileId(IndexFile.Encoder), [.. sections]);
    }

    private static List<SegmentEntry> Count(IReadOnlyList<SegmentEntry> segments, DeletedRows deleted)
    {
        var counted = new List<SegmentEntry>();
        int row = 0;
        foreach (SegmentEntry segment in segments)
        {
            int gone = 0;
            for (int end = row + segment.Count; row < end; row++) gone += deleted.Contains(row) ? 1 : 0;
            counted.Add(segment with { DeletedCount = gone });
        }

        return counted;
    }

    private static int[] NewNumbers(int count, DeletedRows? deleted)
    {
        var numbers = new int[count];
        int next = 0;
        for (int row = 0; row < count; row++) numbers[row] = deleted?.Contains(row) ?? false ? -1 : next++;
        return numbers;
    }

    private static Manifest With(Manifest old, SectionWriter writer, int count, IReadOnlyList<SegmentEntry> segments) => new()
    {
        Version = Manifest.CurrentVersion,
        AnchorCount = old.AnchorCount,
        Dimension = old.Dimension,
        Count = count,
        Metric = old.Metric,
        Codec = old.Codec,
        CodedDimension = old.CodedDimension,
        ScaleExponent = old.ScaleExponent,
        Seed = old.Seed,
        Sections = [.. writer.Sections],
        Segments = segments,
        TargetRecall = old.TargetRecall,
        Scan = old.Scan,
    };
}
