using Vlc.Numerics.Kernels;
using Vlc.Numerics.Memory;
using Vlc.Numerics.Randomness;

namespace Vlc.Numerics.Tests;

/// <summary>
/// What the filter promises: no row within the bound is ever dropped, and few of the others are kept. Where the machine lacks the instructions, that it says so.
/// </summary>
public sealed class TrellisFilterTests : IDisposable
{
    private const int Rows = 131;

    private readonly string _path = Path.GetTempFileName();
    private readonly TrellisFilter _filter = new();
    private readonly MappedFile _file;
    private readonly SeededRandom _random = new(29);

    public TrellisFilterTests()
    {
        byte[] bytes = new byte[Rows * 330];
        for (int i = 0; i < bytes.Length; i++) bytes[i] = (byte)_random.NextUInt64();
        File.WriteAllBytes(_path, bytes);
        _file = new MappedFile(_path);
    }

    public static TheoryData<int> Lengths => [1, 2, 7, 8, 9, 31, 63, 64, 65, 127, 128, 130, 200, 256, 300];

    public void Dispose()
    {
        _filter.Dispose();
        _file.Dispose();
        File.Delete(_path);
    }

    [Fact]
    public void Only_a_machine_with_the_instructions_runs_it()
    {
        if (InstructionSets.Level < InstructionSetLevel.Vector512) Assert.False(TrellisFilter.IsSupported);
        if (TrellisFilter.IsSupported) return;
        Assert.Throws<PlatformNotSupportedException>(() =>
            _filter.NearByDistance(new CodeRows(_file, 0, 1, 1), [], TrellisTables.Designed, [1], [1], [1], 0, 1, new int[1]));
    }

    [Theory]
    [MemberData(nameof(Lengths))]
    public void Sums_are_those_of_the_reference(int length)
    {
        SkipWithoutInstructions();
        foreach (byte[] bits in Allocations(length))
        {
            CodeRows codes = Codes(bits, Rows);
            short[] amplitude = [.. bits.Select(_ => (short)_random.NextInt64(900))], query = [.. bits.Select(_ => (short)(_random.NextInt64(1800) - 900))];
            (int[] squares, int[] products) = _filter.Sums(codes, TrellisTables.Designed, bits, amplitude, query);
            for (int row = 0; row < Rows; row++)
            {
                Assert.Equal(
                    TrellisFilter.SumsReference(codes.Row(row), TrellisTables.Designed, bits, amplitude, query), (squares[row], products[row]));
            }
        }
    }

    [Theory]
    [MemberData(nameof(Lengths))]
    public void No_row_within_the_bound_is_dropped(int length)
    {
        SkipWithoutInstructions();
        foreach (byte[] bits in Allocations(length))
        {
            foreach (float spread in new[] { 0f, 1, 6 })
            {
                foreach (int[] rows in new int[][] { [], [Rows - 1, 3, 3, 0, 77] })
                {
                    CodeRows codes = Codes(bits, Rows);
                    int count = rows.Length == 0 ? Rows : rows.Length;
                    float[] scale = Scales(length, spread), query = Gaussians(length), centre = Gaussians(length);
                    float[] distances = new float[count];
                    TrellisScan.SquaredDistances(codes, rows, TrellisTables.Designed, bits, query, scale, 2.5f, distances);
                    AssertKeeps(distances, (bound, kept) =>
                        _filter.NearByDistance(codes, rows, TrellisTables.Designed, bits, query, scale, 2.5f, bound, kept));

                    float[] weight = [.. query.Zip(scale, (q, s) => q * s)];
                    TrellisScan.DotProducts(codes, rows, TrellisTables.Designed, bits, weight, -0.75f, distances);
                    AssertKeeps(distances, (bound, kept) =>
                        _filter.NearByProduct(codes, rows, TrellisTables.Designed, bits, query, scale, -0.75f, bound, kept));

                    float[] norms = new float[count];
                    float squared = centre.Sum(c => c * c) + 0.5f, length2 = MathF.Sqrt(query.Sum(q => q * q) + 0.1f), dot = query.Zip(centre, (q, c) => q * c).Sum();
                    TrellisScan.DotsAndNorms(codes, rows, TrellisTables.Designed, bits, weight, scale, centre, distances, norms);
                    for (int i = 0; i < count; i++) distances[i] = -(dot + distances[i]) / (length2 * MathF.Sqrt(MathF.Max(squared + norms[i], 1e-30f)));
                    AssertKeeps(distances, (bound, kept) =>
                        _filter.NearByCosine(codes, rows, TrellisTables.Designed, bits, query, scale, centre, dot, squared, length2, -bound, kept));
                }
            }
        }
    }

