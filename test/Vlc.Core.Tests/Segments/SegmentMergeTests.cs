using System.Globalization;
using Vlc.Indexing;
using Vlc.Search;
using Vlc.Segments;
using Vlc.Storage;
using Vlc.Tests;
using Vlc.Vectors;

namespace Vlc.Core.Tests.Segments;

/// <summary>Adding, deleting and compacting: bytes, numbers, keys, and what is refused.</summary>
public sealed class SegmentMergeTests
{
    private const int BaseRows = 250, MoreRows = 300;

    public static TheoryData<CodecKind, Metric> CodecsAndMetrics => SegmentData.CodecsAndMetrics;

    [Theory]
    [MemberData(nameof(CodecsAndMetrics))]
    public void A_merged_segment_has_the_bytes_of_one_that_was_coded_whole_on_any_number_of_threads(CodecKind codec, Metric metric)
    {
        int d = SegmentData.Dimension(codec);
        float[] rows = Datasets.Clusters(BaseRows, d, 8, 1), more = Datasets.Clusters(MoreRows, d, 8, 2);
        using TemporaryFolder folder = new();
        string start = SegmentData.Build(folder, rows, d, codec, metric, tuningRows: 20);
        SortedDictionary<string, byte[]>? expected = null, expectedAdded = null;
        foreach (int threads in (int[])[1, 2, 7])
        {
            Assert.Equal(SegmentData.Files(start), SegmentData.Files(SegmentData.Build(
                folder, rows, d, codec, metric, tuningRows: 20, threads: threads, name: $"built{threads}")));
            string once = SegmentData.Copy(start, $"once{threads}"), parts = SegmentData.Copy(start, $"parts{threads}");
            SegmentData.Add(once, more, d, threads: threads);
            SortedDictionary<string, byte[]> added = SegmentData.Files(once);
            expectedAdded ??= added;
            Assert.Equal(expectedAdded, added);
            IndexUpdater.Compact(once);
            SegmentData.AddParts(parts, more, d, 4);
            IndexUpdater.Compact(parts);
            expected ??= SegmentData.SearchedFiles(once);
            Assert.Equal(expected, SegmentData.SearchedFiles(once));
            Assert.Equal(expected, SegmentData.SearchedFiles(parts));
        }

        // Compacting what is compact changes nothing.
        string again = folder.File("once1");
        SortedDictionary<string, byte[]> before = SegmentData.Files(again);
        Assert.Equal(0, IndexUpdater.Compact(again).Removed);
        Assert.Equal(before, SegmentData.Files(again));
    }

    [Theory]
    [MemberData(nameof(CodecsAndMetrics))]
    public void Deleting_a_fifth_and_compacting_gives_its_bytes_back_and_leaves_what_a_segment_without_it_would_be(
        CodecKind codec, Metric metric)
    {
        int d = SegmentData.Dimension(codec);
        float[] more = Datasets.Clusters(MoreRows, d, 8, 2);
        using TemporaryFolder folder = new();
        string with = SegmentData.Build(folder, Datasets.Clusters(BaseRows, d, 8, 1), d, codec, metric);
        string without = SegmentData.Copy(with, "without");
        SegmentData.AddParts(with, more, d, 3);
        int[] gone = [.. Enumerable.Range(BaseRows, MoreRows).Where(row => row % 5 == 2)];
        float[] kept =
        [
            .. Enumerable.Range(0, MoreRows).Where(row => (row + BaseRows) % 5 != 2)
                .SelectMany(row => Datasets.Row(more, d, row).ToArray()),
        ];
        SegmentData.Add(without, kept, d);
        IndexUpdater.Compact(without);

        long rowsBefore = RowBytes(with);
        IndexUpdater.Remove(with, gone[..10]);
        Assert.Equal(gone.Length - 10, IndexUpdater.Remove(with, gone));
        Assert.Equal(0, IndexUpdater.Remove(with, gone));
        // Deleting adds a bit a row, and takes nothing away yet.
        Assert.Equal(
            (rowsBefore, (BaseRows + MoreRows + 7) / 8),
            (RowBytes(with), IndexInfo.Verify(with).Sections.Single(row => row.Name == "deleted rows").Bytes));
        CompactReport report = IndexUpdater.Compact(with);
        Assert.Equal((gone.Length, IndexInfo.Verify(with).Bytes), (report.Removed, report.After));
        Assert.Equal(SegmentData.SearchedFiles(without), SegmentData.SearchedFiles(with));
        Assert.Equal(RowBytes(without), RowBytes(with));
        Assert.True(report.After.Search < report.Before.Search);
        if (codec is CodecKind.Int8) Assert.Equal(rowsBefore - (gone.Length * (d + 4L)), RowBytes(with));
    }

