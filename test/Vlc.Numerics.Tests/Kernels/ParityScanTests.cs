using Vlc.Numerics.Kernels;
using Vlc.Numerics.Memory;
using Vlc.Numerics.Randomness;

namespace Vlc.Numerics.Tests.Kernels;

/// <summary>The layout of rows and lists, and both stages of a scan.</summary>
public sealed class ParityScanTests : IDisposable
{
    private readonly string _path = Path.GetTempFileName();
    private readonly MappedFile _file;
    private readonly FastScanTables _tables = new();

    public ParityScanTests()
    {
        var random = new SeededRandom(17);
        byte[] bytes = new byte[24_000];
        for (int i = 0; i < bytes.Length; i++) bytes[i] = (byte)random.NextUInt64();
        File.WriteAllBytes(_path, bytes);
        _file = new MappedFile(_path);
    }

    public static TheoryData<int> Groups => [.. Enumerable.Range(1, 17), 25, 49];

    public void Dispose()
    {
        _tables.Dispose();
        _file.Dispose();
        File.Delete(_path);
    }

    [Theory]
    [MemberData(nameof(Groups))]
    public void Rows_and_lists_hold_what_was_packed(int groups)
    {
        foreach (ParitySample sample in ParitySample.All(groups))
        {
            var random = new SeededRandom((ulong)groups, 3);
            foreach (ParityLayout layout in sample.Layouts())
            {
                Assert.Equal(sample.Bits.Sum(b => b), layout.RowBytes);
                foreach (int count in (int[])[1, 15, 16, 37])
                {
                    byte[][] symbols = [.. Enumerable.Range(0, count).Select(
                        _ => (byte[])[.. Enumerable.Range(0, layout.Axes).Select(k => (byte)random.NextInt64(1 << sample.Bits[k / 8]))])];
                    byte[] rows = new byte[count * layout.RowBytes], list = new byte[rows.Length], row = new byte[layout.RowBytes],
                        unpacked = new byte[layout.Axes];
                    for (int i = 0; i < count; i++) layout.PackRow(symbols[i], rows.AsSpan(i * layout.RowBytes));
                    layout.PackList(rows, list);
                    for (int i = 0; i < count; i++)
                    {
                        layout.UnpackList(list, i, row);
                        Assert.Equal(rows.AsSpan(i * layout.RowBytes, layout.RowBytes).ToArray(), row);
                        layout.UnpackRow(row, unpacked);
                        Assert.Equal(symbols[i], unpacked);
                    }
                }
            }
        }
    }

    /// <summary>An example by hand: 16 axes, of which the first 8 have 3 bits, two of them level bits and coarse, the others one.</summary>
    [Fact]
    public void A_row_lies_as_documented()
    {
        var layout = new ParityLayout([3, 1], [2, 0]);
        byte[] row = new byte[4];
        layout.PackRow([0b111, 0b000, 0b010, 0b101, 0, 0, 0, 0b110, 1, 0, 0, 0, 0, 0, 0, 1], row);
        Assert.Equal([0b10_01_00_11, 0b11_00_00_00, 0b0000_1001, 0b1000_0001], row);
        byte[] list = new byte[8];
        layout.PackList([1, 2, 3, 4, 5, 6, 7, 8], list);
        Assert.Equal([1, 5, 2, 6, 3, 4, 7, 8], list);
    }

