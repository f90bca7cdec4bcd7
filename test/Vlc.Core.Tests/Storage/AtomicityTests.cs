using Vlc.Indexing;
using Vlc.Codecs;
using Vlc.Search;
using Vlc.Storage;
using Vlc.Tests;
using Vlc.Vectors;

namespace Vlc.Core.Tests.Storage;

public sealed class AtomicityTests
{
    private const int Dimension = 6;
    private const int Count = 300;

    public static TheoryData<CodecKind, IndexPhase, double> Moments
    {
        get
        {
            // The end of the last phase is past the point of no return.
            var moments = new TheoryData<CodecKind, IndexPhase, double>();
            foreach (CodecKind codec in (CodecKind[])[CodecKind.Int8, CodecKind.Packed])
            {
                foreach (IndexPhase phase in Enum.GetValues<IndexPhase>())
                {
                    if (phase == IndexPhase.Level && codec != CodecKind.Packed) continue;
                    moments.Add(codec, phase, 0);
                    if (phase != IndexPhase.Tune) moments.Add(codec, phase, 1);
                }
            }

            return moments;
        }
    }

    [Theory]
    [MemberData(nameof(Moments))]
    public void A_build_cancelled_at_any_moment_leaves_the_old_index_whole_and_nothing_else(CodecKind codec, IndexPhase phase, double share)
    {
        using TemporaryFolder folder = new();
        string path = folder.File("index");
        Build(path, 1, jacobians: true);
        Dictionary<string, byte[]> before = Contents(folder);
        using var source = new CancellationTokenSource();
        var stop = new Immediate(progress => { if (progress.Phase == phase && progress.Share == share) source.Cancel(); });
        Assert.ThrowsAny<OperationCanceledException>(() => Build(path, 2, codec == CodecKind.Packed ? null : false, stop, source.Token));
        Assert.Equal(before, Contents(folder));
        Assert.Equal(1u, IndexInfo.Verify(path).Manifest.Seed);
    }

    [Fact]
    public void A_source_that_fails_late_leaves_the_old_index_whole()
    {
        using TemporaryFolder folder = new();
        string path = folder.File("index");
        Build(path, 1, jacobians: true);
        Dictionary<string, byte[]> before = Contents(folder);
        float[] rows = Datasets.Clusters(Count, Dimension, 5, 2);
        rows[^1] = float.NaN;
        using var source = new InMemoryVectors(rows, Dimension);
        VlcFormatException failure = Assert.Throws<VlcFormatException>(() => IndexBuilder.Build(
            source, path, new IndexOptions { TrainingRows = 20, TuningRows = 0, Training = Datasets.Training(5) }));
        Assert.StartsWith("row 299, column 5", failure.Where, StringComparison.Ordinal);
        Assert.Equal(before, Contents(folder));
    }

    [Fact]
    public void A_program_killed_at_any_step_of_a_commit_leaves_the_old_index_or_the_new_one_whole()
    {
        // Two indexes of which one has Jacobians and the other has none, each replaced by the other.
        foreach (bool newHasJacobians in (bool[])[true, false])
        {
            int files = RawIndex.Paths("").Length - 1;
            for (int staged = 0; staged <= files; staged++) AssertOldAfterKill(newHasJacobians, staged, ManifestState.None);
            AssertOldAfterKill(newHasJacobians, files, ManifestState.Cut);
            for (int renamed = 0; renamed <= files + 1; renamed++) AssertNewAfterKill(newHasJacobians, renamed);
        }
    }

    [Fact]
    public void A_reader_of_the_old_index_goes_on_when_a_new_one_takes_its_place()
    {
        using TemporaryFolder folder = new();
        string path = folder.File("index");
        Build(path, 1, jacobians: true);
        float[] query = Datasets.Clusters(1, Dimension, 5, 9);
        using VlcIndex old = VlcIndex.Open(path);
        int[] before = Datasets.Search(old, query, 10);
        Build(path, 2, jacobians: false);
        Assert.Equal(before, Datasets.Search(old, query, 10));
        using VlcIndex replaced = VlcIndex.Open(path);
        Assert.Equal(2u, replaced.Manifest.Seed);
        Assert.NotEqual(before, Datasets.Search(replaced, query, 10));
    }