    [Fact]
    public void Numbers_close_up_in_the_old_order()
    {
        const int D = 12;
        using TemporaryFolder folder = new();
        string path = SegmentData.Build(folder, Datasets.Clusters(BaseRows, D, 8, 1), D, CodecKind.Int8, tuningRows: 20);
        SegmentData.AddParts(path, Datasets.Clusters(MoreRows, D, 8, 2), D, 3);
        float[] queries = Datasets.Clusters(10, D, 8, 3);
        int[] gone = [0, 7, 249, 250, 251, 549];
        IndexUpdater.Remove(path, gone);
        (int[] Ids, int[] ScoreBits) before;
        using (VlcIndex index = VlcIndex.Open(path)) before = SegmentData.Answers(index, queries, SearchOptions.Exhaustive);
        int[] numbers = IndexUpdater.Compact(path).NewNumbers;
        int[] left = [.. Enumerable.Range(0, BaseRows + MoreRows).Except(gone)];
        Assert.All(gone, row => Assert.Equal(-1, numbers[row]));
        Assert.Equal(Enumerable.Range(0, left.Length), left.Select(row => numbers[row]));
        using VlcIndex compacted = VlcIndex.Open(path);
        (int[] ids, int[] bits) = SegmentData.Answers(compacted, queries, SearchOptions.Exhaustive);
        Assert.Equal(before.Ids.Select(id => numbers[id]), ids);
        Assert.Equal(before.ScoreBits, bits);
        Assert.Null(compacted.Key(0));
        Assert.Equal(0, compacted.Manifest.DeletedCount);
    }

    [Theory]
    [InlineData(KeyKind.String)]
    [InlineData(KeyKind.Guid)]
    [InlineData(KeyKind.Int64)]
    public void Keys_go_with_their_rows_through_everything(KeyKind kind)
    {
        const int D = 6;
        float[] rows = Datasets.Clusters(40, D, 4, 1), more = Datasets.Clusters(30, D, 4, 2);
        using TemporaryFolder folder = new();
        string path = SegmentData.Build(folder, rows, D, CodecKind.Float16, keys: Column(0, 40));
        Assert.Equal(KeyBytes(0, 40), IndexInfo.Verify(path).Bytes.Keys);
        SegmentData.Add(path, more.AsSpan(0, 10 * D), D, Column(40, 10));
        SegmentData.Add(path, more.AsSpan(10 * D), D, Column(50, 20));
        AssertKeys([.. Enumerable.Range(0, 70)]);
        Assert.Equal(KeyBytes(0, 40) + KeyBytes(40, 10) + KeyBytes(50, 20), IndexInfo.Verify(path).Bytes.Keys);

        int[] named;
        using (VlcIndex index = VlcIndex.Open(path)) named = index.FindRows([Key(3), Key(45), Key(69), Key(1001)]);
        Assert.Equal([3, 45, 69], named);
        IndexUpdater.Remove(path, named);
        using (VlcIndex index = VlcIndex.Open(path)) Assert.Empty(index.FindRows([Key(3), Key(45), Key(69)]));
        AssertKeys([.. Enumerable.Range(0, 70)]);
        IndexUpdater.Compact(path);
        int[] left = [.. Enumerable.Range(0, 70).Except(named)];
        AssertKeys(left);
        SegmentData.Add(path, more.AsSpan(0, D), D, Column(99, 1));
        AssertKeys([.. left, 99]);

        void AssertKeys(int[] numbers)
        {
            IndexInfo.Verify(path);
            using VlcIndex index = VlcIndex.Open(path);
            Assert.Equal((kind, numbers.Length), (index.KeyKind, index.Count));
            for (int row = 0; row < numbers.Length; row++) Assert.Equal(Key(numbers[row]), index.Key(row));
            IReadOnlyList<SearchHit> hits = index.Search(Datasets.Row(rows, D, 5), index.Count, SearchOptions.Exhaustive);
            Assert.All(hits, hit => Assert.Equal(Key(numbers[hit.Id]), hit.Key));
            Assert.All(index.SearchRange(Datasets.Row(rows, D, 5), 100), hit => Assert.Equal(Key(numbers[hit.Id]), hit.Key));
        }

        object Key(int number) => kind switch
        {
            KeyKind.String => Text(number),
            KeyKind.Guid => new Guid(number, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10),
            _ => number - 5L + ((long)number << 40),
        };

        KeyColumn Column(int first, int count) => kind switch
        {
            KeyKind.String => KeyColumn.Of([.. Enumerable.Range(first, count).Select(number => (string)Key(number))]),
            KeyKind.Guid => KeyColumn.Of([.. Enumerable.Range(first, count).Select(number => (Guid)Key(number))]),
            _ => KeyColumn.Of([.. Enumerable.Range(first, count).Select(number => (long)Key(number))]),
        };

        long KeyBytes(int first, int count) => 16 + (kind switch
        {
            KeyKind.String => Enumerable.Range(first, count).Sum(number => System.Text.Encoding.UTF8.GetByteCount(Text(number)) + 4),
            KeyKind.Guid => 16 * count,
            _ => 8 * count,
        });

        // Empty ones, long ones, and all lengths of UTF-8.
        static string Text(int number) => (number % 4) switch
        {
            0 => "",
            1 => number.ToString(CultureInfo.InvariantCulture),
            2 => new string('ä', number) + "漢😀",
            _ => "\0key" + number.ToString(CultureInfo.InvariantCulture),
        };
    }