    [Fact]
    public void Few_rows_beyond_the_bound_are_kept()
    {
        SkipWithoutInstructions();
        byte[] bits = [.. Enumerable.Range(0, 128).Select(axis => (byte)(5 - (5 * axis / 128)))];
        CodeRows codes = Codes(bits, Rows);
        float[] query = Gaussians(128), scale = Scales(128, 1), distances = new float[Rows];
        TrellisScan.SquaredDistances(codes, [], TrellisTables.Designed, bits, query, scale, 0, distances);
        Array.Sort(distances);
        int[] kept = new int[Rows];
        Assert.InRange(_filter.NearByDistance(codes, [], TrellisTables.Designed, bits, query, scale, 0, distances[9], kept), 10, 30);
        Assert.Equal(0, _filter.NearByDistance(codes, [], TrellisTables.Designed, bits, query, scale, 0, distances[0] / 2, kept));
    }

    [Fact]
    public void Wrong_arguments_are_refused()
    {
        SkipWithoutInstructions();
        CodeRows codes = new(_file, 0, 4, 2);
        float[] two = [1, 1];
        Assert.Throws<ArgumentOutOfRangeException>(() => Near([2, 3], [], two, two, 4));
        Assert.Throws<ArgumentOutOfRangeException>(() => Near([9, 1], [], two, two, 4));
        Assert.Throws<ArgumentOutOfRangeException>(() => Near([1, 0], [], two, two, 4));
        Assert.Throws<ArgumentOutOfRangeException>(() => Near([8, 8, 1], [], [1, 1, 1], [1, 1, 1], 4));
        Assert.Throws<ArgumentOutOfRangeException>(() => Near([2, 2], [4], two, two, 4));
        Assert.Throws<ArgumentOutOfRangeException>(() => Near([2, 2], [-1], two, two, 4));
        Assert.Throws<ArgumentOutOfRangeException>(() => Near([2, 2], [], [1], two, 4));
        Assert.Throws<ArgumentOutOfRangeException>(() => Near([2, 2], [], two, [1], 4));
        Assert.Throws<ArgumentOutOfRangeException>(() => Near([2, 2], [], two, two, 3));
        byte[] ascending = [.. Enumerable.Repeat((byte)2, 64), 3];
        Assert.Throws<ArgumentOutOfRangeException>(() =>
            _filter.NearByDistance(new CodeRows(_file, 0, 4, 60), [], TrellisTables.Designed, ascending, new float[65], new float[65], 0, 1, new int[4]));

        void Near(byte[] bits, int[] rows, float[] target, float[] scale, int room) =>
            _filter.NearByDistance(codes, rows, TrellisTables.Designed, bits, target, scale, 0, 1, new int[room]);
    }

    [Fact]
    public void Axes_are_gathered_in_order()
    {
        float[] destination = [9, 9, 9];
        AxisOrder.Gather([1, 2, 3], [2, 0], destination);
        Assert.Equal([3, 1, 9], destination);
        Assert.Throws<ArgumentOutOfRangeException>(() => AxisOrder.Gather([1, 2, 3], [3], destination));
        Assert.Throws<ArgumentOutOfRangeException>(() => AxisOrder.Gather([1, 2, 3], [-1], destination));
        Assert.Throws<ArgumentOutOfRangeException>(() => AxisOrder.Gather([1, 2, 3], [0, 0, 0, 0], destination));
    }

    private static void SkipWithoutInstructions() =>
        Assert.SkipUnless(TrellisFilter.IsSupported, "the trellis filter needs AVX-512 with VBMI; without it every row is measured");

    /// <summary>Bounds at quantiles, between rows and beyond them.</summary>
    private static void AssertKeeps(float[] distances, Func<float, int[], int> filter)
    {
        float[] sorted = [.. distances.Order()];
        foreach (float bound in new[] { sorted[0], sorted[sorted.Length / 10], sorted[sorted.Length / 2], sorted[^1], MathF.BitDecrement(sorted[0]), float.MaxValue })
        {
            int[] kept = new int[distances.Length];
            int count = filter(bound, kept);
            Assert.Equal(kept[..count].Distinct().Order(), kept[..count]);
            Assert.Empty(Enumerable.Range(0, distances.Length).Where(row => distances[row] <= bound).Except(kept[..count]));
        }
    }

    /// <summary>One number of bits, and all of them descending.</summary>
    private static IEnumerable<byte[]> Allocations(int length)
    {
        for (int bits = 1; bits <= 8; bits++) yield return [.. Enumerable.Repeat((byte)bits, length)];
        yield return [.. Enumerable.Range(0, length).Select(axis => (byte)(8 - (8 * axis / length)))];
        yield return [.. Enumerable.Range(0, length).Select(axis => (byte)(axis < 3 ? 8 : axis < 11 ? 7 : 2))];
    }

    /// <summary>The last rows of the file, so that the last ends with it.</summary>
    private CodeRows Codes(byte[] bits, int count)
    {
        int stride = (bits.Sum(b => b) + 7) / 8;
        return new CodeRows(_file, _file.Length - ((long)count * stride), count, stride);
    }

    private float[] Gaussians(int length) => [.. Enumerable.Range(0, length).Select(_ => _random.NextGaussian())];

    /// <summary>Amplitudes spread over so many octaves either way; the first is 0.</summary>
    private float[] Scales(int length, float octaves) =>
        [.. Enumerable.Range(0, length).Select(axis => axis == 0 && octaves > 1 ? 0 : MathF.Pow(2, octaves * _random.NextGaussian()))];
}
