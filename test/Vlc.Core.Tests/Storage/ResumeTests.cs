using Vlc.Indexing;
using Vlc.Codecs;
using Vlc.Search;
using Vlc.Storage;
using Vlc.Tests;
using Vlc.Vectors;

namespace Vlc.Core.Tests.Storage;

/// <summary>
/// A build that is interrupted and started again. The rows make three blocks, so that passes have moments between blocks.
/// </summary>
public sealed class ResumeTests
{
    private const int Dimension = 4;
    private const int Count = 140_000;

    private static readonly float[] s_rows = Datasets.Clusters(Count, Dimension, 40, 3);

    public static TheoryData<CodecKind, IndexPhase, double> Moments => new()
    {
        { CodecKind.Int8, IndexPhase.Train, 0.3 },
        { CodecKind.Int8, IndexPhase.Assign, 0.4 },
        { CodecKind.Int8, IndexPhase.Encode, 0.4 },
        { CodecKind.Int8, IndexPhase.Tune, 0 },
        { CodecKind.Packed, IndexPhase.Assign, 0.9 },
        { CodecKind.Packed, IndexPhase.Level, 0 },
        { CodecKind.Packed, IndexPhase.Encode, 0.4 },
        { CodecKind.Packed, IndexPhase.Tune, 0 },
    };

    [Theory]
    [MemberData(nameof(Moments))]
    public void A_build_interrupted_at_any_moment_goes_on_and_gives_the_bytes_of_one_that_was_not(
        CodecKind codec, IndexPhase phase, double share)
    {
        using TemporaryFolder folder = new(), whole = new();
        Build(whole, s_rows, Options(codec));
        Interrupt(folder, s_rows, Options(codec), phase, share);
        Assert.Contains(Directory.GetFiles(folder.Path), file => file.Contains(".build.", StringComparison.Ordinal));
        Assert.False(File.Exists(folder.File("index.idx")));

        var heard = new Dictionary<IndexPhase, double>();
        IndexReport report = Build(folder, s_rows, Options(codec), new Immediate(step =>
        {
            // The first report of a pass that went on tells of the rows that were not done again.
            if (step.Share > 0) heard.TryAdd(step.Phase, step.Share);
        }));
        Assert.Equal(Contents(whole), Contents(folder));
        Assert.NotNull(report.Training.ResumedFrom);
        if (phase > IndexPhase.Assign) Assert.Equal(1, heard[IndexPhase.Assign]);
        if (phase == IndexPhase.Assign || (phase == IndexPhase.Encode && share > 0))
        {
            Assert.True(heard[phase] > share + 0.09, $"{heard[phase]}");
        }
    }

    [Fact]
    public void Work_of_another_seed_codec_or_metric_is_not_taken_up()
    {
        foreach (IndexOptions other in (IndexOptions[])
            [Options(CodecKind.Int8, seed: 2), Options(CodecKind.Float16), Options(CodecKind.Int8, metric: Metric.InnerProduct)])
        {
            using TemporaryFolder folder = new(), whole = new();
            Interrupt(folder, s_rows, Options(CodecKind.Int8), IndexPhase.Encode, 0.4);
            Build(folder, s_rows, other);
            Build(whole, s_rows, other);
            Assert.Equal(Contents(whole), Contents(folder));
        }
    }

    [Theory]
    [InlineData(CodecKind.Int8)]
    [InlineData(CodecKind.Packed)]
    public void A_source_that_changed_since_the_interruption_is_refused_once_and_then_built_afresh(CodecKind codec)
    {
        using TemporaryFolder folder = new(), whole = new();
        Interrupt(folder, s_rows, Options(codec), IndexPhase.Encode, 0.4);
        float[] changed = [.. s_rows];
        // One of the many rows that no sample holds, in the first block: only the checksum of its block can tell.
        changed[1000 * Dimension] += 0.5f;
        VlcFormatException refusal = Assert.Throws<VlcFormatException>(() => Build(folder, changed, Options(codec)));
        Assert.StartsWith("rows 0 to 65535", refusal.Where, StringComparison.Ordinal);
        Build(folder, changed, Options(codec));
        Build(whole, changed, Options(codec));
        Assert.Equal(Contents(whole), Contents(folder));
    }

