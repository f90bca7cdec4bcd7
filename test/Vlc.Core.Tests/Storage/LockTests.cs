using Vlc.Codecs;
using Vlc.Indexing;
using Vlc.Storage;
using Vlc.Tests;
using Vlc.Vectors;

namespace Vlc.Core.Tests.Storage;

public sealed class LockTests
{
    private const int Dimension = 4;

    [Fact]
    public void A_second_writer_is_refused_at_once_and_told_who_is_at_work()
    {
        using TemporaryFolder folder = new();
        string path = Build(folder);
        Dictionary<string, byte[]> before = Directory.GetFiles(folder.Path).ToDictionary(file => file, File.ReadAllBytes);
        using (FolderContainer.OfExisting(path))
        {
            Action[] writers =
            [
                () => Build(folder), () => IndexUpdater.Remove(path, [1]), () => IndexUpdater.Compact(path),
                () => IndexUpdater.Add(path, new InMemoryVectors(Datasets.Clusters(5, Dimension, 2, 3), Dimension)),
            ];
            foreach (Action writer in writers)
            {
                IndexInUseException refusal = Assert.Throws<IndexInUseException>(writer);
                Assert.StartsWith(
                    $"{path}: another build of this index is running (process {Environment.ProcessId}, since 2", refusal.Message,
                        StringComparison.Ordinal);
            }

            // Readers need no right.
            using VlcIndex open = VlcIndex.Open(path);
        }

        Assert.Equal(before, Directory.GetFiles(folder.Path).ToDictionary(file => file, File.ReadAllBytes));
        Assert.Equal(1, IndexUpdater.Remove(path, [1]));
    }

    [Fact]
    public void A_lock_file_that_a_killed_writer_left_hinders_nobody_and_goes_with_the_next()
    {
        using TemporaryFolder folder = new();
        folder.Write("index.lock", "1\n2026-01-01 00:00:00 UTC\nelsewhere\nx\n"u8.ToArray());
        Build(folder);
        Assert.False(File.Exists(folder.File("index.lock")));
    }

    [Fact]
    public void Of_many_writers_that_come_and_go_never_two_hold_the_index()
    {
        using TemporaryFolder folder = new();
        string path = folder.File("index");
        int holders = 0, taken = 0, most = 0;
        Parallel.For(0, 8, new ParallelOptions { MaxDegreeOfParallelism = 8 }, _ =>
        {
            for (int attempt = 0; attempt < 250; attempt++)
            {
                IndexLock held;
                try
                {
                    held = IndexLock.Acquire(path);
                }
                catch (IndexInUseException)
                {
                    continue;
                }

                int now = Interlocked.Increment(ref holders);
                InterlockedMax(ref most, now);
                Interlocked.Increment(ref taken);
                Thread.Yield();
                Interlocked.Decrement(ref holders);
                held.Dispose();
            }
        });
        Assert.Equal(1, most);
        Assert.InRange(taken, 1, 2000);
        Assert.Empty(Directory.GetFiles(folder.Path));
    }

    private static void InterlockedMax(ref int target, int value)
    {
        int seen = Volatile.Read(ref target);
        while (value > seen)
        {
            int was = Interlocked.CompareExchange(ref target, value, seen);
            if (was == seen) return;
            seen = was;
        }
    }

    private static string Build(TemporaryFolder folder) => Datasets.Build(
        folder, Datasets.Clusters(30, Dimension, 2, 1), Dimension,
        new IndexOptions { Codec = CodecKind.Int8, Jacobians = false, TuningRows = 0, Training = Datasets.Training(2) });
}