    [Fact]
    public void Keys_that_could_not_come_back_are_refused()
    {
        using TemporaryFolder folder = new();
        float[] rows = Datasets.Clusters(40, 6, 4, 1);
        string[] keys = [.. Enumerable.Range(0, 40).Select(row => $"{row}")];
        keys[7] = "half of one: \ud83d";
        ArgumentException half = Assert.Throws<ArgumentException>(
            () => SegmentData.Build(folder, rows, 6, CodecKind.Int8, keys: KeyColumn.Of(keys)));
        Assert.Contains("row 7", half.Message, StringComparison.Ordinal);
        keys[7] = null!;
        ArgumentException none = Assert.Throws<ArgumentException>(
            () => SegmentData.Build(folder, rows, 6, CodecKind.Int8, keys: KeyColumn.Of(keys)));
        Assert.Contains("row 7 is null", none.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => SegmentData.Build(folder, rows, 6, CodecKind.Int8, keys: KeyColumn.Of(keys[..5])));
        Assert.Empty(Directory.GetFiles(folder.Path));
    }

    [Fact]
    public void Adding_to_many_segments_merges_all_but_the_first()
    {
        const int D = 6;
        float[] more = Datasets.Clusters(80, D, 4, 2), queries = Datasets.Clusters(10, D, 4, 3);
        foreach (CodecKind codec in (CodecKind[])[CodecKind.Int8, CodecKind.Packed])
        {
            using TemporaryFolder folder = new();
            string path = SegmentData.Build(
                folder, Datasets.Clusters(100, D, 4, 1), D, codec, keys: SegmentData.Numbers(0, 100));
            string one = SegmentData.Copy(path, "one");
            SegmentData.Add(one, more.AsSpan(0, 66 * D), D, KeyColumn.Of([.. Enumerable.Range(100, 66).Select(row => (long)row)]));
            IndexUpdater.Remove(one, [3, 101, 110]);
            IndexUpdater.Compact(one);
            for (int part = 0; part < 33; part++)
            {
                AddReport report = SegmentData.Add(
                    path, more.AsSpan(2 * part * D, 2 * D), D, KeyColumn.Of([100L + (2 * part), 101L + (2 * part)]));
                Assert.Equal((100 + (2 * part), part < 31 ? part + 2 : part - 28), (report.FirstRow, report.Segments));
                // Rows deleted before the merge stay deleted through it.
                if (part == 20) Assert.Equal(3, IndexUpdater.Remove(path, [3, 101, 110]));
            }

            Manifest manifest = IndexInfo.Verify(path).Manifest;
            Assert.Equal(
                [new SegmentEntry(100, 1), new SegmentEntry(62, 2), new SegmentEntry(2, 0), new SegmentEntry(2, 0)], manifest.Segments);
            using (VlcIndex index = VlcIndex.Open(path))
            {
                for (int row = 0; row < index.Count; row++) Assert.Equal((long)row, index.Key(row));
                using VlcIndex compacted = VlcIndex.Open(one);
                Assert.Equal(Keys(compacted, queries), Keys(index, queries));
            }

            IndexUpdater.Compact(path);
            Assert.Equal(SegmentData.SearchedFiles(one), SegmentData.SearchedFiles(path));
        }

        static object?[] Keys(VlcIndex index, float[] queries) =>
        [
            .. Enumerable.Range(0, 10)
                .SelectMany(query => index.Search(Datasets.Row(queries, D, query), 10, SearchOptions.Exhaustive)).Select(hit => hit.Key),
        ];
    }