    /// <summary>
    /// All rows and picked ones of a list in blocks of which the last is not full; the list ends as near to the end of the file as it may.
    /// </summary>
    [Theory]
    [MemberData(nameof(Groups))]
    public void Scans_give_the_bits_of_the_reference(int groups)
    {
        foreach (ParitySample sample in ParitySample.All(groups))
        {
            foreach (ParityLayout layout in sample.Layouts())
            {
                foreach (int count in (int[])[1, 16, 21])
                {
                    ParityRows codes = Rows(layout, count);
                    AssertScans(codes, [], sample);
                    AssertScans(codes, [count - 1, 0, count / 2, count - 1], sample);
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(Groups))]
    public void Sums_are_those_of_the_reference(int groups)
    {
        foreach (ParitySample sample in ParitySample.All(groups))
        {
            foreach (ParityLayout layout in sample.Layouts())
            {
                foreach (int count in (int[])[1, 16, 37])
                {
                    ParityRows codes = Rows(layout, count);
                    foreach (bool isBound in (bool[])[false, true])
                    {
                        _tables.Distances(ParityTables.Designed, layout, sample.Target, sample.Scale, 2.5f, isBound);
                        AssertSums(codes);
                        _tables.Products(ParityTables.Designed, layout, sample.Target, 2.5f, isBound);
                        AssertSums(codes);
                    }
                }
            }
        }
    }

    /// <summary>No row whose distance is within the limit is dropped by lower bounds, and some others are.</summary>
    [Theory]
    [MemberData(nameof(Groups))]
    public void Lower_bounds_drop_no_row_within_the_limit(int groups)
    {
        foreach (ParitySample sample in ParitySample.All(groups))
        {
            foreach (ParityLayout layout in sample.Layouts())
            {
                ParityRows codes = Rows(layout, 37);
                float[] distances = new float[37], weights = [.. sample.Scale.Zip(sample.Target, (s, t) => -s * t)];
                ParityScan.SquaredDistances(codes, [], ParityTables.Designed, sample.Target, sample.Scale, 1, distances);
                _tables.Distances(ParityTables.Designed, layout, sample.Target, sample.Scale, 1, isBound: true);
                AssertKept(distances);
                ParityScan.DotProducts(codes, [], ParityTables.Designed, weights, 1, distances);
                _tables.Products(ParityTables.Designed, layout, weights, 1, isBound: true);
                AssertKept(distances);

                void AssertKept(float[] measured)
                {
                    ushort[] sums = new ushort[48];
                    int[] rows = new int[37];
                    FastScan.Sums(codes, _tables, sums);
                    float limit = measured.Order().ElementAt(3);
                    int[] found = rows[..FastScan.AtMost(sums, 0, 37, _tables.Threshold(limit), rows)];
                    int[] wanted = [.. Enumerable.Range(0, 37).Where(row => measured[row] <= limit)];
                    Assert.Empty(wanted.Except(found));
                }
            }
        }
    }

    /// <summary>Where all level bits are coarse, the bounds are close: few rows are left.</summary>
    [Fact]
    public void Lower_bounds_drop_most_rows_beyond_the_limit()
    {
        var layout = new ParityLayout([5, 5, 5], [4, 4, 4]);
        ParityRows codes = Rows(layout, 37);
        float[] ones = [.. Enumerable.Repeat(1f, 24)], distances = new float[37];
        ParityScan.SquaredDistances(codes, [], ParityTables.Designed, ones, ones, 0, distances);
        _tables.Distances(ParityTables.Designed, layout, ones, ones, 0, isBound: true);
        ushort[] sums = new ushort[48];
        FastScan.Sums(codes, _tables, sums);
        Assert.InRange(FastScan.AtMost(sums, 0, 37, _tables.Threshold(distances.Order().ElementAt(3)), new int[37]), 4, 15);
    }

    /// <summary>
    /// The expected distance errs as its sigma says, on residuals of the model, and the rounding to bytes adds little to that.
    /// </summary>
    [Theory]
    [InlineData(16, 32)]
    [InlineData(25, 48)]
    [InlineData(25, 64)]
    public void Coarse_distances_are_right_on_average_and_err_as_told(int groups, int nibbles)
    {
        var random = new SeededRandom(5);
        byte[] bits = [.. Enumerable.Range(0, groups).Select(g => (byte)(5 - (4 * g / groups)))], coarse = new byte[groups];
        ParityLayout.ChooseCoarseBits(bits, nibbles, coarse);
        var layout = new ParityLayout(bits, coarse);
        Assert.InRange(layout.CoarseBytes, (nibbles / 2) - 1, nibbles / 2);
        ParitySample query = ParitySample.Random(bits, random);
        using var encoder = new ParityEncoder(ParityTables.Designed, layout.Axes);
        byte[] symbols = new byte[layout.Axes], row = new byte[layout.RowBytes];
        float[] values = new float[layout.Axes];
        _tables.Distances(ParityTables.Designed, layout, query.Target, query.Scale, 7, isBound: false);
        double sum = 0, squares = 0;
        const int Count = 400;
        for (int i = 0; i < Count; i++)
        {
            encoder.Encode([.. query.Scale.Select(s => s * random.NextGaussian())], query.Scale, bits, symbols, values);
            layout.PackRow(symbols, row);
            double coarseDistance = _tables.Base + (_tables.Unit * (double)FastScan.SumReference(row, _tables));
            double z = (coarseDistance
                - ParityScan.SquaredDistanceReference(row, layout, ParityTables.Designed, query.Target, query.Scale, 7)) / _tables.Sigma;
            sum += z;
            squares += z * z;
        }

        Assert.InRange(sum / Count, -.3, .3);
        Assert.InRange(Math.Sqrt(squares / Count), .85, 1.15);
    }

    [Fact]
    public void Rows_at_most_a_threshold_are_kept()
    {
        ushort[] sums = new ushort[48];
        for (int i = 0; i < sums.Length; i++) sums[i] = (ushort)(i * 1400);
        int[] kept = new int[40];
        Assert.Equal(0, FastScan.AtMost(sums, 100, 40, -1, kept));
        Assert.Equal(1, FastScan.AtMost(sums, 100, 40, 0, kept));
        Assert.Equal(100, kept[0]);
        Assert.Equal(37, FastScan.AtMost(sums, 100, 40, 36 * 1400, kept));
        Assert.Equal(Enumerable.Range(100, 37), kept[..37]);
        Assert.Equal(40, FastScan.AtMost(sums, 0, 40, ushort.MaxValue, kept));
    }

    [Fact]
    public void Wrong_arguments_are_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new ParityLayout([1, 2], [0, 0]));
        Assert.Throws<ArgumentOutOfRangeException>(() => new ParityLayout([8], [0]));
        Assert.Throws<ArgumentOutOfRangeException>(() => new ParityLayout([2, 1], [0]));
        Assert.Throws<ArgumentOutOfRangeException>(() => new ParityLayout([2], [2]));
        Assert.Throws<ArgumentOutOfRangeException>(() => new ParityLayout([5], [3]));
        var layout = new ParityLayout([3, 1], [2, 0]);
        Assert.Throws<ArgumentOutOfRangeException>(() => new ParityRows(_file, _file.Length - ParityLayout.Padding - 7, 2, layout));
        Assert.Throws<ArgumentOutOfRangeException>(() => new ParityRows(_file, -1, 2, layout));
        Assert.Throws<ArgumentOutOfRangeException>(() => new ParityRows(_file, 0, 1, new ParityLayout([], [])));
        Assert.Throws<ArgumentOutOfRangeException>(() => layout.PackList(new byte[5], new byte[5]));
        Assert.Throws<ArgumentOutOfRangeException>(() => layout.UnpackList(new byte[8], 2, new byte[4]));
        Assert.Throws<ArgumentOutOfRangeException>(() => layout.PackRow(new byte[15], new byte[4]));
        ParityRows codes = Rows(layout, 3);
        float[] axes = new float[16], results = new float[3];
        Assert.Throws<ArgumentOutOfRangeException>(
            () => ParityScan.SquaredDistances(codes, [3], ParityTables.Designed, axes, axes, 0, results));
        Assert.Throws<ArgumentOutOfRangeException>(
            () => ParityScan.SquaredDistances(codes, [-1], ParityTables.Designed, axes, axes, 0, results));
        Assert.Throws<ArgumentOutOfRangeException>(
            () => ParityScan.SquaredDistances(codes, [], ParityTables.Designed, new float[8], axes, 0, results));
        Assert.Throws<ArgumentOutOfRangeException>(
            () => ParityScan.SquaredDistances(codes, [], ParityTables.Designed, axes, axes, 0, new float[2]));
        Assert.Throws<ArgumentOutOfRangeException>(
            () => ParityScan.DotsAndNorms(codes, [], ParityTables.Designed, axes, axes, axes, results, []));
        Assert.Throws<ArgumentOutOfRangeException>(() => ParityScan.Decode(ParityTables.Designed, [1], [0, 0, 0, 2, 0, 0, 0, 0], axes));
        Assert.Throws<ArgumentOutOfRangeException>(() => FastScan.Sums(codes, _tables, new ushort[16]));
        _tables.Distances(ParityTables.Designed, layout, axes, axes, 0, isBound: false);
        Assert.Throws<ArgumentOutOfRangeException>(() => FastScan.Sums(codes, _tables, new ushort[3]));
        Assert.Throws<ArgumentOutOfRangeException>(
            () => _tables.Distances(ParityTables.Designed, layout, new float[8], axes, 0, isBound: false));
    }

