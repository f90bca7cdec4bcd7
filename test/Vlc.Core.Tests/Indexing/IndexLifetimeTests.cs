using System.Runtime.CompilerServices;
using Vlc.Core.Tests.Segments;
using Vlc.Indexing;
using Vlc.Scanning;
using Vlc.Search;
using Vlc.Storage;
using Vlc.Tests;
using Vlc.Vectors;

namespace Vlc.Core.Tests.Indexing;

/// <summary>An index that is disposed of, forgotten, or replaced while it is searched.</summary>
public sealed class IndexLifetimeTests
{
    private const int Dimension = 12, Count = 300;

    [Fact]
    public void An_index_disposed_of_under_16_searching_threads_harms_none_of_them_a_thousand_times()
    {
        using TemporaryFolder folder = new();
        string path = Build(folder);
        float[] queries = Datasets.Clusters(64, Dimension, 8, 2);
        (int[] Ids, int[] ScoreBits) expected;
        using (VlcIndex index = VlcIndex.Open(path)) expected = SegmentData.Answers(index, queries, SearchOptions.Exhaustive);
        VlcIndex current = VlcIndex.Open(path);
        using var stop = new CancellationTokenSource();
        var failures = new System.Collections.Concurrent.ConcurrentQueue<string>();
        long answered = 0, refused = 0;
        Thread[] searching = [.. Enumerable.Range(0, 16).Select(thread => new Thread(() =>
        {
            int[] ids = new int[SegmentData.K];
            float[] scores = new float[SegmentData.K];
            for (int i = thread; !stop.IsCancellationRequested; i++)
            {
                int query = i % 64;
                try
                {
                    Volatile.Read(ref current).Search(Datasets.Row(queries, Dimension, query), ids, scores, SearchOptions.Exhaustive);
                    Interlocked.Increment(ref answered);
                    bool right = ids.AsSpan().SequenceEqual(expected.Ids.AsSpan(query * SegmentData.K, SegmentData.K));
                    if (!right) failures.Enqueue($"query {query}");
                }
                catch (ObjectDisposedException exception)
                {
                    Interlocked.Increment(ref refused);
                    if (!exception.ObjectName.Contains(nameof(VlcIndex), StringComparison.Ordinal)) failures.Enqueue(exception.ToString());
                }
                catch (Exception exception)
                {
                    failures.Enqueue(exception.ToString());
                }
            }
        }))];
        foreach (Thread thread in searching) thread.Start();
        for (int round = 0; round < 1000; round++)
        {
            // Disposed of while threads use it, before they see the next one.
            VlcIndex next = VlcIndex.Open(path), old = Volatile.Read(ref current);
            if (round % 2 == 0) old.Dispose();
            Volatile.Write(ref current, next);
            old.Dispose();
        }

        stop.Cancel();
        foreach (Thread thread in searching) thread.Join();
        current.Dispose();
        Assert.Empty(failures);
        Assert.True(answered > 1000, $"{answered} answered, {refused} refused");
        Assert.Equal(0, MappedFiles(folder));
    }

    [Fact]
    public void Everything_that_needs_the_files_is_refused_afterwards_by_the_name_of_the_index()
    {
        using TemporaryFolder folder = new();
        VlcIndex index = VlcIndex.Open(Build(folder));
        index.Dispose();
        index.Dispose();
        float[] query = new float[Dimension];
        Action[] calls =
        [
            () => index.Search(query, 3), () => index.Search(query, new int[3], new float[3]), () => index.SearchRange(query, 1),
            () => index.SearchBatch(query, 1, new int[1], new float[1]), () => index.Extent(query, 3), () => index.Reconstruct(0, query),
            () => index.Assignment(0), () => index.CellSize(0), () => index.Key(0), () => index.IsDeleted(0), () => index.Plan(),
            () => index.FindRows([1L]), () => index.MeasureRecall(), () => index.Save(Stream.Null),
        ];
        foreach (Action call in calls)
        {
            Assert.Contains(nameof(VlcIndex), Assert.Throws<ObjectDisposedException>(call).ObjectName, StringComparison.Ordinal);
        }

        Assert.Throws<ObjectDisposedException>(() => index.SearchAsync(query, 3).GetAwaiter().GetResult());
        // What is known without the files stays.
        Assert.Equal((Count, Dimension), (index.Count, index.Dimension));
    }

