using Vlc.Core.Tests.Segments;
using Vlc.Indexing;
using Vlc.Search;
using Vlc.Storage;
using Vlc.Tests;

namespace Vlc.Core.Tests.Storage;

/// <summary>
/// A program killed while it adds, deletes or compacts. What is on disk at each step of a commit follows from the states before and after:
/// files that differ are staged one by one, the manifest last, then renamed one by one; files that only the old state has are deleted, and
/// the manifest is renamed last.
/// </summary>
public sealed class UpdateAtomicityTests
{
    private const int Dimension = 6, Count = 60;

    public enum Change
    {
        Add,
        AddAndMerge,
        RemoveFirst,
        RemoveMore,
        Compact,
    }

    [Theory]
    [InlineData(Change.Add)]
    [InlineData(Change.AddAndMerge)]
    [InlineData(Change.RemoveFirst)]
    [InlineData(Change.RemoveMore)]
    [InlineData(Change.Compact)]
    public void A_change_killed_at_any_step_of_its_commit_leaves_the_old_state_or_the_new_one_whole(Change change)
    {
        using TemporaryFolder folder = new();
        string before = SegmentData.Build(
            folder, Datasets.Clusters(Count, Dimension, 4, 1), Dimension, CodecKind.Int8, keys: SegmentData.Numbers(0, Count),
            tuningRows: change == Change.AddAndMerge ? 0 : 6, name: "before");
        for (int i = 0; i < (change == Change.AddAndMerge ? 31 : 2); i++) Add(before, i);
        if (change is Change.RemoveMore or Change.Compact or Change.AddAndMerge) IndexUpdater.Remove(before, [1, Count, Count + 3]);
        string after = SegmentData.Copy(before, "after");
        Apply(change, after, number: 40);
        State old = State.Of(before), fresh = State.Of(after);
        Assert.NotEqual(old.Keys, fresh.Keys);
        SortedDictionary<string, byte[]> oldFiles = SegmentData.Files(before), newFiles = SegmentData.Files(after);
        string[] staged =
        [
            .. newFiles.Keys.Where(
                file => file != ".idx" && !newFiles[file].AsSpan().SequenceEqual(oldFiles.GetValueOrDefault(file))),
        ];
        string[] removed = [.. oldFiles.Keys.Except(newFiles.Keys)];
        Assert.NotEmpty(staged);

        string path = folder.File("killed");
        int steps = 0;
        // Until the manifest is whole, the old state; then the new one.
        for (int files = 0; files <= staged.Length; files++) Check(old, () => Stage(files));
        Check(old, () =>
        {
            Stage(staged.Length);
            Write(".idx.new", newFiles[".idx"][..^1]);
        });
        for (int renamed = 0; renamed <= staged.Length; renamed++) Check(fresh, () => Rename(renamed));
        // A merge of all segments leaves many files to delete: the first, some, and all.
        int[] deletions =
        [
            .. ((int[])[1, removed.Length / 2, removed.Length]).Where(count => count > 0 && count <= removed.Length).Distinct(),
        ];
        foreach (int deleted in deletions)
        {
            Check(fresh, () =>
            {
                Rename(staged.Length);
                foreach (string file in removed[..deleted]) File.Delete(path + file);
            });
        }

        Assert.Equal((2 * (staged.Length + 1)) + 1 + deletions.Length, steps);

        void Check(State expected, Action kill)
        {
            foreach (string file in Directory.GetFiles(folder.Path, "killed.*")) File.Delete(file);
            foreach ((string suffix, byte[] content) in oldFiles) Write(suffix, content);
            kill();
            // What a writer keeps beside its files lies there too.
            Write(".lock", []);
            Write(".update.codes", [1, 2, 3]);
            expected.AssertIs(path);

            // The next writer goes on from the state that is there, and clears up.
            foreach (string file in Directory.GetFiles(folder.Path, "clean.*")) File.Delete(file);
            string clean = SegmentData.Copy(expected == old ? before : after, "clean");
            foreach (string index in (string[])[path, clean]) Assert.Equal(1, IndexUpdater.Remove(index, [20]));
            Assert.Equal(SegmentData.Files(clean), SegmentData.Files(path));
            steps++;
        }

        void Stage(int files)
        {
            foreach (string file in staged[..files]) Write(file + ".new", newFiles[file]);
        }

        void Rename(int files)
        {
            // From the commit on each file has the name that the manifest gives it.
            Manifest manifest = IndexInfo.Read(after).Manifest;
            var committed = IndexFiles.Committed(path, manifest);
            Dictionary<string, string> names = manifest.Files.ToDictionary(file => file.Suffix, committed.Path);
            foreach (string file in staged) File.WriteAllBytes(names[file], newFiles[file]);
            Write(".idx.new", newFiles[".idx"]);
            foreach (string file in staged[..files]) File.Move(names[file], path + file, overwrite: true);
        }

        void Write(string suffix, byte[] content) => File.WriteAllBytes(path + suffix, content);
    }

