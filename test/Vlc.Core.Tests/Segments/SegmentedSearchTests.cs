using CsCheck;
using Vlc.Indexing;
using Vlc.Scanning;
using Vlc.Search;
using Vlc.Tests;

namespace Vlc.Core.Tests.Segments;

/// <summary>Several segments of one model are searched as one index of the same rows.</summary>
public sealed class SegmentedSearchTests
{
    private const int BaseRows = 300, MoreRows = 500;

    public static TheoryData<CodecKind, Metric> CodecsAndMetrics => SegmentData.CodecsAndMetrics;

    [Theory]
    [MemberData(nameof(CodecsAndMetrics))]
    public void Ten_segments_answer_as_one_does_bit_by_bit(CodecKind codec, Metric metric)
    {
        int d = SegmentData.Dimension(codec);
        float[] inOrder = Datasets.Clusters(MoreRows, d, 8, 1), queries = Datasets.Clusters(12, d, 8, 2);
        // File order and another: for one metric both.
        float[][] orders = metric == Metric.L2 ? [inOrder, SegmentData.Shuffled(inOrder, d, 3)] : [SegmentData.Shuffled(inOrder, d, 3)];
        foreach (float[] rows in orders)
        {
            using TemporaryFolder folder = new();
            string ten = SegmentData.Build(folder, Datasets.Clusters(BaseRows, d, 8, 1), d, codec, metric, tuningRows: 30);
            string one = SegmentData.Copy(ten, "one");
            SegmentData.Add(one, rows, d);
            IndexUpdater.Compact(one);
            SegmentData.AddParts(ten, rows, d, 9);
            using VlcIndex expected = VlcIndex.Open(one), found = VlcIndex.Open(ten);
            Assert.Equal((1, 10), (expected.Manifest.Segments.Count, found.Manifest.Segments.Count));
            AssertSameAnswers(expected, found, queries);
            var expectedRow = new float[d];
            var foundRow = new float[d];
            for (int row = 0; row < expected.Count; row += 37)
            {
                expected.Reconstruct(row, expectedRow);
                found.Reconstruct(row, foundRow);
                Assert.Equal(expectedRow, foundRow);
                Assert.Equal(expected.Assignment(row), found.Assignment(row));
            }
        }
    }

    [Theory]
    [MemberData(nameof(CodecsAndMetrics))]
    public void Deleted_rows_are_passed_over_as_rows_that_a_filter_denies(CodecKind codec, Metric metric)
    {
        int d = SegmentData.Dimension(codec);
        using TemporaryFolder folder = new();
        string whole = SegmentData.Build(folder, Datasets.Clusters(BaseRows, d, 8, 1), d, codec, metric);
        SegmentData.AddParts(whole, Datasets.Clusters(MoreRows, d, 8, 4), d, 4);
        float[] queries = Datasets.Clusters(12, d, 8, 2);
        string changed = SegmentData.Copy(whole, "changed");
        using VlcIndex all = VlcIndex.Open(whole);
        // A whole list, a whole segment (the one row of the first that was added), and every fifth row.
        int[] deleted =
        [
            .. Enumerable.Range(0, all.Count).Where(row => row % 5 == 0 || row == BaseRows || all.Assignment(row) == all.Assignment(1)),
        ];
        Assert.Equal(deleted.Length, IndexUpdater.Remove(changed, deleted));
        using VlcIndex left = VlcIndex.Open(changed);
        Assert.Equal((all.Count, all.Count - deleted.Length), (left.Count, left.AliveCount));
        Assert.All(Enumerable.Range(0, all.Count), row => Assert.Equal(deleted.Contains(row), left.IsDeleted(row)));
        RowFilter deny = RowFilter.Deny(all.Count, deleted), some = RowFilter.Where(all.Count, row => row % 3 != 0);
        RowFilter both = RowFilter.Where(all.Count, row => row % 3 != 0 && !deleted.Contains(row));
        foreach ((int? probes, int? rows) in ((int?, int?)[])[(int.MaxValue, null), (3, null), (null, 200)])
        {
            SegmentData.AssertSame(
                all, left, queries, new SearchOptions { Probes = probes, ScannedRows = rows, Filter = deny },
                new SearchOptions { Probes = probes, ScannedRows = rows });
            SegmentData.AssertSame(
                all, left, queries, new SearchOptions { Probes = probes, ScannedRows = rows, Filter = both },
                new SearchOptions { Probes = probes, ScannedRows = rows, Filter = some });
        }

        float middle = SegmentData.MiddleScore(all, queries);
        SegmentData.AssertSameRanges(all, left, queries, middle, new SearchOptions { Filter = deny }, new SearchOptions());
        Assert.Equal(left.AliveCount, left.Search(Datasets.Row(queries, d, 0), int.MaxValue, SearchOptions.Exhaustive).Count);
    }

