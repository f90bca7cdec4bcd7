using System.Buffers.Binary;
using CsCheck;
using Vlc.Codecs.Packed;
using Vlc.Core.Tests.Packed;
using Vlc.Evaluation;
using Vlc.Indexing;
using Vlc.Scanning;
using Vlc.Search;
using Vlc.Storage;
using Vlc.Tests;
using Vlc.Vectors;

namespace Vlc.Core.Tests.Parity;

/// <summary>End to end, under each metric, on cells of unequal size and scale.</summary>
public sealed class ParitySearchTests : IDisposable
{
    private const int Dimension = PackedData.Dimension, K = 10, Queries = 60;
    private readonly TemporaryFolder _folder = new();
    private readonly float[] _queries = PackedData.Rows(Queries, 2);

    [Theory]
    [InlineData(Metric.L2)]
    [InlineData(Metric.Cosine)]
    [InlineData(Metric.InnerProduct)]
    public void A_search_that_may_lose_nothing_ranks_as_brute_force_over_the_reconstructions_does(Metric metric)
    {
        // Levels from hardly any code to seven bits: lists without codes are searched, too.
        foreach (int level in (int[])[1000, 200, -2000])
        {
            using VlcIndex index = VlcIndex.Open(Build(
                metric, new PackedOptions { GroupCount = 3, Level = level, PruningLoss = 0 }, $"{level}"));
            double[][] rows = Reconstructions(index, metric);
            for (int query = 0; query < 20; query++) AssertRanks(index, rows, Query(query).ToArray(), metric);
        }
    }

    [Theory]
    [InlineData(Metric.L2)]
    [InlineData(Metric.Cosine)]
    [InlineData(Metric.InnerProduct)]
    public void Pruning_loses_no_more_recall_than_it_may(Metric metric)
    {
        float[] rows = Datasets.Clusters(6000, 40, 12, 1), queries = Datasets.Clusters(300, 40, 12, 2);
        int[] exact = ExactNeighbors.Find(new InMemoryVectors(rows, 40), queries, K, metric);
        Recall[] recalls = [.. new[] { 0, 0.02 }.Select(loss =>
        {
            var options = new IndexOptions
            {
                Metric = metric, Codec = CodecKind.Parity, Packed = new PackedOptions { GroupCount = 2, Level = 0, PruningLoss = loss },
                Training = Datasets.Training(16),
            };
            string path = _folder.File($"{loss}");
            using var source = new InMemoryVectors(rows, 40);
            PruningReport? pruning = IndexBuilder.Build(source, path, options).Packed!.Pruning;
            Assert.Equal(loss > 0, pruning is { Sigmas: > 0 });
            Assert.InRange(pruning!.Loss, 0, loss);
            using VlcIndex index = VlcIndex.Open(path);
            var ids = new int[exact.Length];
            // Of all cells but one: a search of all rows is exact.
            index.SearchBatch(queries, K, ids, new float[ids.Length], new SearchOptions { Probes = 15 });
            return Recall.Compute(ids, exact, K, K);
        })];
        Assert.InRange(recalls[0].Value - recalls[1].Value, -0.005, 0.02 + (2 * recalls[0].StandardError));
    }