    [Fact]
    public void An_atomic_write_replaces_a_file_whole_and_leaves_no_other()
    {
        using TemporaryFolder folder = new();
        string path = folder.Write("file", [1]);
        AtomicFile.Write(path, [2, 3]);
        Assert.Equal([2, 3], File.ReadAllBytes(path));
        Assert.Single(Directory.GetFiles(folder.Path));
        Directory.CreateDirectory(folder.File("folder"));
        Assert.ThrowsAny<Exception>(() => AtomicFile.Write(folder.File("folder"), [4]));
        Assert.Single(Directory.GetFiles(folder.Path));
    }

    private enum ManifestState
    {
        None,
        Cut,
    }

    private static void AssertOldAfterKill(bool newHasJacobians, int stagedFiles, ManifestState manifest)
    {
        using TemporaryFolder folder = new();
        (string path, string fresh) = BuildBoth(folder, newHasJacobians);
        string[] from = RawIndex.Paths(fresh), to = RawIndex.Paths(path);
        for (int file = 1; file <= stagedFiles; file++)
        {
            if (File.Exists(from[file])) File.Copy(from[file], to[file] + ".new");
        }

        if (manifest == ManifestState.Cut) File.WriteAllBytes(to[0] + ".new", File.ReadAllBytes(from[0])[..^1]);
        AssertIsWhole(path, seed: 1);
        AssertNextBuildLeavesNothing(path, folder);
    }

    private static void AssertNewAfterKill(bool newHasJacobians, int renamedFiles)
    {
        using TemporaryFolder folder = new();
        (string path, string fresh) = BuildBoth(folder, newHasJacobians);
        string[] from = RawIndex.Paths(fresh), to = RawIndex.Paths(path);
        var committed = IndexFiles.Committed(path, IndexInfo.Read(fresh).Manifest);
        File.Copy(from[0], to[0] + ".new");
        for (int file = 1; file < from.Length; file++)
        {
            if (!File.Exists(from[file])) continue;
            if (file <= renamedFiles) File.Copy(from[file], to[file], overwrite: true);
            else File.Copy(from[file], committed.Path((IndexFile)file));
        }

        // What the old index had beyond the new one is removed before the manifest is renamed.
        if (renamedFiles == from.Length) File.Move(to[0] + ".new", to[0], overwrite: true);
        AssertIsWhole(path, seed: 2);
        AssertNextBuildLeavesNothing(path, folder);
    }

    private static (string Old, string Fresh) BuildBoth(TemporaryFolder folder, bool newHasJacobians)
    {
        string path = folder.File("index"), fresh = folder.File(Path.Combine("fresh", "index"));
        Build(path, 1, !newHasJacobians);
        Build(fresh, 2, newHasJacobians);
        return (path, fresh);
    }

    private static void AssertIsWhole(string path, ulong seed)
    {
        Assert.Equal(seed, IndexInfo.Verify(path).Manifest.Seed);
        using VlcIndex index = VlcIndex.Open(path);
        // Rows of the data that the index was built from are found in it.
        float[] rows = Datasets.Clusters(Count, Dimension, 5, seed);
        for (int row = 0; row < 20; row++) Assert.Equal([row], Datasets.Search(index, Datasets.Row(rows, Dimension, row), 1,
            SearchOptions.Exhaustive));
    }

    private static void AssertNextBuildLeavesNothing(string path, TemporaryFolder folder)
    {
        Build(path, 3, jacobians: false);
        AssertIsWhole(path, seed: 3);
        Assert.Equal(
            ["index.anchors.bin", "index.assign.bin", "index.encoder.bin", "index.idx", "index.residuals.bin"],
            Directory.GetFiles(folder.Path).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    private static Dictionary<string, byte[]> Contents(TemporaryFolder folder) =>
        Directory.GetFiles(folder.Path, "*", SearchOption.AllDirectories).ToDictionary(path => path, File.ReadAllBytes);

    /// <summary>With or without diagonal Jacobians by int8; null for the packed codec, which chooses itself.</summary>
    private static void Build(
        string path, ulong seed, bool? jacobians, IProgress<IndexProgress>? progress = null, CancellationToken cancellation = default)
    {
        using var source = new InMemoryVectors(Datasets.Clusters(Count, Dimension, 5, seed), Dimension);
        var options = new IndexOptions
        {
            Codec = jacobians is null ? CodecKind.Packed : CodecKind.Int8, Jacobians = jacobians, Training = Datasets.Training(10, seed),
        };
        IndexBuilder.Build(source, path, options, progress, cancellation);
    }

    private sealed class Immediate(Action<IndexProgress> hear) : IProgress<IndexProgress>
    {
        public void Report(IndexProgress value) => hear(value);
    }
}
