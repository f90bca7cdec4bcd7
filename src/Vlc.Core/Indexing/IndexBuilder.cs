using System.Diagnostics;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Vlc.Anchors;
using Vlc.Compute;
using Vlc.Evaluation;
using Vlc.Numerics.Kernels;
using Vlc.Numerics.Randomness;
using Vlc.Numerics.Threading;
using Vlc.Residuals;
using Vlc.Residuals.Packed;
using Vlc.Search;
using Vlc.Storage;
using Vlc.Vectors;

namespace Vlc.Indexing;

/// <summary>
/// Builds an index from a source of vectors in four passes over a stream: sample and train, assign and measure residuals, encode, tune the
/// extent of a scan. Memory is the training sample, one block of rows, and four bytes a row for its assignment.
/// </summary>
public sealed partial class IndexBuilder
{
    private const int RowsPerTask = 256;
    private const int TuningNeighbours = 10;
    private const ulong SampleStream = 0x5A3, QueryStream = 0x5A4;

    /// <summary>Bytes of the training rows at most, and of those from which the packed codec learns.</summary>
    private const long MostTrainingBytes = 384L << 20, MostCodecBytes = 128L << 20;

    private readonly VectorSource _source;
    private readonly IndexOptions _options;
    private readonly IProgress<IndexProgress>? _progress;
    private readonly CancellationToken _cancellation;
    private readonly int _dimension;
    private readonly int _count;
    private readonly int _threads;
    private readonly IComputeBackend _backend;
    private readonly PartialBuild _partial;
    private readonly List<uint> _blockChecksums = [];
    private readonly Dictionary<IndexPhase, double> _seconds = [];

    private IndexBuilder(VectorSource source, PartialBuild partial, IndexOptions options, IProgress<IndexProgress>? progress, CancellationToken cancellationToken)
    {
        _source = source;
        _options = options;
        _partial = partial;
        _progress = progress;
        _cancellation = cancellationToken;
        _dimension = source.Dimension;
        _count = (int)source.Count;
        _threads = options.Training.ThreadCount;
        _backend = options.Training.BackendOrCpu;
    }