    [Theory]
    [InlineData(Metric.L2, 0)]
    [InlineData(Metric.L2, 0.01)]
    [InlineData(Metric.Cosine, 0.01)]
    [InlineData(Metric.InnerProduct, 0)]
    [InlineData(Metric.InnerProduct, 0.01)]
    public void Filters_batches_and_repeated_searches_agree_with_the_plain_one(Metric metric, double loss)
    {
        using VlcIndex index = VlcIndex.Open(Build(metric, new PackedOptions { GroupCount = 2, Level = 0, PruningLoss = loss }));
        Gen.Select(Gen.Int[0, Queries - 1], Gen.Int[0, PackedData.Count - 1].Array[0, 300], Gen.Bool).Sample(
            (query, listed, allow) =>
            {
                RowFilter filter = allow ? RowFilter.Allow(PackedData.Count, listed) : RowFilter.Deny(PackedData.Count, listed);
                int[] all = Datasets.Search(index, Query(query), PackedData.Count, SearchOptions.Exhaustive);
                int[] expected = [.. all.Where(id => listed.Contains(id) == allow).Take(K)];
                var filtered = new SearchOptions { Probes = int.MaxValue, Filter = filter };
                Assert.Equal(expected, Datasets.Search(index, Query(query), K, filtered));
            },
            iter: 100, threads: 1);

        int[] ids = new int[Queries * K], single = new int[K];
        float[] scores = new float[Queries * K], singleScores = new float[K];
        foreach (SearchOptions? options in (SearchOptions?[])[null, SearchOptions.Exhaustive, new() { Probes = 2, Threads = 3 }])
        {
            index.SearchBatch(_queries, K, ids, scores, options);
            for (int query = 0; query < Queries; query++)
            {
                int found = index.Search(Query(query), single, singleScores, options);
                Assert.Equal(single[..found], ids[(query * K)..((query * K) + found)]);
                Assert.Equal(singleScores[..found], scores[(query * K)..((query * K) + found)]);
            }
        }
    }

    [Theory]
    [InlineData(Metric.L2, 0)]
    [InlineData(Metric.L2, 0.01)]
    [InlineData(Metric.Cosine, 0.01)]
    [InlineData(Metric.InnerProduct, 0.01)]
    public void Ten_segments_answer_as_one_and_merge_into_its_bytes(Metric metric, double loss)
    {
        var options = new PackedOptions { GroupCount = 2, Level = 0, PruningLoss = loss };
        string one = Build(metric, options, "one"), ten = Build(metric, options, "ten");
        float[] more = PackedData.Rows(310, 4);
        Add(one, more);
        for (int part = 0; part < 10; part++) Add(ten, more[(part * 31 * Dimension)..((part + 1) * 31 * Dimension)]);
        AssertSameAnswers(one, ten);

        int[] gone = [.. Enumerable.Range(0, PackedData.Count + 310).Where(row => row % 7 == 3)];
        foreach (string path in (string[])[one, ten]) IndexUpdater.Remove(path, gone);
        AssertSameAnswers(one, ten);
        int[] before = Answers(ten);
        foreach (string path in (string[])[one, ten]) IndexUpdater.Compact(path);
        IndexInfo.Verify(ten);
        AssertSameAnswers(one, ten);
        int[] left = [.. Enumerable.Range(0, PackedData.Count + 310).Except(gone)];
        Assert.Equal(before, Answers(ten).Select(id => left[id]));
        Assert.Equal(Residuals(one), Residuals(ten));
    }

    [Theory]
    [InlineData(Metric.L2)]
    [InlineData(Metric.Cosine)]
    [InlineData(Metric.InnerProduct)]
    public void A_search_allocates_nothing(Metric metric)
    {
        using VlcIndex index = VlcIndex.Open(Build(metric, new PackedOptions { GroupCount = 4, Level = 0 }));
        SearchOptions?[] options = [null, SearchOptions.Exhaustive, new() { Filter = RowFilter.Deny(PackedData.Count, [1]) }];
        var ids = new int[K];
        var scores = new float[K];
        Allocation.AssertNone(round =>
        {
            foreach (SearchOptions? option in options) index.Search(Query(round), ids, scores, option);
        });
    }