    [Fact]
    public void Any_rows_in_any_segments_with_any_deleted_are_searched_as_one_segment_of_what_is_left()
    {
        const int D = 5;
        using TemporaryFolder folder = new();
        string start = SegmentData.Build(folder, Datasets.Clusters(60, D, 4, 1), D, CodecKind.Int8);
        float[] more = Datasets.Clusters(40, D, 4, 2), queries = Datasets.Clusters(6, D, 4, 3);
        int round = 0;
        Gen.Select(Gen.Int[1, 10].Array[1, 4], Gen.Int[0, 59].Array[0, 30], Gen.Int[1, 20]).Sample(
            (parts, removed, probes) =>
            {
                string path = SegmentData.Copy(start, $"segments{round++}");
                int first = 0;
                foreach (int part in parts)
                {
                    SegmentData.Add(path, more.AsSpan(first * D, part * D), D);
                    first += part;
                }

                int distinct = removed.Distinct().Count();
                Assert.Equal(distinct, IndexUpdater.Remove(path, removed));
                string compacted = SegmentData.Copy(path, path + "c");
                int[] numbers = IndexUpdater.Compact(compacted).NewNumbers;
                using VlcIndex segments = VlcIndex.Open(path), one = VlcIndex.Open(compacted);
                Assert.Equal((parts.Length + 1, 1), (segments.Manifest.Segments.Count, one.Manifest.Segments.Count));
                Assert.Equal(60 + first - distinct, one.Count);
                SearchOptions[] ways = [SearchOptions.Exhaustive, new() { Probes = probes }, new() { ScannedRows = probes }];
                foreach (SearchOptions options in ways)
                {
                    (int[] ids, int[] bits) = SegmentData.Answers(segments, queries, options);
                    (int[] oneIds, int[] oneBits) = SegmentData.Answers(one, queries, options);
                    Assert.Equal(ids.Select(id => id < 0 ? -1 : numbers[id]), oneIds);
                    Assert.Equal(bits, oneBits);
                }
            },
            iter: 25, threads: 1);
    }

    [Fact]
    public void A_search_of_many_segments_allocates_nothing()
    {
        foreach (CodecKind codec in (CodecKind[])[CodecKind.Packed, CodecKind.Int8])
        {
            int d = SegmentData.Dimension(codec);
            using TemporaryFolder folder = new();
            string path = SegmentData.Build(folder, Datasets.Clusters(200, d, 8, 1), d, codec, tuningRows: 20);
            SegmentData.AddParts(path, Datasets.Clusters(200, d, 8, 2), d, 3);
            IndexUpdater.Remove(path, [1, 3, 250]);
            float[] queries = Datasets.Clusters(50, d, 8, 3);
            using VlcIndex index = VlcIndex.Open(path);
            int[] ids = new int[10];
            float[] scores = new float[10];
            var threshold = new SearchOptions { ScoreThreshold = 100 };
            Allocation.AssertNone(round =>
            {
                index.Search(Datasets.Row(queries, d, round), ids, scores);
                index.Search(Datasets.Row(queries, d, round), ids, scores, SearchOptions.Exhaustive);
                index.Search(Datasets.Row(queries, d, round), ids, scores, threshold);
            });
        }
    }

    private static void AssertSameAnswers(VlcIndex expected, VlcIndex found, float[] queries)
    {
        int count = expected.Count;
        float middle = SegmentData.MiddleScore(expected, queries);
        ulong[] bits = [.. Enumerable.Range(0, (count + 63) / 64).Select(word => 0x9249_2492_4924_9249UL << (word % 3))];
        SearchOptions?[] options =
        [
            null, SearchOptions.Exhaustive, new() { Probes = 3 }, new() { ScannedRows = 150 }, new() { TargetRecall = 0.5 },
            new() { ScoreThreshold = middle }, new() { ScoreThreshold = middle, Probes = int.MaxValue },
            new() { Filter = RowFilter.Allow(count, [.. Enumerable.Range(0, count).Where(row => row % 7 < 3)]) },
            new() { Filter = RowFilter.FromBitmap(count, bits), Probes = int.MaxValue },
            new() { Filter = RowFilter.Where(count, row => row % 4 == 1), ScoreThreshold = middle, Threads = 2 },
        ];
        foreach (SearchOptions? option in options) SegmentData.AssertSame(expected, found, queries, option);
        SegmentData.AssertSameRanges(expected, found, queries, middle, options: null);
        SegmentData.AssertSameRanges(
            expected, found, queries, middle, new SearchOptions { Probes = 4, Filter = RowFilter.Deny(count, [1, 400]) });
        for (int query = 0; query < queries.Length / expected.Dimension; query++)
        {
            ReadOnlySpan<float> vector = Datasets.Row(queries, expected.Dimension, query);
            Assert.Equal(expected.Extent(vector, 10), found.Extent(vector, 10));
        }
    }
}
