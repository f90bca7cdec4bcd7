using System.Runtime.CompilerServices;
using CsCheck;
using Vlc.Core.Tests.Segments;
using Vlc.Indexing;
using Vlc.Search;
using Vlc.Segments;
using Vlc.Tests;
using Vlc.Vectors;

namespace Vlc.Core.Tests.Vectors;

/// <summary>Rows that a program has or makes one by one.</summary>
public sealed class RowVectorsTests
{
    private const int Dimension = 6, Count = 120;

    private static readonly IndexOptions s_options = new()
    {
        Codec = CodecKind.Int8, Training = Datasets.Training(5),
        Keys = KeyColumn.Of([.. Enumerable.Range(0, Count).Select(row => $"key {row}")]),
    };

    [Fact]
    public async Task Arrays_lists_and_sequences_build_the_index_of_one_block_of_memory()
    {
        using TemporaryFolder folder = new(), spool = new();
        float[] block = Datasets.Clusters(Count, Dimension, 4, 1);
        float[][] arrays = [.. Enumerable.Range(0, Count).Select(row => Datasets.Row(block, Dimension, row).ToArray())];
        string expected = Datasets.Build(folder, block, Dimension, s_options, "expected");
        VectorSource[] sources =
        [
            RowVectors.Of(arrays), RowVectors.Of([.. arrays.Select(row => (ReadOnlyMemory<float>)row)]),
            RowVectors.Spool(Reused(arrays), spool.Path),
            await RowVectors.SpoolAsync(AsReused(arrays), spool.Path), RowVectors.Spool(arrays.Select(row => (ReadOnlyMemory<float>)row)),
        ];
        for (int i = 0; i < sources.Length; i++)
        {
            using (sources[i])
            {
                Assert.Equal((Count, Dimension, ElementType.Float32), (sources[i].Count, sources[i].Dimension, sources[i].ElementType));
                await IndexBuilder.BuildAsync(sources[i], folder.File($"index{i}"), s_options);
                Assert.Equal(SegmentData.Files(expected), SegmentData.Files(folder.File($"index{i}")));
                using VlcIndex built = VlcIndex.Build(sources[i], s_options);
                Assert.Equal("key 7", built.Search(arrays[7], 1, SearchOptions.Exhaustive)[0].Key);
            }
        }

        Assert.Empty(Directory.GetFiles(spool.Path));
    }

    [Fact]
    public void Any_range_can_be_read_again_and_again() =>
        Gen.Select(Gen.Int[1, 50], Gen.Int[1, 9], Gen.ULong, Gen.Int[0, 50], Gen.Int[0, 50]).Sample(
            (count, dimension, seed, one, other) =>
            {
                int start = Math.Min(Math.Min(one, other), count), length = Math.Min(Math.Max(one, other), count) - start;
                float[] block = Datasets.Clusters(count, dimension, 2, seed);
                float[][] arrays = [.. Enumerable.Range(0, count).Select(row => Datasets.Row(block, dimension, row).ToArray())];
                using RowVectors listed = RowVectors.Of(arrays), spooled = RowVectors.Spool(Reused(arrays));
                float[] expected = block[(start * dimension)..((start + length) * dimension)], read = new float[(length * dimension) + 1];
                foreach (RowVectors source in (RowVectors[])[listed, spooled, listed, spooled])
                {
                    read.AsSpan().Fill(-99);
                    source.Read(start, length, read);
                    Assert.Equal(expected, read[..^1]);
                    Assert.Equal(-99, read[^1]);
                    Assert.ThrowsAny<ArgumentException>(() => source.Read(start, count - start + 1, new float[(count + 1) * dimension]));
                }
            },
            iter: 100);