    [Fact]
    public void Damaged_numbers_of_the_first_stage_are_refused()
    {
        string path = Build(Metric.L2, new PackedOptions { GroupCount = 1, Level = 0 });
        byte[] manifest = File.ReadAllBytes(path + ".idx");
        IndexSection section;
        using (VlcIndex index = VlcIndex.Open(path)) section = index.Manifest.Find(SectionKind.CodecModel)!;
        int place = (int)(section.Offset + section.Length) - 4;
        foreach ((int offset, byte value) in ((int, byte)[])[(0, 33), (1, 5), (3, 1)])
        {
            byte[] damaged = [.. manifest];
            damaged[place + offset] = value;
            damaged.AsSpan(damaged.Length - 4).Clear();
            uint checksum = Crc32C.Compute(damaged.AsSpan(0, damaged.Length - 4));
            BinaryPrimitives.WriteUInt32LittleEndian(damaged.AsSpan(damaged.Length - 4), checksum);
            File.WriteAllBytes(path + ".idx", damaged);
            VlcFormatException refusal = Assert.Throws<VlcFormatException>(() => VlcIndex.Open(path));
            Assert.Contains("nibbles", refusal.Message, StringComparison.Ordinal);
        }
    }

    public void Dispose() => _folder.Dispose();

    private string Build(Metric metric, PackedOptions options, string name = "index") =>
        PackedData.Build(_folder, metric, options, name, CodecKind.Parity);

    private static void Add(string path, float[] rows)
    {
        using var source = new InMemoryVectors(rows, Dimension);
        IndexUpdater.Add(path, source);
    }

    private static byte[] Residuals(string path) =>
        File.ReadAllBytes(Assert.Single(Directory.GetFiles(Path.GetDirectoryName(path)!, Path.GetFileName(path) + ".residuals*")));

    private void AssertSameAnswers(string one, string other)
    {
        using VlcIndex expected = VlcIndex.Open(one), found = VlcIndex.Open(other);
        int[] ids = new int[K], otherIds = new int[K];
        float[] scores = new float[K], otherScores = new float[K];
        foreach (SearchOptions? options in (SearchOptions?[])[null, SearchOptions.Exhaustive, new() { Probes = 3 }])
        {
            for (int query = 0; query < Queries; query++)
            {
                int count = expected.Search(Query(query), ids, scores, options);
                Assert.Equal(count, found.Search(Query(query), otherIds, otherScores, options));
                Assert.Equal(ids, otherIds);
                Assert.Equal(scores, otherScores);
            }
        }
    }

    private int[] Answers(string path)
    {
        using VlcIndex index = VlcIndex.Open(path);
        var ids = new int[Queries * K];
        index.SearchBatch(_queries, K, ids, new float[ids.Length], SearchOptions.Exhaustive);
        return ids;
    }

    private static double[][] Reconstructions(VlcIndex index, Metric metric)
    {
        var vector = new float[Dimension];
        return [.. Enumerable.Range(0, index.Count).Select(row =>
        {
            index.Reconstruct(row, vector);
            double length = metric == Metric.Cosine ? Math.Sqrt(vector.Sum(value => (double)value * value)) : 1;
            return vector.Select(value => value / length).ToArray();
        })];
    }

    private static void AssertRanks(VlcIndex index, double[][] rows, float[] query, Metric metric)
    {
        double length = metric == Metric.Cosine ? Math.Sqrt(query.Sum(value => (double)value * value)) : 1;
        double[] expected = [.. rows.Select(row =>
        {
            double score = 0;
            for (int k = 0; k < Dimension; k++)
            {
                double difference = row[k] - query[k];
                score += metric == Metric.L2 ? difference * difference : row[k] * query[k] / length;
            }

            return score;
        })];
        double rounding = 2e-6 * expected.Max(Math.Abs), sign = metric == Metric.L2 ? 1 : -1;
        double[] sorted = [.. expected.OrderBy(score => sign * score)];
        var ids = new int[25];
        var scores = new float[25];
        Assert.Equal(25, index.Search(query, ids, scores, SearchOptions.Exhaustive));
        Assert.Equal(25, ids.Distinct().Count());
        for (int i = 0; i < 25; i++)
        {
            // Another id in a place is right only where both are as far within the rounding of float32.
            Assert.Equal(sorted[i], expected[ids[i]], rounding);
            Assert.Equal(expected[ids[i]], scores[i], rounding);
        }
    }

    private ReadOnlySpan<float> Query(int query) => Datasets.Row(_queries, Dimension, query);
}
