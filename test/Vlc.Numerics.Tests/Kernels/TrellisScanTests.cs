using Vlc.Numerics.Kernels;
using Vlc.Numerics.Memory;
using Vlc.Numerics.Randomness;

namespace Vlc.Numerics.Tests.Kernels;

public sealed class TrellisScanTests : IDisposable
{
    private readonly string _path = Path.GetTempFileName();
    private readonly MappedFile _file;

    public TrellisScanTests()
    {
        var random = new SeededRandom(17);
        byte[] bytes = new byte[6000];
        for (int i = 0; i < bytes.Length; i++) bytes[i] = (byte)random.NextUInt64();
        File.WriteAllBytes(_path, bytes);
        _file = new MappedFile(_path);
    }

    public static TheoryData<int> Lengths => TrellisEncoderTests.Lengths;

    public void Dispose()
    {
        _file.Dispose();
        File.Delete(_path);
    }

    /// <summary>All rows and chosen ones, of strings that fill their rows and of shorter ones; the last row ends with the file.</summary>
    [Theory]
    [MemberData(nameof(Lengths))]
    public void Scans_give_the_bits_of_the_reference(int length)
    {
        foreach (TrellisSample sample in TrellisSample.All(length))
        {
            for (int spare = 0; spare < 2; spare++)
            {
                int stride = Math.Max((sample.TotalBits + 7) / 8, 1) + (3 * spare), count = Math.Min((int)_file.Length / stride, 9);
                var codes = new CodeRows(_file, _file.Length - ((long)count * stride), count, stride);
                AssertScans(codes, [], sample);
                AssertScans(codes, [count - 1, 0, count / 2, count - 1], sample);
            }
        }
    }

    /// <summary>
    /// Elements after a multiple of 16 may have any content: a span needs only a float an axis, and none after that is read.
    /// </summary>
    [Fact]
    public void Floats_behind_the_last_axis_do_not_count()
    {
        var codes = new CodeRows(_file, 0, 3, 1);
        float[] ones = [1, 1, float.NaN], distances = new float[3];
        TrellisScan.SquaredDistances(codes, [], TrellisTables.Designed, [4, 4], ones, ones, 0, distances);
        Assert.All(distances, distance => Assert.True(float.IsFinite(distance)));
    }

    [Fact]
    public void Windows_start_with_zeros()
    {
        float[] values = new float[4];
        TrellisScan.Decode(TrellisTables.Designed, [0b1_01_110_11, 0b10000000], [1, 2, 3, 3], values);
        Assert.Equal([Value(1, 0b1), Value(2, 0b101), Value(3, 0b101110), Value(3, 0b01110111)], values);

        static float Value(int bits, int state) => TrellisTables.Designed.Table(bits)[state];
    }

    [Fact]
    public void Scans_without_axes_give_the_offset()
    {
        var codes = new CodeRows(_file, _file.Length - 2, 2, 1);
        float[] results = new float[2];
        TrellisScan.SquaredDistances(codes, [], TrellisTables.Designed, [], [], [], 3, results);
        Assert.Equal([3, 3], results);
        TrellisScan.DotProducts(codes, [1, 0], TrellisTables.Designed, [], [], 4, results);
        Assert.Equal([4, 4], results);
    }

    [Fact]
    public void Wrong_arguments_are_refused()
    {
        var codes = new CodeRows(_file, 0, 4, 2);
        float[] two = [1, 1], results = new float[4];
        Assert.Throws<ArgumentOutOfRangeException>(() => Distances([4], [8, 8], two, two));
        Assert.Throws<ArgumentOutOfRangeException>(() => Distances([-1], [8, 8], two, two));
        Assert.Throws<ArgumentOutOfRangeException>(() => Distances([0, 1, 2, 3, -9, 0, 0, 0, 0, 0, int.MaxValue], [8, 8], two, two));
        Assert.Throws<ArgumentOutOfRangeException>(() => Distances([0], [8, 9], two, two));
        Assert.Throws<ArgumentOutOfRangeException>(() => Distances([0], [8, 0], two, two));
        Assert.Throws<ArgumentOutOfRangeException>(() => Distances([0], [8, 8, 1], new float[3], new float[3]));
        Assert.Throws<ArgumentOutOfRangeException>(() => Distances([0], [8, 8], [1], two));
        Assert.Throws<ArgumentOutOfRangeException>(() => Distances([0], [8, 8], two, [1]));
        Assert.Throws<ArgumentOutOfRangeException>(() => Distances([0, 1, 2, 3, 0], [8, 8], two, two));
        Assert.Throws<ArgumentOutOfRangeException>(
            () => TrellisScan.DotsAndNorms(codes, [0], TrellisTables.Designed, [8], two, two, two, results, []));
        Assert.Throws<ArgumentOutOfRangeException>(
            () => TrellisScan.DotsAndNorms(codes, [0], TrellisTables.Designed, [8], two, two, [], results, results));
        Assert.Throws<ArgumentOutOfRangeException>(() => TrellisScan.Decode(TrellisTables.Designed, [0], [8, 1], results));

        void Distances(int[] rows, byte[] bits, float[] target, float[] scale) =>
            TrellisScan.SquaredDistances(codes, rows, TrellisTables.Designed, bits, target, scale, 0, results);
    }

    private static void AssertScans(CodeRows codes, int[] rows, TrellisSample sample)
    {
        int count = rows.Length == 0 ? codes.RowCount : rows.Length;
        float[] distances = new float[count], products = new float[count], dots = new float[count], norms = new float[count];
        float[] weight = [.. sample.Scale.Reverse()], centre = [.. sample.Target.Reverse()];
        TrellisTables tables = TrellisTables.Designed;
        TrellisScan.SquaredDistances(codes, rows, tables, sample.Bits, sample.Target, sample.Scale, 2.5f, distances);
        TrellisScan.DotProducts(codes, rows, tables, sample.Bits, weight, -1.5f, products);
        TrellisScan.DotsAndNorms(codes, rows, tables, sample.Bits, weight, sample.Scale, centre, dots, norms);
        for (int i = 0; i < count; i++)
        {
            ReadOnlySpan<byte> code = codes.Row(rows.Length == 0 ? i : rows[i]);
            Assert.Equal(TrellisScan.SquaredDistanceReference(code, tables, sample.Bits, sample.Target, sample.Scale, 2.5f), distances[i]);
            Assert.Equal(TrellisScan.DotProductReference(code, tables, sample.Bits, weight, -1.5f), products[i]);
            Assert.Equal(TrellisScan.DotAndNormReference(code, tables, sample.Bits, weight, sample.Scale, centre), (dots[i], norms[i]));
        }
    }
}
