using System.Collections.Concurrent;
using Vlc.Codecs;
using Vlc.Indexing;
using Vlc.Search;
using Vlc.Tests;
using Vlc.Vectors;

namespace Vlc.Core.Tests.Storage;

public sealed class ReplacementTests
{
    private const int Dimension = 6;
    private const int Count = 300;
    private const int Replacements = 50;
    private const int Readers = 8;

    /// <summary>A reader that took files of two states would find other rows, or none.</summary>
    [Fact]
    public void Every_open_sees_one_whole_state_while_the_index_is_replaced_again_and_again()
    {
        using TemporaryFolder folder = new();
        string path = folder.File("index");
        float[][] rows = [Datasets.Clusters(Count, Dimension, 5, 1), Datasets.Clusters(Count, Dimension, 5, 2)];
        Build(path, rows, 0);
        var failures = new ConcurrentQueue<Exception>();
        int opens = 0;
        using var done = new CancellationTokenSource();
        Thread[] readers = [.. Enumerable.Range(0, Readers).Select(_ => new Thread(() =>
        {
            while (!done.IsCancellationRequested)
            {
                try
                {
                    AssertWhole(path, rows);
                    Interlocked.Increment(ref opens);
                }
                catch (Exception failure)
                {
                    failures.Enqueue(failure);
                }
            }
        }))];
        foreach (Thread reader in readers) reader.Start();
        try
        {
            for (int replacement = 1; replacement <= Replacements; replacement++) Build(path, rows, replacement % 2);
        }
        finally
        {
            done.Cancel();
            foreach (Thread reader in readers) reader.Join();
        }

        Assert.Empty(failures);
        Assert.True(opens >= Replacements, $"{opens} opens");
    }

    private static void AssertWhole(string path, float[][] rows)
    {
        using VlcIndex index = VlcIndex.Open(path);
        int state = (int)index.Manifest.Seed - 1;
        for (int row = 0; row < Count; row += 50)
        {
            Assert.Equal([row], Datasets.Search(index, Datasets.Row(rows[state], Dimension, row), 1, SearchOptions.Exhaustive));
        }
    }

    /// <summary>States with and without a file of Jacobians, of equal shapes otherwise.</summary>
    private static void Build(string path, float[][] rows, int state)
    {
        using var source = new InMemoryVectors(rows[state], Dimension);
        IndexBuilder.Build(source, path, new IndexOptions
        {
            Codec = CodecKind.Int8, Jacobians = state == 0, TuningRows = 0, Training = Datasets.Training(10, seed: (ulong)state + 1),
        });
    }
}