    [Fact]
    public void Damaged_work_is_done_again()
    {
        using TemporaryFolder whole = new(), interrupted = new();
        Build(whole, s_rows, Options(CodecKind.Packed));
        Interrupt(interrupted, s_rows, Options(CodecKind.Packed), IndexPhase.Encode, 0.4);
        string[] parts = [.. Directory.GetFiles(interrupted.Path).Select(file => Path.GetFileName(file)!)];
        Assert.Equal(5, parts.Length);
        foreach (string part in parts)
        {
            foreach (bool cut in (bool[])[false, true])
            {
                using TemporaryFolder folder = new();
                foreach (string file in parts) File.Copy(interrupted.File(file), folder.File(file));
                byte[] bytes = File.ReadAllBytes(folder.File(part));
                bytes[bytes.Length / 2] ^= 1;
                File.WriteAllBytes(folder.File(part), cut ? bytes[..(bytes.Length / 2)] : bytes);
                Build(folder, s_rows, Options(CodecKind.Packed));
                Assert.Equal(Contents(whole), Contents(folder));
            }
        }
    }

    [Fact]
    public void Work_left_behind_does_not_shadow_a_good_index()
    {
        using TemporaryFolder folder = new();
        Build(folder, s_rows, Options(CodecKind.Int8));
        Dictionary<string, byte[]> before = Contents(folder);
        Interrupt(folder, s_rows, Options(CodecKind.Packed, seed: 2), IndexPhase.Encode, 0.4);
        Assert.Equal(1u, IndexInfo.Verify(folder.File("index")).Manifest.Seed);
        foreach (string file in Directory.GetFiles(folder.Path).Where(file => file.Contains(".build.", StringComparison.Ordinal)))
        {
            File.Delete(file);
        }

        Assert.Equal(before, Contents(folder));
    }

    [Fact]
    public void A_build_that_is_not_resumable_leaves_nothing()
    {
        using TemporaryFolder folder = new();
        IndexOptions options = new()
        {
            Codec = CodecKind.Int8,
            Resumable = false,
            PartialInterval = TimeSpan.Zero,
            Training = Datasets.Training(16),
            TuningRows = 20,
        };
        Interrupt(folder, s_rows, options, IndexPhase.Encode, 0.4);
        Assert.Empty(Directory.GetFiles(folder.Path));
    }

    private static IndexOptions Options(CodecKind codec, ulong seed = 1, Metric metric = Metric.L2) => new()
    {
        Codec = codec,
        Metric = metric,
        TrainingRows = 2000,
        TuningRows = 20,
        PartialInterval = TimeSpan.Zero,
        Training = Datasets.Training(16, seed, threads: 2),
    };

    private static IndexReport Build(
        TemporaryFolder folder, float[] rows, IndexOptions options, IProgress<IndexProgress>? progress = null,
        CancellationToken cancellation = default)
    {
        using var source = new InMemoryVectors(rows, Dimension);
        return IndexBuilder.Build(source, folder.File("index"), options, progress, cancellation);
    }

    private static void Interrupt(TemporaryFolder folder, float[] rows, IndexOptions options, IndexPhase phase, double share)
    {
        using var source = new CancellationTokenSource();
        var stop = new Immediate(step => { if (step.Phase == phase && step.Share >= share) source.Cancel(); });
        Assert.ThrowsAny<OperationCanceledException>(() => Build(folder, rows, options, stop, source.Token));
    }

    private static Dictionary<string, byte[]> Contents(TemporaryFolder folder) =>
        Directory.GetFiles(folder.Path).ToDictionary(path => Path.GetFileName(path)!, File.ReadAllBytes);

    private sealed class Immediate(Action<IndexProgress> hear) : IProgress<IndexProgress>
    {
        public void Report(IndexProgress value) => hear(value);
    }
}