    [Fact]
    public void A_running_search_keeps_the_files_of_an_index_that_is_disposed_of()
    {
        using TemporaryFolder folder = new();
        VlcIndex index = VlcIndex.Open(Build(folder));
        float[] query = Datasets.Clusters(1, Dimension, 8, 2);
        IReadOnlyList<SearchHit> expected = index.Search(query, 10, SearchOptions.Exhaustive);
        int mappedWithin = 0;
        var filter = RowFilter.Where(Count, row =>
        {
            index.Dispose();
            mappedWithin = MappedFiles(folder);
            return true;
        });
        Assert.Equal(expected, index.Search(query, 10, new SearchOptions { Probes = int.MaxValue, Filter = filter }));
        if (OperatingSystem.IsLinux()) Assert.True(mappedWithin > 0);
        Assert.Equal(0, MappedFiles(folder));
    }

    [Fact]
    public void A_forgotten_index_gives_its_mapping_back()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "mapped files are counted in /proc/self/maps");
        using TemporaryFolder folder = new();
        string path = Build(folder);
        Forget(path);
        Assert.True(MappedFiles(folder) > 0);
        for (int attempt = 0; attempt < 10 && MappedFiles(folder) > 0; attempt++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        Assert.Equal(0, MappedFiles(folder));

        [MethodImpl(MethodImplOptions.NoInlining)]
        static void Forget(string path)
        {
            for (int i = 0; i < 20; i++) VlcIndex.Open(path).Search(new float[Dimension], 3);
        }
    }

    [Fact]
    public void A_handle_follows_what_replaces_its_index_and_lets_searches_finish()
    {
        using TemporaryFolder folder = new();
        string path = Build(folder);
        using var handle = new IndexHandle(path);
        using (VlcIndex first = handle.Acquire(), second = handle.Acquire()) Assert.NotSame(first, second);
        Assert.False(handle.Reload());
        VlcIndex before = handle.Acquire();
        IndexUpdater.Remove(path, [5]);
        Assert.Equal(Count, before.AliveCount);
        using (VlcIndex still = handle.Acquire()) Assert.Equal(Count, still.AliveCount);
        Assert.True(handle.Reload());
        Assert.False(handle.Reload());
        using (VlcIndex now = handle.Acquire()) Assert.Equal((true, Count - 1), (now.IsDeleted(5), now.AliveCount));
        // Taken before the reload: it goes on, and its files go with it.
        Assert.Equal(Count, before.Search(new float[Dimension], Count, SearchOptions.Exhaustive).Count);
        int mapped = MappedFiles(folder);
        before.Dispose();
        if (OperatingSystem.IsLinux()) Assert.True(MappedFiles(folder) < mapped);
        Assert.Throws<ObjectDisposedException>(() => before.Search(new float[Dimension], 1));

        // A damaged state is refused; the current one stays.
        byte[] manifest = File.ReadAllBytes(path + ".idx");
        File.WriteAllBytes(path + ".idx", manifest[..^1]);
        Assert.Throws<VlcFormatException>(() => handle.Reload());
        using (VlcIndex now = handle.Acquire()) Assert.Equal(Count - 1, now.AliveCount);
        File.WriteAllBytes(path + ".idx", manifest);

        VlcIndex last = handle.Acquire();
        handle.Dispose();
        handle.Dispose();
        Assert.Throws<ObjectDisposedException>(() => handle.Acquire());
        Assert.Throws<ObjectDisposedException>(() => handle.Reload());
        Assert.Equal(3, last.Search(new float[Dimension], 3).Count);
        last.Dispose();
        Assert.Equal(0, MappedFiles(folder));
    }

    [Fact]
    public void Searches_through_a_handle_find_one_state_or_another_while_the_index_changes()
    {
        using TemporaryFolder folder = new();
        string path = Build(folder);
        float[] more = Datasets.Clusters(40, Dimension, 8, 5);
        using var handle = new IndexHandle(path);
        using var stop = new CancellationTokenSource();
        var failures = new System.Collections.Concurrent.ConcurrentQueue<string>();
        Thread[] searching = [.. Enumerable.Range(0, 4).Select(thread => new Thread(() =>
        {
            while (!stop.IsCancellationRequested)
            {
                try
                {
                    // Through the handle, and opened anew by its name, whatever a writer is doing.
                    using VlcIndex index = thread < 2 ? handle.Acquire() : VlcIndex.Open(path);
                    int[] found =
                    [
                        .. index.Search(new float[Dimension], Count + 100, SearchOptions.Exhaustive).Select(hit => hit.Id).Order(),
                    ];
                    int[] alive = [.. Enumerable.Range(0, index.Count).Where(row => !index.IsDeleted(row))];
                    if (!found.SequenceEqual(alive)) failures.Enqueue($"{found.Length} of {alive.Length}");
                    if (thread < 2) handle.Reload();
                }
                catch (Exception exception)
                {
                    failures.Enqueue(exception.ToString());
                }
            }
        }))];
        foreach (Thread thread in searching) thread.Start();
        for (int round = 0; round < 10; round++)
        {
            SegmentData.Add(path, more, Dimension, SegmentData.Numbers(1000 * round, 40));
            IndexUpdater.Remove(path, [.. Enumerable.Range(Count, 20)]);
            IndexUpdater.Remove(path, [.. Enumerable.Range(Count + 20, 20)]);
            IndexUpdater.Compact(path);
        }

        stop.Cancel();
        foreach (Thread thread in searching) thread.Join();
        Assert.Empty(failures);
        Assert.Equal(Count, IndexInfo.Verify(path).Manifest.Count);
    }

    [Fact]
    public void One_writer_at_a_time_changes_an_index()
    {
        using TemporaryFolder folder = new();
        string path = Build(folder);
        SortedDictionary<string, byte[]> before = SegmentData.Files(path);
        // Within the first's progress a second one comes.
        IndexInUseException? refused = null;
        float[] more = Datasets.Clusters(5, Dimension, 8, 5);
        using (var source = new InMemoryVectors(more, Dimension))
        {
            var progress = new Immediate(() => refused ??= Assert.Throws<IndexInUseException>(() => IndexUpdater.Remove(path, [1])));
            IndexUpdater.Add(path, source, new AddOptions { Keys = SegmentData.Numbers(1000, 5) }, progress);
        }

        Assert.Contains("another build of this index is running", refused!.Message, StringComparison.Ordinal);
        Assert.Equal(Count + 5, IndexInfo.Verify(path).Manifest.Count);
        Assert.Equal(1, IndexUpdater.Remove(path, [1]));
        Assert.DoesNotContain(".lock", SegmentData.Files(path).Keys);

        // What a killed writer leaves stops nobody.
        File.WriteAllBytes(path + ".lock", []);
        File.WriteAllBytes(path + ".update.codes", [1, 2, 3]);
        Assert.Equal(1, IndexUpdater.Remove(path, [2]));
        Assert.Equal(
            before.Keys.Concat([".1.assign.bin", ".1.keys.bin", ".1.residuals.bin", ".deleted.bin"]).Order(StringComparer.Ordinal),
            SegmentData.Files(path).Keys);
    }

    /// <summary>Files of a folder that this process maps; 0 where the system does not tell.</summary>
    private static int MappedFiles(TemporaryFolder folder) =>
        OperatingSystem.IsLinux() ? File.ReadAllLines("/proc/self/maps").Count(line =>
            line.Contains(folder.Path, StringComparison.Ordinal)) : 0;

    private static string Build(TemporaryFolder folder) => SegmentData.Build(
        folder, Datasets.Clusters(Count, Dimension, 8, 1), Dimension, CodecKind.Int8, keys: SegmentData.Numbers(0, Count));

    private sealed class Immediate(Action hear) : IProgress<IndexProgress>
    {
        public void Report(IndexProgress value) => hear();
    }
}