    [Fact]
    public void What_does_not_fit_an_index_is_refused_and_changes_nothing()
    {
        const int D = 6;
        float[] rows = Datasets.Clusters(40, D, 4, 1);
        using TemporaryFolder folder = new();
        string plain = SegmentData.Build(folder, rows, D, CodecKind.Int8, Metric.Cosine, tuningRows: 4, name: "plain");
        string keyed = SegmentData.Build(
            folder, rows, D, CodecKind.Packed, keys: KeyColumn.Of([.. Enumerable.Range(0, 40).Select(row => $"{row}")]), name: "keyed");
        string frozen = Datasets.Build(
            folder, rows, D, new IndexOptions { Updatable = false, Packed = new() { Level = 0 }, Training = Datasets.Training(4) },
            "frozen");
        SortedDictionary<string, byte[]>[] before = [SegmentData.Files(plain), SegmentData.Files(keyed), SegmentData.Files(frozen)];
        float[] two = rows[..(2 * D)];

        AssertRefused<ArgumentException>("has 5 dimensions; the index has 6", () => SegmentData.Add(plain, rows.AsSpan(0, 5), 5));
        AssertRefused<ArgumentException>("can have none", () => SegmentData.Add(plain, two, D, KeyColumn.Of(["a", "b"])));
        AssertRefused<ArgumentException>("of kind String; the rows to be added have none", () => SegmentData.Add(keyed, two, D));
        AssertRefused<ArgumentException>("have Int64", () => SegmentData.Add(keyed, two, D, KeyColumn.Of([1L, 2L])));
        AssertRefused<ArgumentException>(
            "3 keys are given for 2 rows", () => SegmentData.Add(keyed, two, D, KeyColumn.Of(["a", "b", "c"])));
        AssertRefused<ArgumentException>("BASE.encoder.bin", () => SegmentData.Add(frozen, two, D));
        AssertRefused<VlcFormatException>("a row of zeros", () => SegmentData.Add(plain, [.. two, .. new float[D]], D));
        AssertRefused<VlcFormatException>(
            "row 1", () => SegmentData.Add(keyed, [.. two[..D], .. Enumerable.Repeat(3e38f, D)], D, KeyColumn.Of(["a", "b"])));
        AssertRefused<ArgumentException>("40 is no row: the index holds rows 0 to 39", () => IndexUpdater.Remove(plain, [1, 40]));
        AssertRefused<ArgumentException>("-1 is no row", () => IndexUpdater.Remove(plain, [-1]));
        AssertRefused<ArgumentException>("No row would be left", () => IndexUpdater.Remove(plain, [.. Enumerable.Range(0, 40)]));
        AssertRefused<FileNotFoundException>("There is no index", () => IndexUpdater.Remove(folder.File("missing/index"), [1]));
        AssertRefused<FileNotFoundException>("There is no index", () => SegmentData.Add(folder.File("missing/index"), two, D));
        AssertRefused<FileNotFoundException>("There is no index", () => IndexUpdater.Compact(folder.File("missing/index")));
        Assert.False(Directory.Exists(folder.File("missing")));
        using (VlcIndex index = VlcIndex.Open(keyed))
        {
            AssertRefused<ArgumentException>("of kind String; 5 is a Int32", () => index.FindRows([5]));
        }

        using (VlcIndex index = VlcIndex.Open(plain)) AssertRefused<InvalidOperationException>("has no keys", () => index.FindRows(["a"]));
        using var cancelled = new CancellationTokenSource();
        cancelled.Cancel();
        using var source = new InMemoryVectors(two, D);
        Assert.ThrowsAny<OperationCanceledException>(() => IndexUpdater.Add(plain, source, cancellationToken: cancelled.Token));
        Assert.Equal(before, [SegmentData.Files(plain), SegmentData.Files(keyed), SegmentData.Files(frozen)]);

        static void AssertRefused<T>(string message, Action change)
            where T : Exception => Assert.Contains(message, Assert.ThrowsAny<T>(change).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_component_beyond_the_codes_is_cut_and_counted()
    {
        const int D = 6;
        using TemporaryFolder folder = new();
        string path = SegmentData.Build(folder, Datasets.Clusters(100, D, 4, 1), D, CodecKind.Int8);
        Assert.Equal(0, SegmentData.Add(path, Datasets.Clusters(100, D, 4, 1).AsSpan(0, 10 * D), D).ClampedRows);
        Assert.Equal(1, SegmentData.Add(path, [.. Datasets.Clusters(1, D, 4, 1), .. Enumerable.Repeat(1000f, D)], D).ClampedRows);
    }

    [Fact]
    public void The_yardstick_follows_rows_that_come_and_go()
    {
        const int D = 12;
        float[] rows = Datasets.Clusters(600, D, 6, 1), more = Datasets.Clusters(300, D, 6, 2);
        using TemporaryFolder folder = new();
        string path = SegmentData.Build(folder, rows, D, CodecKind.Float16, tuningRows: 40);
        AssertExact();
        AddReport report = SegmentData.Add(path, more, D);
        rows = [.. rows, .. more];
        AssertExact();
        // Codes of 16 bits rank nearly as the originals do; a scan of every cell finds nearly all.
        Assert.InRange(report.RecallAfter!.Value.Value, 0.85, 1);
        using (VlcIndex index = VlcIndex.Open(path)) Assert.InRange(index.MeasureRecall(SearchOptions.Exhaustive)!.Value.Value, 0.98, 1);

        int[] gone = [.. Enumerable.Range(0, 900).Where(row => row % 2 == 0)];
        IndexUpdater.Remove(path, gone);
        using (VlcIndex index = VlcIndex.Open(path)) Assert.InRange(index.MeasureRecall(SearchOptions.Exhaustive)!.Value.Value, 0.98, 1);
        IndexUpdater.Compact(path);
        rows = [.. Enumerable.Range(0, 900).Where(row => row % 2 == 1).SelectMany(row => Datasets.Row(rows, D, row).ToArray())];
        // What is left of a list is exact as far as it goes, and stays so when rows come that are farther than its end.
        AssertExact();
        SegmentData.Add(path, more, D);
        rows = [.. rows, .. more];
        AssertExact();
        using (VlcIndex index = VlcIndex.Open(path)) Assert.InRange(index.MeasureRecall(SearchOptions.Exhaustive)!.Value.Value, 0.98, 1);

        void AssertExact()
        {
            using SectionReader reader = SectionReader.Open(path);
            Yardstick yardstick = Yardstick.Read(reader)!;
            float scale = MathF.ScaleB(1, reader.Manifest.ScaleExponent);
            Assert.Equal(40, yardstick.Count);
            int known = 0;
            for (int query = 0; query < yardstick.Count; query++)
            {
                float[] vector = [.. yardstick.Queries.AsSpan(query * D, D).ToArray().Select(value => value / scale)];
                int own = yardstick.OwnRows[query];
                int[] listed =
                [
                    .. yardstick.Rows.AsSpan(query * Yardstick.Neighbors, Yardstick.Neighbors).ToArray().Where(row => row >= 0),
                ];
                double[] exact =
                [
                    .. Enumerable.Range(0, rows.Length / D).Where(row => row != own)
                        .Select(row => Datasets.Squared(vector, Datasets.Row(rows, D, row))).Order().Take(listed.Length),
                ];
                known += listed.Length;
                for (int i = 0; i < listed.Length; i++)
                {
                    // Queries are kept as float16, of 11 bits: nearly equal distances may change places.
                    Assert.Equal(exact[i], Datasets.Squared(vector, Datasets.Row(rows, D, listed[i])), 0.02 * exact[i]);
                }
            }

            Assert.InRange(known, 40 * 8, 40 * Yardstick.Neighbors);
        }
    }

    private static long RowBytes(string path) =>
        IndexInfo.Read(path).Sections.Where(row => row.File.File is IndexFile.Assignments or IndexFile.Residuals).Sum(row => row.Bytes);
}