    [Fact]
    public void A_commit_stages_renames_and_deletes_the_files_that_differ()
    {
        // The steps that the test above plays are those of the library: a file that a state keeps is the same file, by its time of writing.
        using TemporaryFolder folder = new();
        string path = SegmentData.Build(folder, Datasets.Clusters(Count, Dimension, 4, 1), Dimension, CodecKind.Int8, tuningRows: 6);
        DateTime longAgo = new(2001, 1, 1, 0, 0, 0, DateTimeKind.Utc);
        Dictionary<Change, string[]> written = new()
        {
            [Change.Add] = [".1.assign.bin", ".1.residuals.bin", ".encoder.bin", ".idx"],
            [Change.RemoveFirst] = [".deleted.bin", ".idx"],
            [Change.Compact] = [".assign.bin", ".encoder.bin", ".idx", ".residuals.bin"],
        };
        foreach ((Change change, string[] expected) in written)
        {
            foreach (string file in SegmentData.Files(path).Keys) File.SetLastWriteTimeUtc(path + file, longAgo);
            if (change == Change.Add) SegmentData.Add(path, Datasets.Clusters(5, Dimension, 4, 2), Dimension);
            else Apply(change, path, number: 0);
            Assert.Equal(expected, SegmentData.Files(path).Keys.Where(file => File.GetLastWriteTimeUtc(path + file) != longAgo));
        }

        Assert.Equal([".anchors.bin", ".assign.bin", ".encoder.bin", ".idx", ".residuals.bin"], SegmentData.Files(path).Keys);
    }

    private static void Apply(Change change, string path, int number)
    {
        switch (change)
        {
            case Change.Add or Change.AddAndMerge:
                Add(path, number);
                break;
            case Change.RemoveFirst:
                Assert.Equal(1, IndexUpdater.Remove(path, [5]));
                break;
            case Change.RemoveMore:
                Assert.Equal(2, IndexUpdater.Remove(path, [5, 1, Count + 1]));
                break;
            default:
                IndexUpdater.Compact(path);
                break;
        }
    }

    private static void Add(string path, int number) =>
        SegmentData.Add(
            path, Datasets.Clusters(4, Dimension, 4, (ulong)(2 + number)), Dimension, SegmentData.Numbers(1000 * (number + 1), 4));

    /// <summary>What can be seen of an index: its manifest, and all rows that a search finds, with their keys.</summary>
    private sealed record State(byte[] Manifest, SearchHit[] Hits, object?[] Keys)
    {
        public static State Of(string path)
        {
            IndexInfo.Verify(path);
            using VlcIndex index = VlcIndex.Open(path);
            return new State(
                index.ManifestContent.ToArray(), [.. index.Search(new float[Dimension], index.Count, SearchOptions.Exhaustive)],
                [.. Enumerable.Range(0, index.Count).Select(row => index.IsDeleted(row) ? null : index.Key(row))]);
        }

        public void AssertIs(string path)
        {
            State found = Of(path);
            Assert.Equal(Manifest, found.Manifest);
            Assert.Equal(Hits, found.Hits);
            Assert.Equal(Keys, found.Keys);
        }
    }
}