    /// <summary>Builds an index and puts it in place of any old one of the same name, at once, when it is whole.</summary>
    /// <param name="source">The vectors.</param>
    /// <param name="basePath">BASE, the common part of the five files' names; missing folders are made.</param>
    /// <param name="options">How to build.</param>
    /// <param name="progress">Hears how far the build has come.</param>
    /// <param name="cancellationToken">
    /// Stops the build; an old index stays whole. What a build of more than some seconds has done is kept beside it, for the same build to go on from, unless it is not
    /// <see cref="IndexOptions.Resumable"/>.
    /// </param>
    /// <exception cref="ArgumentException">Options that do not fit the vectors.</exception>
    /// <exception cref="VlcFormatException">The source is damaged, or has zero rows under the cosine metric.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static IndexReport Build(
        VectorSource source, string basePath, IndexOptions options, IProgress<IndexProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentException.ThrowIfNullOrEmpty(basePath);
        ArgumentNullException.ThrowIfNull(options);
        IReadOnlyList<string> problems = options.Validate(source.Count, source.Dimension);
        if (problems.Count > 0) throw new ArgumentException(string.Join("; ", problems), nameof(options));
        return new IndexBuilder(source, new PartialBuild(basePath, options, options.Resumable), options, progress, cancellationToken).Run(basePath);
    }

    /// <summary>Whether an interrupted build has left work beside an index, for the same build to go on from.</summary>
    /// <param name="basePath">BASE of the index.</param>
    public static bool HasPartialWork(string basePath)
    {
        ArgumentException.ThrowIfNullOrEmpty(basePath);
        return PartialBuild.Exists(basePath);
    }

    private IndexReport Run(string basePath)
    {
        using var writer = new IndexWriter(basePath);
        bool packed = _options.Codec == CodecKind.Packed;
        Foundation foundation = LayFoundation(packed ? PackedEncoding.Candidates : TuningNeighbours);
        (Sample sample, TuningQueries tuning, float[] anchors, int[] assignments, ResidualStatistics statistics, ExactNeighbors? exact) = foundation;
        int anchorCount = anchors.Length / _dimension;
        var rows = new PreparedRows(_source, _options.Metric, sample.ScaleExponent);
        // As a reader will have them; rows were assigned to these, and their residuals were taken from these.
        Half[] halves = packed ? [] : [.. anchors.Select(value => (Half)value)];

        CodedAxes axes = ChooseAxes(statistics);
        bool jacobians = _options.Codec != CodecKind.None && !packed && (_options.Jacobians ?? JacobiansPay(statistics, axes));
        PackedReport? packedReport = null;
        if (packed)
        {
            packedReport = WritePacked(writer, rows, foundation);
        }
        else
        {
            sample.ReleaseRows();
            ReturnMemory();
            uint m = (uint)anchorCount, d = (uint)_dimension, n = (uint)_count;
            writer.WriteSection<Half>(SectionKind.Anchors, IndexFile.Anchors, SectionElement.Float16, halves, m, d);
            writer.WriteSection<int>(SectionKind.Assignments, IndexFile.Assignments, SectionElement.UInt32, assignments, n, 1);
            AxisScales? scales = WriteScales(writer, statistics, axes, anchorCount, jacobians);
            if (_options.Codec != CodecKind.None)
            {
                Timed(IndexPhase.Encode, () => Encode(writer, rows, anchors, assignments, axes, scales, foundation.CellsKey));
            }
        }

        int coded = _options.Codec == CodecKind.None ? 0 : packedReport?.LargestRank ?? axes.Count;
        Manifest manifest = Describe(writer, anchorCount, coded, sample.ScaleExponent, scan: null);
        // The closures above would keep them; the index that is tuned reads its own.
        assignments = [];
        ReturnMemory();
        Measurement? measured = exact is null ? null : Timed(IndexPhase.Tune, () => Tune(writer, manifest, tuning, exact));
        manifest = writer.Commit(Describe(writer, anchorCount, coded, sample.ScaleExponent, measured?.Curve));
        _partial.Delete();
        IndexFiles final = IndexFiles.Final(basePath);
        double unscale = 1 / ((double)MathF.ScaleB(1, sample.ScaleExponent) * MathF.ScaleB(1, sample.ScaleExponent));
        return new IndexReport
        {
            Manifest = manifest,
            Training = Unscaled(foundation.Training, unscale),
            Seconds = _seconds,
            Jacobians = jacobians,
            Packed = packedReport,
            TuningSource = _options.TuningQueries?.Name,
            Measured = measured?.Recall(manifest.TargetRecall),
            Distortion = statistics.Distortion * unscale,
            TotalBytes = manifest.Sections.Select(section => section.File).Append(IndexFile.Manifest).Distinct().Sum(final.Length),
        };
    }

    /// <summary>What every build begins with: sample, anchors, the cell of every row, and the exact neighbours of the tuning sample.</summary>
    /// <param name="neighbours">Exact neighbours of each query.</param>
    private Foundation LayFoundation(int neighbours)
    {
        bool packed = _options.Codec == CodecKind.Packed;
        int anchorCount = _options.Training.AnchorCount
            ?? (packed ? PackedEncoding.DefaultAnchorCount(_count, _dimension) : AnchorTrainer.DefaultAnchorCount(_count));
        Sample sample = Timed(IndexPhase.Sample, () => DrawSample(anchorCount));
        TuningQueries tuning = _options.TuningQueries is { } offered
            ? DrawQueries(offered, sample.ScaleExponent)
            : new TuningQueries(sample.HeldOutRows, sample.HeldOutIds);
        (float[] trained, TrainingReport training) = Timed(IndexPhase.Train, () => Train(sample, anchorCount));
        float[] anchors = Uncentred(trained, sample.Centre);
        // Rows are assigned to, and residuals taken from, the anchors that a reader will have. The packed codec rounds its own.
        if (!packed) RoundToHalves(anchors);
        var rows = new PreparedRows(_source, _options.Metric, sample.ScaleExponent);
        neighbours = Math.Min(neighbours, tuning.OwnRows.Length > 0 ? _count - 1 : _count);
        ExactNeighbors? exact = tuning.Rows.Length == 0 ? null : new ExactNeighbors(
            tuning.Rows, _dimension, neighbours, _options.Metric, _threads, tuning.OwnRows);
        byte[] cellsKey = CellsKey(sample, tuning, anchors, neighbours);
        (int[] assignments, ResidualStatistics statistics) = Timed(
            IndexPhase.Assign, () => Assign(rows, anchors, sample.Centre, anchors.Length / _dimension, exact, cellsKey));
        return new Foundation(sample, tuning, anchors, assignments, statistics, exact) { Training = training, CellsKey = cellsKey };
    }

    private PackedEncoding Encoding(PreparedRows rows, TuningQueries tuning) =>
        new(_options, rows, _count, tuning.Rows.Length == 0 ? 0 : ScanLimits.Of(_count, _options.Metric).Points, _backend, _threads, _progress, _cancellation);

    /// <summary>What the packed codec chooses its level from.</summary>
    private PackedEncoding.Evidence Evidence(Foundation foundation)
    {
        Sample sample = foundation.Sample;
        // Training has centred the sample; the codec wants it as it was.
        for (int offset = 0; offset < sample.Rows.Length; offset += _dimension)
        {
            Span<float> row = sample.Rows.AsSpan(offset, _dimension);
            TensorPrimitives.Add(row, sample.Centre, row);
        }

        // Bases and spectra want fewer rows of the sample than anchors do, and several times the memory for each: rows at even distances.
        int[] assignments = foundation.Assignments;
        int sampled = sample.Rows.Length / _dimension, kept = (int)Math.Min(sampled, CodecRows(foundation.Anchors.Length / _dimension));
        float[] codecRows = sample.Rows;
        int[] cells = [.. Enumerable.Range(0, kept).Select(i => assignments[sample.TrainingIds[(long)i * sampled / kept]])];
        if (kept < sampled)
        {
            codecRows = new float[kept * _dimension];
            for (int i = 0; i < kept; i++)
            {
                sample.Rows.AsSpan((int)((long)i * sampled / kept) * _dimension, _dimension).CopyTo(codecRows.AsSpan(i * _dimension));
            }

            sample.ReleaseRows();
            ReturnMemory();
        }

        var heldOut = new HeldOutRows(sample.HeldOutRows, _dimension, [.. sample.HeldOutIds.Select(id => assignments[id])]);
        return new PackedEncoding.Evidence(
            codecRows, cells, foundation.Anchors, assignments, heldOut, foundation.Tuning.Rows, foundation.Exact?.Ids() ?? []);
    }

    /// <summary>Chooses the level, codes every row, and writes the sections of the packed codec.</summary>
    private PackedReport WritePacked(IndexWriter writer, PreparedRows rows, Foundation foundation)
    {
        PackedEncoding encoding = Encoding(rows, foundation.Tuning);
        PackedLevelSearch.Trial chosen = Timed(IndexPhase.Level, () => encoding.Choose(Evidence(foundation)));
        foundation.Sample.ReleaseRows();
        ReturnMemory();
        return Timed(IndexPhase.Encode, () =>
        {
            using PassLog log = _partial.OpenCodes(PackedEncoding.Key(chosen, foundation.CellsKey, CollectionsMarshal.AsSpan(_blockChecksums)));
            return encoding.Write(writer, chosen, foundation.Assignments, log, CheckUnchanged);
        });
    }

    /// <summary>What the cell of every row, and what is measured on the way, follow from, besides the rows.</summary>
    private byte[] CellsKey(Sample sample, TuningQueries tuning, float[] anchors, int neighbours)
    {
        using var key = new BuildKey();
        return key.Add(_count, _dimension, (int)_options.Metric, sample.ScaleExponent, neighbours)
            .Add<float>(sample.Centre).Add<float>(anchors).Add<int>(tuning.OwnRows).Add<float>(tuning.Rows).ToArray();
    }

    /// <summary>Compares a block with what it was when its rows were assigned; a source that changes under a build would give an index of no vectors that ever were.</summary>
    private void CheckUnchanged(ReadOnlySpan<float> block, long first, int blockNumber)
    {
        if (Crc32C.Compute(MemoryMarshal.AsBytes(block)) == _blockChecksums[blockNumber]) return;
        _partial.DiscardPasses();
        throw new VlcFormatException(
            _source.Name, $"rows {first} to {first + (block.Length / _dimension) - 1}", "the values that they had when the build assigned them", "others",
            "The file has changed meanwhile; start the build again.");
    }

    /// <summary>
    /// Returns what a phase has left behind, where it is much: training rows and what was learnt on them are most of the memory of a build, lie among the large objects, and would stay until a
    /// collection comes by itself, which the streaming phases hardly ever cause.
    /// </summary>
    private static void ReturnMemory()
    {
        const long Much = 32 << 20;
        if (GC.GetTotalMemory(forceFullCollection: false) > Much) GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
    }

    private T Timed<T>(IndexPhase phase, Func<T> step)
    {
        _progress?.Report(new IndexProgress(phase, 0));
        long start = Stopwatch.GetTimestamp();
        T result = step();
        _seconds[phase] = Stopwatch.GetElapsedTime(start).TotalSeconds;
        _progress?.Report(new IndexProgress(phase, 1));
        return result;
    }

    /// <summary>Draws training and held-out rows, disjoint, and chooses the scale; a source that is read by range is read at these rows only.</summary>
    private Sample DrawSample(int anchorCount)
    {
        int heldOut = _count < 100 ? 0 : Math.Min(MostTuningRows(), _count / 10);
        heldOut = Math.Min(_options.TuningRows ?? heldOut, _count - anchorCount);
        long wished = _options.Codec == CodecKind.Packed ? Math.Max(256L * anchorCount, CodecRows(anchorCount)) : Math.Max(160L * anchorCount, 10_000);
        long wanted = _options.TrainingRows ?? Math.Min(wished, Math.Max(MostTrainingBytes / (sizeof(float) * (long)_dimension), anchorCount));
        int training = (int)Math.Min(wanted, _count - heldOut);

        var random = new SeededRandom(_options.Training.Seed, SampleStream);
        long[] drawn = random.NextSubset(_count, training + heldOut);
        // Which of the drawn rows are held out: a subset of places, so that both are spread over the file.
        long[] heldOutPlaces = random.NextSubset(drawn.Length, heldOut);
        var rows = new float[(long)training * _dimension];
        var heldOutRows = new float[heldOut * _dimension];
        var heldOutIds = new int[heldOut];
        var trainingIds = new int[training];
        var prepared = new PreparedRows(_source, _options.Metric, scaleExponent: 0);
        var buffer = new float[Math.Min(prepared.BlockRows, drawn.Length) * _dimension];
        int nextHeldOut = 0, nextTraining = 0;
        for (int place = 0; place < drawn.Length;)
        {
            // One read for rows that lie close together.
            int end = place + 1;
            long limit = drawn[place] + (buffer.Length / _dimension);
            while (end < drawn.Length && drawn[end] < limit && drawn[end] - drawn[end - 1] <= 16) end++;
            prepared.Read(drawn[place], (int)(drawn[end - 1] - drawn[place]) + 1, buffer, _cancellation);
            long first = drawn[place];
            for (; place < end; place++)
            {
                ReadOnlySpan<float> row = buffer.AsSpan((int)(drawn[place] - first) * _dimension, _dimension);
                if (nextHeldOut < heldOut && heldOutPlaces[nextHeldOut] == place)
                {
                    heldOutIds[nextHeldOut] = (int)drawn[place];
                    row.CopyTo(heldOutRows.AsSpan(nextHeldOut++ * _dimension));
                }
                else
                {
                    trainingIds[nextTraining] = (int)drawn[place];
                    row.CopyTo(rows.AsSpan(nextTraining++ * _dimension));
                }
            }

            if ((place & 1023) == 0) _progress?.Report(new IndexProgress(IndexPhase.Sample, (double)place / drawn.Length));
        }

        // 2^9 <= largest component < 2^10: float16 then has room for rows 64 times larger, and full precision for scales 10^6 times smaller.
        float largest = MathF.Abs(TensorPrimitives.MaxMagnitude<float>(rows));
        int exponent = largest > 0 ? Math.Clamp(9 - MathF.ILogB(largest), -100, 100) : 0;
        float scale = MathF.ScaleB(1, exponent);
        TensorPrimitives.Multiply(rows, scale, rows);
        TensorPrimitives.Multiply(heldOutRows, scale, heldOutRows);
        var sums = new double[_dimension];
        for (int row = 0; row < training; row++) RowSums.Add(sums, rows.AsSpan(row * _dimension, _dimension));
        float[] centre = [.. sums.Select(sum => (float)(sum / training))];
        return new Sample(rows, trainingIds, heldOutRows, heldOutIds, exponent, centre);
    }

    /// <summary>Rows from which the packed codec learns when the user names no number.</summary>
    private long CodecRows(int anchorCount) => _options.TrainingRows ?? Math.Min(
        Math.Max(128L * anchorCount, 160L * _dimension), Math.Max(MostCodecBytes / (sizeof(float) * (long)_dimension), anchorCount));

    /// <summary>Draws the tuning sample from queries that the user offers.</summary>
    private TuningQueries DrawQueries(VectorSource offered, int scaleExponent)
    {
        int count = (int)Math.Min(offered.Count, _options.TuningRows ?? MostTuningRows());
        long[] drawn = new SeededRandom(_options.Training.Seed, QueryStream).NextSubset(offered.Count, count);
        var queries = new float[count * _dimension];
        var prepared = new PreparedRows(offered, _options.Metric, scaleExponent);
        for (int i = 0; i < count; i++) prepared.Read(drawn[i], 1, queries.AsSpan(i * _dimension, _dimension), _cancellation);
        return new TuningQueries(queries, []);
    }

    private int MostTuningRows()
    {
        // An exhaustive scan for each: about 10^11 codes in all.
        const double MostScannedCodes = 1e11;
        int most = _options.Codec == CodecKind.Packed ? 1000 : 500;
        return (int)Math.Clamp(MostScannedCodes / ((double)_count * _dimension), 100, most);
    }

    private (float[] Anchors, TrainingReport Report) Train(Sample sample, int anchorCount)
    {
        for (int offset = 0; offset < sample.Rows.Length; offset += _dimension)
        {
            Span<float> row = sample.Rows.AsSpan(offset, _dimension);
            TensorPrimitives.Subtract(row, sample.Centre, row);
        }

        float[] validation = [.. sample.HeldOutRows];
        for (int offset = 0; offset < validation.Length; offset += _dimension)
        {
            Span<float> row = validation.AsSpan(offset, _dimension);
            TensorPrimitives.Subtract(row, sample.Centre, row);
        }

        AnchorTrainingOptions given = _options.Training;
        float scale = MathF.ScaleB(1, sample.ScaleExponent);
        var resolved = new AnchorTrainingOptions
        {
            CheckpointInterval = _partial.CheckpointInterval,
            CheckpointStays = true,
            AnchorCount = anchorCount,
            Seed = given.Seed,
            MaxIterations = given.MaxIterations,
            PartsFirst = given.PartsFirst,
            Cooling = given.Cooling,
            Mean = given.Mean,
            MaintenanceRounds = given.MaintenanceRounds,
            Lambda = given.Lambda * scale * scale,
            Tolerance = given.Tolerance,
            CheckpointPath = _partial.CheckpointPath,
            Threads = _threads,
            Backend = _backend,
        };
        var relay = new TrainingRelay(_progress, given.MaxIterations);
        try
        {
            return AnchorTrainer.Train(sample.Rows, _dimension, resolved, validation, relay, _cancellation);
        }
        catch (VlcFormatException refusal) when (_partial.OwnsCheckpoint && refusal.Path == _partial.CheckpointPath)
        {
            // Left by a build of other rows or options: nothing to go on from.
            File.Delete(refusal.Path);
            return AnchorTrainer.Train(sample.Rows, _dimension, resolved, validation, relay, _cancellation);
        }
    }

    private float[] Uncentred(float[] trained, float[] centre)
    {
        var anchors = new float[trained.Length];
        for (int offset = 0; offset < trained.Length; offset += _dimension)
        {
            TensorPrimitives.Add(trained.AsSpan(offset, _dimension), centre, anchors.AsSpan(offset, _dimension));
        }

        return anchors;
    }

    /// <summary>Rounds anchors to what float16 holds.</summary>
    private static void RoundToHalves(Span<float> anchors)
    {
        foreach (ref float value in anchors) value = (float)(Half)Math.Clamp(value, (float)Half.MinValue, (float)Half.MaxValue);
    }

    private (int[] Assignments, ResidualStatistics Statistics) Assign(
        PreparedRows rows, float[] anchors, float[] centre, int anchorCount, ExactNeighbors? exact, byte[] key)
    {
        var centred = new float[anchors.Length];
        for (int offset = 0; offset < anchors.Length; offset += _dimension)
        {
            TensorPrimitives.Subtract(anchors.AsSpan(offset, _dimension), centre, centred.AsSpan(offset, _dimension));
        }

        using IHeldAnchors heldAnchors = _backend.HoldAnchors(centred, _dimension);
        var assignments = new int[_count];
        var scores = new float[rows.BlockRows];
        var centredBlock = new float[(int)Math.Min(rows.BlockRows, (long)_count) * _dimension];
        var statistics = new ResidualStatistics(_dimension, anchorCount, _threads);
        using PassLog log = _partial.OpenCells(key);
        if (log.Rows > 0)
        {
            log.Read(0, MemoryMarshal.AsBytes(assignments.AsSpan(0, (int)log.Rows)));
            Restore(log.State, statistics, exact);
        }

        var progress = new RowProgress(_progress, IndexPhase.Assign, log.Rows, _count);
        rows.ForEachBlock(
            (block, first, count) =>
            {
                BlockScheduler.Run(
                    BlockScheduler.BlockCount(count, RowsPerTask), _threads,
                    (task, _) =>
                    {
                        int end = Math.Min((task + 1) * RowsPerTask, count);
                        for (int row = task * RowsPerTask; row < end; row++)
                        {
                            TensorPrimitives.Subtract(
                                block.Span.Slice(row * _dimension, _dimension), centre, centredBlock.AsSpan(row * _dimension, _dimension));
                        }
                    },
                    _cancellation);
                Span<int> nearest = assignments.AsSpan((int)first, count);
                using (IHeldRows heldRows = _backend.HoldRows(centredBlock.AsMemory(0, count * _dimension), _dimension))
                {
                    heldRows.Assign(heldAnchors, nearest, scores.AsSpan(0, count), _cancellation);
                }

                statistics.Add(block[..(count * _dimension)], assignments.AsMemory((int)first, count), anchors, _cancellation);
                exact?.Offer(block.Span[..(count * _dimension)], count, (int)first, _cancellation);
                _blockChecksums.Add(Crc32C.Compute(MemoryMarshal.AsBytes(block.Span[..(count * _dimension)])));
                log.Append(MemoryMarshal.AsBytes(nearest));
                log.Mark(first + count, end: first + count == _count, () => Save(statistics, exact));
                progress.Report(first + count);
            },
            _cancellation, log.Rows);
        return (assignments, statistics);
    }

    private byte[] Save(ResidualStatistics statistics, ExactNeighbors? exact)
    {
        using var content = new MemoryStream();
        using var writer = new BinaryWriter(content);
        writer.Write(_blockChecksums.Count);
        writer.Write(MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(_blockChecksums)));
        statistics.Save(writer);
        exact?.Save(writer);
        return content.ToArray();
    }

    private void Restore(byte[] state, ResidualStatistics statistics, ExactNeighbors? exact)
    {
        using var reader = new BinaryReader(new MemoryStream(state, writable: false));
        int blocks = reader.ReadInt32();
        for (int i = 0; i < blocks; i++) _blockChecksums.Add(reader.ReadUInt32());
        statistics.Restore(reader);
        exact?.Restore(reader);
    }

    private CodedAxes ChooseAxes(ResidualStatistics statistics) =>
        _options.CodedDimension is not { } coded || coded == _dimension
            ? new CodedAxes(_dimension)
            : CodedAxes.OfMostEnergy(statistics.Energy, coded);

    private bool JacobiansPay(ResidualStatistics statistics, CodedAxes axes)
    {
        if (_options.Codec != CodecKind.Int8) return false;
        double noise = 0;
        for (int i = 0; i < axes.Count; i++)
        {
            double step = statistics.Largest(axes.Axis(i)) / Int8Codec.LargestCode;
            noise += step * step / 12;
        }

        return noise > 1e-3 * statistics.Distortion;
    }

    private AxisScales? WriteScales(IndexWriter writer, ResidualStatistics statistics, CodedAxes axes, int anchorCount, bool jacobians)
    {
        if (_options.Codec == CodecKind.None) return null;
        // The scale is the value of code 1: float16 codes fill [-1, 1], int8 codes fill [-127, 127].
        int largestCode = _options.Codec == CodecKind.Int8 ? Int8Codec.LargestCode : 1;
        if (jacobians)
        {
            var halves = new Half[anchorCount * _dimension];
            var values = new float[halves.Length];
            for (int cell = 0; cell < anchorCount; cell++)
            {
                for (int i = 0; i < axes.Count; i++)
                {
                    int place = (cell * _dimension) + axes.Axis(i);
                    float largest = statistics.Largest(cell, axes.Axis(i));
                    Half scale = (Half)(largest / largestCode);
                    // Rounded up, so that the largest residual of the cell needs no clamping.
                    if ((float)scale * largestCode < largest) scale = Half.BitIncrement(scale);
                    halves[place] = Half.IsFinite(scale) ? scale : Half.MaxValue;
                    values[place] = (float)halves[place];
                }
            }

            writer.WriteSection<Half>(
                SectionKind.Jacobians, IndexFile.Jacobians, SectionElement.Float16, halves, (uint)anchorCount, (uint)_dimension);
            WriteAxes(writer, axes);
            return AxisScales.PerCell(values, anchorCount, axes);
        }

        WriteAxes(writer, axes);
        if (_options.Codec == CodecKind.Float16) return null;
        var scales = new float[axes.Count];
        for (int i = 0; i < scales.Length; i++)
        {
            float largest = statistics.Largest(axes.Axis(i));
            scales[i] = largest / largestCode;
            if (scales[i] * largestCode < largest) scales[i] = MathF.BitIncrement(scales[i]);
        }

        writer.AddInline<float>(SectionKind.AxisScales, SectionElement.Float32, scales, 1, (uint)scales.Length);
        return AxisScales.Global(scales, axes);
    }

    private static void WriteAxes(IndexWriter writer, CodedAxes axes)
    {
        if (axes.All) return;
        int[] numbers = [.. Enumerable.Range(0, axes.Count).Select(axes.Axis)];
        writer.AddInline<int>(SectionKind.CodedAxes, SectionElement.UInt32, numbers, 1, (uint)numbers.Length);
    }

    private bool Encode(
        IndexWriter writer, PreparedRows rows, float[] anchors, int[] assignments, CodedAxes axes, AxisScales? scales, byte[] cellsKey)
    {
        bool bytes = _options.Codec == CodecKind.Int8;
        int rowBytes = axes.Count * (bytes ? 1 : sizeof(ushort));
        var codes = new byte[(int)Math.Min(rows.BlockRows, (long)_count) * rowBytes];
        using PassLog log = _partial.OpenCodes(CodesKey(axes, scales, anchors.Length / _dimension, cellsKey));
        var progress = new RowProgress(_progress, IndexPhase.Encode, log.Rows, _count);
        rows.ForEachBlock(
            (block, first, count) =>
            {
                CheckUnchanged(block.Span[..(count * _dimension)], first, (int)(first / rows.BlockRows));
                if (first < log.Rows) return;
                BlockScheduler.Run(
                    BlockScheduler.BlockCount(count, RowsPerTask), _threads,
                    (task, _) =>
                    {
                        var residual = new float[_dimension];
                        int end = Math.Min((task + 1) * RowsPerTask, count);
                        for (int row = task * RowsPerTask; row < end; row++)
                        {
                            int cell = assignments[(int)first + row];
                            TensorPrimitives.Subtract(
                                block.Span.Slice(row * _dimension, _dimension), anchors.AsSpan(cell * _dimension, _dimension), residual);
                            Span<byte> code = codes.AsSpan(row * rowBytes, rowBytes);
                            ReadOnlySpan<float> scale = scales is null ? [] : scales.Of(cell);
                            if (bytes) Int8Codec.Encode(residual, axes, scale, code);
                            else Float16Codec.Encode(residual, axes, scale, code);
                        }
                    },
                    _cancellation);
                log.Append(codes.AsSpan(0, count * rowBytes));
                log.Mark(first + count, end: false, () => []);
                progress.Report(first + count);
            },
            _cancellation);
        writer.AdoptSection(
            log, SectionKind.Residuals, IndexFile.Residuals, bytes ? SectionElement.Int8 : SectionElement.Float16, (uint)_count, (uint)axes.Count);
        return true;
    }

    /// <summary>What the codes of int8 and f16 follow from.</summary>
    private byte[] CodesKey(CodedAxes axes, AxisScales? scales, int anchorCount, byte[] cellsKey)
    {
        using var key = new BuildKey();
        key.Add<byte>(cellsKey).Add<uint>(CollectionsMarshal.AsSpan(_blockChecksums)).Add((int)_options.Codec, axes.Count);
        for (int i = 0; i < axes.Count; i++) key.Add(axes.Axis(i));
        for (int cell = 0; scales is not null && cell < anchorCount; cell++) key.Add(scales.Of(cell));
        return key.ToArray();
    }

    private Manifest Describe(IndexWriter writer, int anchorCount, int codedDimension, int scaleExponent, ScanCurve? scan) => new()
    {
        Version = Manifest.CurrentVersion,
        AnchorCount = anchorCount,
        Dimension = _dimension,
        Count = _count,
        Metric = _options.Metric,
        Codec = _options.Codec,
        CodedDimension = codedDimension,
        ScaleExponent = scaleExponent,
        Seed = _options.Training.Seed,
        Sections = [.. writer.Sections],
        TargetRecall = _options.Codec == CodecKind.Packed && _options.Packed.MaxRatio is null
            ? _options.Packed.TargetRecall
            : ScanCurve.DefaultTargetRecall,
        Scan = scan,
    };

    /// <summary>Measures the written index on the tuning sample.</summary>
    private Measurement Tune(IndexWriter writer, Manifest manifest, TuningQueries tuning, ExactNeighbors exact)
    {
        var limits = ScanLimits.Of(_count, _options.Metric);
        int[] neighbours = exact.Ids();
        int queries = tuning.Rows.Length / _dimension, found = neighbours.Length / queries, k = Math.Min(TuningNeighbours, found);
        float unscale = 1 / MathF.ScaleB(1, manifest.ScaleExponent);
        var measured = new ScanTuning(limits, queries);
        using (var index = new VlcIndex(new IndexReader(writer.Staged, manifest, 0, writer.FindInline)))
        {
            BlockScheduler.Run(
                queries, _threads,
                (query, _) =>
                {
                    var original = new float[_dimension];
                    TensorPrimitives.Multiply(tuning.Rows.AsSpan(query * _dimension, _dimension), unscale, original);
                    index.MeasureScan(
                        original, tuning.OwnRows.Length > 0 ? tuning.OwnRows[query] : null, neighbours.AsSpan(query * found, k), limits,
                        measured.BudgetStops(query), measured.ReachStops(query));
                },
                _cancellation);
        }

        (ScanPoint[] points, Recall[] recalls) = measured.Frontier(k);
        return new Measurement(
            new ScanCurve { K = k, Queries = queries, StandardError = (float)recalls[^1].StandardError, Points = points }, recalls);
    }

    private static TrainingReport Unscaled(TrainingReport report, double unscale) => new()
    {
        Iterations =
        [
            .. report.Iterations.Select(iteration => iteration with
            {
                Distortion = iteration.Distortion * unscale,
                Energy = iteration.Energy * unscale,
                ValidationEnergy = iteration.ValidationEnergy * unscale,
            }),
        ],
        Converged = report.Converged,
        Distortion = report.Distortion * unscale,
        Energy = report.Energy * unscale,
        NormalizedEntropy = report.NormalizedEntropy,
        TrainingRows = report.TrainingRows,
        ResumedFrom = report.ResumedFrom,
    };

    /// <summary>What sampling yields: rows in scaled units, their centre, and rows held out of training.</summary>
    private sealed record Sample(float[] Rows, int[] TrainingIds, float[] HeldOutRows, int[] HeldOutIds, int ScaleExponent, float[] Centre)
    {
        public float[] Rows { get; private set; } = Rows;

        /// <summary>Gives the training rows back: no later phase looks at them.</summary>
        public void ReleaseRows() => Rows = [];
    }

    /// <summary>The tuning sample, in scaled units; the numbers of its rows where they are rows of the base, else none.</summary>
    private sealed record TuningQueries(float[] Rows, int[] OwnRows);

    private sealed record Foundation(
        Sample Sample, TuningQueries Tuning, float[] Anchors, int[] Assignments, ResidualStatistics Statistics, ExactNeighbors? Exact)
    {
        public required byte[] CellsKey { get; init; }

        public required TrainingReport Training { get; init; }
    }

    /// <summary>A scan curve with the standard error of each of its points.</summary>
    private sealed record Measurement(ScanCurve Curve, Recall[] Recalls)
    {
        public MeasuredRecall Recall(double targetRecall)
        {
            ScanPoint chosen = Curve.For(targetRecall);
            int place = Curve.Points.Index().First(point => point.Item == chosen).Index;
            return new MeasuredRecall(Curve.K, Curve.Queries, Recalls[^1], Recalls[place], chosen);
        }
    }

    private sealed class TrainingRelay(IProgress<IndexProgress>? progress, int mostIterations) : IProgress<TrainingIteration>
    {
        public void Report(TrainingIteration value) => progress?.Report(new IndexProgress(
            IndexPhase.Train, (value.Iteration + 1.0) / mostIterations,
            $"iteration {value.Iteration + 1}, {value.Changed:P1} of rows moved"));
    }
}
