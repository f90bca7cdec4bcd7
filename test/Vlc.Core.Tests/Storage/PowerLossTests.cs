using Microsoft.Win32.SafeHandles;
using Vlc.Codecs;
using Vlc.Indexing;
using Vlc.Numerics.Memory;
using Vlc.Numerics.Randomness;
using Vlc.Search;
using Vlc.Storage;
using Vlc.Tests;
using Vlc.Vectors;

namespace Vlc.Core.Tests.Storage;

/// <summary>
/// Records the steps of a commit, then makes the folders that a loss of power after each of them can leave: names that were not flushed are
/// there in any subset, bytes that were not flushed are cut. Each of them must be the old index or the new one, whole.
/// </summary>
public sealed class PowerLossTests
{
    private const int Dimension = 6;
    private const int Count = 200;

    [Theory]
    [InlineData(true, CodecKind.Int8)]
    [InlineData(false, CodecKind.Int8)]
    [InlineData(false, CodecKind.Packed)]
    public void A_loss_of_power_at_any_step_of_a_build_leaves_the_old_index_or_the_new_one(bool newHasJacobians, CodecKind codec)
    {
        using TemporaryFolder folder = new();
        string path = folder.File("index");
        Build(FolderContainer.Create(path), 1, CodecKind.Int8, !newHasJacobians);
        AssertEveryLoss(
            folder, recorder => Build(FolderContainer.Create(path, recorder), 2, codec, newHasJacobians), copy => Seed(copy) == 2);
    }

    [Fact]
    public void A_loss_of_power_at_any_step_of_a_removal_leaves_the_rows_or_removes_them()
    {
        using TemporaryFolder folder = new();
        string path = folder.File("index");
        Build(FolderContainer.Create(path), 1, CodecKind.Int8, jacobians: true);
        AssertEveryLoss(
            folder,
            recorder =>
            {
                using FolderContainer container = FolderContainer.OfExisting(path, recorder);
                IndexUpdater.Remove(container, [3, 5]);
            },
            copy => IndexInfo.Verify(copy).Manifest.DeletedCount switch { 0 => false, 2 => true, var other =>
                throw new InvalidDataException($"{other}") });
    }

    [Fact]
    public void A_full_disk_at_any_step_leaves_the_old_index_alone_or_the_new_one()
    {
        for (int step = 0; ; step++)
        {
            using TemporaryFolder folder = new();
            string path = folder.File("index");
            Build(FolderContainer.Create(path), 1, CodecKind.Int8, jacobians: true);
            Dictionary<string, byte[]> before = Files(folder.Path);
            var recorder = new Recorder { FailingStep = step };
            bool failed = false;
            try
            {
                Build(FolderContainer.Create(path, recorder), 2, CodecKind.Int8, jacobians: false);
            }
            catch (IOException exception)
            {
                Assert.Equal(Recorder.Failure, exception.Message);
                failed = true;
            }

            bool isNew = Seed(path) == 2;
            if (!isNew) Assert.Equal(before, Files(folder.Path));
            Assert.Equal(recorder.Committed, isNew);
            FolderContainer.OfExisting(path).Dispose();
            AssertClean(folder.Path);
            Assert.Equal(isNew, Seed(path) == 2);
            if (failed) continue;
            Assert.True(isNew);
            Assert.InRange(step, 12, 60);
            return;
        }
    }

    /// <summary>Runs a change, then tries every loss of power during it.</summary>
    /// <param name="folder">Of the index before the change.</param>
    /// <param name="change">The change.</param>
    /// <param name="isNew">Checks that an index is whole; true for the state after the change, false for that before.</param>
    private static void AssertEveryLoss(TemporaryFolder folder, Action<Recorder> change, Func<string, bool> isNew)
    {
        Dictionary<string, byte[]> before = Files(folder.Path);
        var recorder = new Recorder();
        change(recorder);
        var random = new SeededRandom(7, 1);
        var outcomes = new HashSet<bool>();
        for (int steps = 0; steps <= recorder.Steps.Count; steps++)
        {
            var disk = new Disk(before);
            bool committed = false, durable = false;
            foreach (Step step in recorder.Steps.Take(steps))
            {
                disk.Take(step);
                durable |= committed && step is FolderFlushed;
                committed |= step.IsCommit;
            }

            // The file that is flushed next can be there already, cut anywhere.
            (string, byte[])? cut = recorder.Steps.ElementAtOrDefault(steps) is Flushed next ? (next.Name,
                next.Content[..(next.Content.Length / 2)]) : null;
            foreach (bool[] kept in disk.Subsets(random))
            {
                using TemporaryFolder lost = new();
                foreach ((string name, byte[] content) in disk.After(kept)) lost.Write(name, content);
                if (cut is var (cutName, cutContent)) lost.Write(cutName, cutContent);
                string copy = lost.File("index");
                bool found = isNew(copy);
                outcomes.Add(found);
                if (!committed) Assert.False(found);
                if (durable) Assert.True(found);
                FolderContainer.OfExisting(copy).Dispose();
                AssertClean(lost.Path);
                Assert.Equal(found, isNew(copy));
            }
        }

        Assert.Equal(2, outcomes.Count);
    }

    private static void AssertClean(string folder) => Assert.DoesNotContain(
        Directory.GetFiles(folder), file => file.EndsWith(".new", StringComparison.Ordinal) || file.EndsWith(".tmp",
            StringComparison.Ordinal)
            || file.EndsWith(".lock", StringComparison.Ordinal));

    private static Dictionary<string, byte[]> Files(string folder) =>
        Directory.GetFiles(folder).ToDictionary(path => Path.GetFileName(path), File.ReadAllBytes);