    private ParityRows Rows(ParityLayout layout, int count) =>
        new(_file, _file.Length - ParityLayout.Padding - ((long)count * layout.RowBytes), count, layout);

    private void AssertSums(ParityRows codes)
    {
        ushort[] sums = new ushort[(codes.RowCount + 15) & ~15];
        byte[] row = new byte[codes.Layout.RowBytes];
        FastScan.Sums(codes, _tables, sums);
        for (int i = 0; i < codes.RowCount; i++)
        {
            codes.Unpack(i, row);
            Assert.Equal(FastScan.SumReference(row, _tables), sums[i]);
        }
    }

    private static void AssertScans(ParityRows codes, int[] rows, ParitySample sample)
    {
        int count = rows.Length == 0 ? codes.RowCount : rows.Length;
        float[] distances = new float[count], products = new float[count], dots = new float[count], norms = new float[count];
        float[] weight = [.. sample.Scale.Reverse()], centre = [.. sample.Target.Reverse()];
        ParityTables tables = ParityTables.Designed;
        ParityLayout layout = codes.Layout;
        ParityScan.SquaredDistances(codes, rows, tables, sample.Target, sample.Scale, 2.5f, distances);
        ParityScan.DotProducts(codes, rows, tables, weight, -1.5f, products);
        ParityScan.DotsAndNorms(codes, rows, tables, weight, sample.Scale, centre, dots, norms);
        byte[] row = new byte[layout.RowBytes];
        for (int i = 0; i < count; i++)
        {
            codes.Unpack(rows.Length == 0 ? i : rows[i], row);
            Assert.Equal(ParityScan.SquaredDistanceReference(row, layout, tables, sample.Target, sample.Scale, 2.5f), distances[i]);
            Assert.Equal(ParityScan.DotProductReference(row, layout, tables, weight, -1.5f), products[i]);
            Assert.Equal(ParityScan.DotAndNormReference(row, layout, tables, weight, sample.Scale, centre), (dots[i], norms[i]));
        }
    }
}