    [Fact]
    public async Task A_sequence_that_is_no_block_of_rows_is_refused_by_the_place_and_leaves_no_file()
    {
        using TemporaryFolder spool = new();
        (string Message, float[][] Rows)[] cases =
        [
            ("has no rows", []), ("row 0 has 0 components", [[], []]),
            ("row 2 has 1 components; the rows before have 2", [[1, 2], [3, 4], [5]]),
            ("row 1 has 3 components; the rows before have 2", [[1, 2], [3, 4, 5]]),
        ];
        foreach ((string message, float[][] rows) in cases)
        {
            ReadOnlyMemory<float>[] memory = [.. rows.Select(row => (ReadOnlyMemory<float>)row)];
            AssertSays(message, Assert.Throws<ArgumentException>(() => RowVectors.Of(rows, "mine")));
            AssertSays(message, Assert.Throws<ArgumentException>(() => RowVectors.Of(memory, "mine")));
            AssertSays(message, Assert.Throws<ArgumentException>(() => RowVectors.Spool(memory, spool.Path, "mine")));
            AssertSays(
                message, await Assert.ThrowsAsync<ArgumentException>(() => RowVectors.SpoolAsync(AsReused(rows), spool.Path, "mine")));
        }

        float[][] holed = [[1, 2], [3, float.NaN]];
        Assert.StartsWith(
            "row 1, column 1", Assert.Throws<VlcFormatException>(() => RowVectors.Spool(Reused(holed), spool.Path)).Where,
            StringComparison.Ordinal);
        using (RowVectors listed = RowVectors.Of(holed))
        {
            Assert.StartsWith(
                "row 1, column 1", Assert.Throws<VlcFormatException>(() => listed.Read(0, 2, new float[4])).Where,
                StringComparison.Ordinal);
        }

        using var source = new CancellationTokenSource();
        int asked = 0;
        IEnumerable<ReadOnlyMemory<float>> cancelling = Enumerable.Range(0, 10).Select(row =>
        {
            asked++;
            if (row == 3) source.Cancel();
            return (ReadOnlyMemory<float>)new float[] { row };
        });
        Assert.ThrowsAny<OperationCanceledException>(() => RowVectors.Spool(cancelling, spool.Path, cancellationToken: source.Token));
        Assert.Equal(4, asked);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => RowVectors.SpoolAsync(AsReused([[1]]), spool.Path, cancellationToken: source.Token));
        Assert.Throws<InvalidOperationException>(() => RowVectors.Spool(Failing(), spool.Path));
        Assert.Empty(Directory.GetFiles(spool.Path));

        static void AssertSays(string message, Exception refusal) => 
            Assert.Contains(message, refusal.Message, StringComparison.Ordinal);

        static IEnumerable<ReadOnlyMemory<float>> Failing()
        {
            yield return new float[] { 1 };
            throw new InvalidOperationException("of the caller");
        }
    }

    [Fact]
    public void A_spool_holds_one_buffer_in_memory_however_many_rows_there_are()
    {
        using TemporaryFolder spool = new();
        const int D = 256, Rows = 64_000;
        var row = new float[D];
        IEnumerable<ReadOnlyMemory<float>> rows = Enumerable.Range(0, Rows).Select(number =>
        {
            row[0] = number;
            return (ReadOnlyMemory<float>)row;
        });
        long before = GC.GetAllocatedBytesForCurrentThread();
        using (RowVectors source = RowVectors.Spool(rows, spool.Path))
        {
            // 64 MB of rows.
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 8 << 20);
            Assert.Equal((long)Rows * D * sizeof(float), new FileInfo(Assert.Single(Directory.GetFiles(spool.Path))).Length);
            source.Read(63_123, 1, row);
            Assert.Equal(63_123, row[0]);
        }

        Assert.Empty(Directory.GetFiles(spool.Path));
    }

    [Fact]
    public void Rows_of_a_sequence_are_added_with_their_keys()
    {
        using TemporaryFolder folder = new();
        string path = Datasets.Build(folder, Datasets.Clusters(Count, Dimension, 4, 1), Dimension, s_options);
        using RowVectors more = RowVectors.Spool(Reused([[1, 2, 3, 4, 5, 6], [6, 5, 4, 3, 2, 1]]));
        IndexUpdater.Add(path, more, new AddOptions { Keys = KeyColumn.Of(["one", "two"]) });
        using VlcIndex index = VlcIndex.Open(path);
        Assert.Equal("two", index.Key(Count + 1));
    }

    /// <summary>The rows, all in one buffer, which the next row overwrites.</summary>
    private static IEnumerable<ReadOnlyMemory<float>> Reused(float[][] rows)
    {
        var buffer = new float[rows.Max(row => row.Length)];
        foreach (float[] row in rows)
        {
            row.CopyTo(buffer, 0);
            yield return buffer.AsMemory(0, row.Length);
        }
    }

    private static async IAsyncEnumerable<ReadOnlyMemory<float>> AsReused(
        float[][] rows, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        foreach (float[] row in rows)
        {
            await Task.Yield();
            cancellationToken.ThrowIfCancellationRequested();
            yield return row;
        }
    }
}