    /// <summary>Seed of an index whose rows are found, with every checksum right.</summary>
    private static ulong Seed(string path)
    {
        ulong seed = IndexInfo.Verify(path).Manifest.Seed;
        using VlcIndex index = VlcIndex.Open(path);
        float[] rows = Datasets.Clusters(Count, Dimension, 5, seed);
        if (index.Manifest.Codec == CodecKind.Int8)
        {
            Assert.Equal([7], Datasets.Search(index, Datasets.Row(rows, Dimension, 7), 1, SearchOptions.Exhaustive));
        }

        return seed;
    }

    private static void Build(FolderContainer container, ulong seed, CodecKind codec, bool jacobians)
    {
        using (container)
        {
            using var source = new InMemoryVectors(Datasets.Clusters(Count, Dimension, 5, seed), Dimension);
            var options = new IndexOptions
            {
                Codec = codec, Jacobians = codec == CodecKind.Packed ? null : jacobians, TuningRows = 20, Training = Datasets.Training(6,
                    seed),
            };
            var partial = new PartialBuild(container.Files.Path(IndexFile.Manifest), options, resumable: false);
            IndexBuilder.BuildInto(source, container, partial, options);
        }
    }

    private abstract record Step
    {
        public virtual bool IsCommit => false;
    }

    private sealed record Flushed(string Name, byte[] Content) : Step;

    private sealed record Moved(string From, string To) : Step
    {
        public override bool IsCommit => To.EndsWith(".idx.new", StringComparison.Ordinal);
    }

    private sealed record Deleted(string Name) : Step;

    private sealed record FolderFlushed : Step;

    private sealed class Recorder : FolderActions
    {
        public const string Failure = "No space left on device";

        public List<Step> Steps { get; } = [];

        /// <summary>The step that fails, and all after it.</summary>
        public int FailingStep { get; init; } = int.MaxValue;

        public bool Committed => Steps.Any(step => step.IsCommit);

        public override void Flush(SafeFileHandle file, string path)
        {
            Add(new Flushed(Path.GetFileName(path), Read(path)));
            base.Flush(file, path);
        }

        public override void Move(string from, string to)
        {
            Add(new Moved(Path.GetFileName(from), Path.GetFileName(to)));
            base.Move(from, to);
        }

        public override void Delete(string path)
        {
            Add(new Deleted(Path.GetFileName(path)));
            base.Delete(path);
        }

        public override void FlushFolder(string folder)
        {
            Add(new FolderFlushed());
            base.FlushFolder(folder);
        }

        private void Add(Step step)
        {
            if (Steps.Count >= FailingStep) throw new IOException(Failure);
            Steps.Add(step);
        }

        private static byte[] Read(string path)
        {
            using SafeFileHandle handle = OperatingSystem.IsWindows()
                ? File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete)
                : UnixFile.TryOpen(path)!;
            var bytes = new byte[RandomAccess.GetLength(handle)];
            Assert.Equal(bytes.Length, RandomAccess.Read(handle, bytes, 0));
            return bytes;
        }
    }

    /// <summary>A folder as the disk has it: names that are certain, and changes of names that are not.</summary>
    private sealed class Disk(Dictionary<string, byte[]> files)
    {
        private const int MostSubsets = 24;

        private readonly Dictionary<string, byte[]> _live = new(files);
        private readonly List<(string? Gone, string? There, byte[] Content)> _pending = [];
        private Dictionary<string, byte[]> _durable = new(files);

        public void Take(Step step)
        {
            switch (step)
            {
                case Flushed flushed:
                    _live[flushed.Name] = flushed.Content;
                    _pending.Add((null, flushed.Name, flushed.Content));
                    break;
                case Moved moved:
                    // Bytes that were never flushed are not known to the recorder, and would be missing here.
                    byte[] content = _live[moved.From];
                    _live.Remove(moved.From);
                    _live[moved.To] = content;
                    _pending.Add((moved.From, moved.To, content));
                    break;
                case Deleted deleted:
                    _live.Remove(deleted.Name);
                    _pending.Add((deleted.Name, null, []));
                    break;
                default:
                    _durable = new(_live);
                    _pending.Clear();
                    break;
            }
        }

        /// <summary>
        /// Which of the uncertain changes are kept: every subset where there are few, else none, all, each alone, all but each, and some
        /// drawn.
        /// </summary>
        public IEnumerable<bool[]> Subsets(SeededRandom random)
        {
            int count = _pending.Count;
            if (1 << Math.Min(count, 20) <= MostSubsets)
            {
                for (int bits = 0; bits < 1 << count; bits++) yield return [.. Enumerable.Range(0, count).Select(i =>
                    (bits >> i & 1) != 0)];
                yield break;
            }

            yield return new bool[count];
            yield return [.. Enumerable.Repeat(true, count)];
            for (int one = 0; one < count; one++)
            {
                yield return [.. Enumerable.Range(0, count).Select(i => i == one)];
                yield return [.. Enumerable.Range(0, count).Select(i => i != one)];
            }

            for (int drawn = 0; drawn < 8; drawn++) yield return [.. Enumerable.Range(0, count).Select(_ => random.NextInt64(2) == 1)];
        }

        public Dictionary<string, byte[]> After(bool[] kept)
        {
            var names = new Dictionary<string, byte[]>(_durable);
            for (int i = 0; i < kept.Length; i++)
            {
                if (!kept[i]) continue;
                if (_pending[i].Gone is { } gone) names.Remove(gone);
                if (_pending[i].There is { } there) names[there] = _pending[i].Content;
            }

            return names;
        }
    }
}
