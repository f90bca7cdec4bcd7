using Vlc.Numerics.Kernels;
using Vlc.Numerics.Memory;
using Vlc.Numerics.Randomness;

namespace Vlc.Numerics.Tests;

/// <summary>
/// The guarantee of the filter: no row within the bound is ever pruned, and few of the others remain. These tests are not among the
/// kernels' tests, which run in every lane and must not be skipped: the filter has no scalar variant, and searches without it measure every
/// row. It has lanes of its own.
/// </summary>
public sealed class TrellisFilterTests : IDisposable
{
    /// <summary>Name of the environment variable with the layout that a lane must find.</summary>
    internal const string ExpectedLayoutVariable = "VLC_EXPECTED_FILTER";

    internal const string Steps = "steps of 64 axes", Groups = "groups of 16 axes, two rows a vector";
    internal const string RowGroups = "groups of 16 axes, a row a vector";

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

    public static TheoryData<int> Lengths => [1, 2, 7, 8, 9, 15, 16, 17, 31, 63, 64, 65, 127, 128, 130, 200, 256, 300];

    public void Dispose()
    {
        _filter.Dispose();
        _file.Dispose();
        File.Delete(_path);
    }

    [Fact]
    public void The_layout_is_the_one_that_the_lane_asked_for()
    {
        SkipWithoutInstructions();
        string best = System.Runtime.Intrinsics.X86.Avx512Vbmi.IsSupported ? Steps
            : System.Runtime.Intrinsics.X86.Avx2.IsSupported ? Groups
            : RowGroups;
        Assert.Equal(
            Environment.GetEnvironmentVariable(ExpectedLayoutVariable) ?? best,
            TrellisFilter.IsWide ? Steps : TrellisFilter.IsPaired ? Groups : RowGroups);
    }

    [Theory]
    [MemberData(nameof(Lengths))]
    public void Sums_are_those_of_the_reference(int length)
    {
        SkipWithoutInstructions();
        foreach (byte[] bits in Allocations(length))
        {
            CodeRows codes = Codes(bits, Rows);
            short[] amplitude = [.. bits.Select(_ => (short)_random.NextInt64(900))];
            foreach (int count in new[] { 1, 2, 5 })
            {
                short[][] queries =
                    [.. Enumerable.Range(0, count).Select(_ => (short[])[.. bits.Select(_ => (short)(_random.NextInt64(1800) - 900))])];
                (int[] Squares, int[] Products)[] sums = _filter.Sums(codes, TrellisTables.Designed, bits, amplitude, queries);
                for (int row = 0; row < Rows; row++)
                {
                    for (int q = 0; q < count; q++)
                    {
                        Assert.Equal(
                            TrellisFilter.SumsReference(codes.Row(row), TrellisTables.Designed, bits, amplitude, queries[q]),
                            (sums[q].Squares[row], sums[q].Products[row]));
                    }
                }
            }
        }
    }

    /// <summary>A residual as long as integers allow: products of 8 and 16 bits come near to saturation.</summary>
    [Fact]
    public void Sums_of_the_largest_integers_are_those_of_the_reference()
    {
        SkipWithoutInstructions();
        CodeRows codes = new(_file, 0, Rows, 1);
        foreach (short amplitude in new short[] { 32_252, 32_251, 16_384, 16_383, 1 })
        {
            (int[] squares, int[] products) = Assert.Single(_filter.Sums(codes, TrellisTables.Designed, [8], [amplitude], [0]));
            for (int row = 0; row < Rows; row++)
            {
                Assert.Equal(
                    TrellisFilter.SumsReference(codes.Row(row), TrellisTables.Designed, [8], [amplitude], [0]),
                    (squares[row], products[row]));
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
                    foreach (int queries in new[] { 1, 3 }) AssertKeepsTheNear(bits, Scales(length, spread), rows, queries);
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
        int[] kept = new int[2 * Rows], counts = new int[2];
        _filter.NearByDistance(
            codes, [], TrellisTables.Designed, bits, scale, new FilterQueries(query, 0, 128, [0, 0], [distances[9], distances[0] / 2]),
            kept, counts);
        Assert.InRange(counts[0], 10, 30);
        Assert.Equal(0, counts[1]);
    }

    /// <summary>Where anchor and residual almost cancel, rounding decides the direction of the sum: no such row may be pruned.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(-1)]
    public void Rows_shorter_than_their_error_are_kept(float factor)
    {
        SkipWithoutInstructions();
        CodeRows codes = new(_file, 0, 1, 1);
        float[] value = new float[1];
        TrellisScan.Decode(TrellisTables.Designed, codes.Row(0), [8], value);
        foreach (float left in new[] { 1e-3f, -1e-3f, 1e-5f, -1e-5f })
        {
            float centre = left - value[0];
            int[] counts = new int[1];
            _filter.NearByCosine(
                codes, [], TrellisTables.Designed, [8], [1], [centre], centre * centre,
                new FilterQueries([factor], 1, 1, [factor * centre], [0.99f]), [1], new int[1], counts);
            Assert.Equal(1, counts[0]);
        }
    }

    [Fact]
    public void Wrong_arguments_are_refused()
    {
        SkipWithoutInstructions();
        CodeRows codes = new(_file, 0, 4, 2);
        float[] two = [1, 1];
        Refused([2, 3], [], two, two, 4);
        Refused([9, 1], [], two, two, 4);
        Refused([1, 0], [], two, two, 4);
        Refused([8, 8, 1], [], [1, 1, 1], [1, 1, 1], 4);
        Refused([2, 2], [4], two, two, 4);
        Refused([2, 2], [-1], two, two, 4);
        Refused([2, 2], [], [1], two, 4);
        Refused([2, 2], [], two, [1], 4);
        Refused([2, 2], [], two, two, 3);
        Refused([2, 2], [], two, two, 4, axes: 1);
        Refused([2, 2], [], two, two, 4, queries: 0);
        Refused([2, 2], [], two, two, 4, counts: 0);
        codes = new CodeRows(_file, 0, 4, 60);
        Refused([.. Enumerable.Repeat((byte)2, 64), 3], [], new float[65], new float[65], 4);

        void Refused(
            byte[] bits, int[] rows, float[] target, float[] scale, int capacity, int? axes = null, int queries = 1, int counts = 1) =>
            Assert.Throws<ArgumentOutOfRangeException>(() => _filter.NearByDistance(
                codes, rows, TrellisTables.Designed, bits, scale,
                new FilterQueries(target, target.Length, axes ?? bits.Length, new float[queries], new float[queries]), new int[capacity],
                new int[counts]));
    }

    [Fact]
    public void A_vector_near_on_all_axes_is_near_enough_on_the_head()
    {
        int bounded = 0;
        for (int round = 0; round < 20_000; round++)
        {
            int prefix = 1 + (int)_random.NextInt64(5);
            float[] query = Gaussians(6), vector = Gaussians(6);

            // Near ones, and the extreme: a rest that points in the direction of the query's.
            if (round % 2 == 0) for (int k = prefix; k < 6; k++) vector[k] = query[k] * MathF.Abs(vector[0]);
            double cosine = Dot(query, vector, 6) / Math.Sqrt(Dot(query, query, 6) * Dot(vector, vector, 6));
            double onPrefix = Dot(query, vector, prefix) / Math.Sqrt(Dot(query, query, 6) * Dot(vector, vector, prefix));
            float bound = TrellisFilter.PrefixCosine((float)cosine, (float)Dot(query, query, 6), (float)Dot(query, query, prefix));
            Assert.True(onPrefix >= bound, $"{onPrefix} on the prefix, {cosine} on all axes, bound {bound}");
            if (bound > float.NegativeInfinity) bounded++;
        }

        Assert.True(bounded > 2000, $"{bounded} had a bound");
        Assert.Equal(0.6f, TrellisFilter.PrefixCosine(0.6f, 4, 4), 1e-4f);
        Assert.Equal(float.NegativeInfinity, TrellisFilter.PrefixCosine(0.6f, 4, 2));
        Assert.Equal(float.NegativeInfinity, TrellisFilter.PrefixCosine(-0.6f, 4, 4));

        static double Dot(float[] one, float[] other, int axes) => Enumerable.Range(0, axes).Sum(k => (double)one[k] * other[k]);
    }

    private static void SkipWithoutInstructions() =>
        Assert.SkipUnless(TrellisFilter.IsSupported, "the trellis filter needs vectors; without them every row is measured");

    /// <summary>Several queries at once, bounds at quantiles, between rows and beyond them, by each measure.</summary>
    private void AssertKeepsTheNear(byte[] bits, float[] scale, int[] rows, int queries)
    {
        CodeRows codes = Codes(bits, Rows);
        int count = rows.Length == 0 ? Rows : rows.Length, axes = bits.Length;
        float[] factors = Gaussians(queries * axes), centre = Gaussians(axes), offsets = Gaussians(queries), lengths = new float[queries];
        float[] dots = new float[queries];
        float squared = centre.Sum(c => c * c) + 0.5f;
        var byDistance = new float[queries][];
        var byProduct = new float[queries][];
        var byCosine = new float[queries][];
        float[] norms = new float[count];
        for (int q = 0; q < queries; q++)
        {
            (byDistance[q], byProduct[q], byCosine[q]) = (new float[count], new float[count], new float[count]);
            float[] query = factors[(q * axes)..((q + 1) * axes)], weight = [.. query.Zip(scale, (f, s) => f * s)];
            dots[q] = query.Zip(centre, (f, c) => f * c).Sum();
            lengths[q] = MathF.Sqrt(query.Sum(f => f * f) + 0.1f);
            TrellisScan.SquaredDistances(codes, rows, TrellisTables.Designed, bits, query, scale, MathF.Abs(offsets[q]), byDistance[q]);
            TrellisScan.DotProducts(codes, rows, TrellisTables.Designed, bits, weight, offsets[q], byProduct[q]);
            TrellisScan.DotsAndNorms(codes, rows, TrellisTables.Designed, bits, weight, scale, centre, byCosine[q], norms);
            for (int i = 0; i < count; i++)
            {
                byCosine[q][i] = -(dots[q] + byCosine[q][i]) / (lengths[q] * MathF.Sqrt(MathF.Max(squared + norms[i], 1e-30f)));
            }
        }

        int[] kept = new int[queries * count], counts = new int[queries];
        AssertKeeps(byDistance, bounds => _filter.NearByDistance(
            codes, rows, TrellisTables.Designed, bits, scale,
            new FilterQueries(factors, axes, axes, Array.ConvertAll(offsets, MathF.Abs), bounds), kept, counts));
        AssertKeeps(byProduct, bounds => _filter.NearByProduct(
            codes, rows, TrellisTables.Designed, bits, scale, new FilterQueries(factors, axes, axes, offsets, bounds), kept, counts));
        AssertKeeps(byCosine, bounds => _filter.NearByCosine(
            codes, rows, TrellisTables.Designed, bits, scale, centre, squared,
            new FilterQueries(factors, axes, axes, dots, Array.ConvertAll(bounds, bound => -bound)), lengths, kept, counts));

        void AssertKeeps(float[][] measured, Action<float[]> filter)
        {
            float[][] sorted = Array.ConvertAll(measured, distances => distances.Order().ToArray());
            Func<float[], float>[] boundsOf =
            [
                d => d[0], d => d[d.Length / 10], d => d[d.Length / 2], d => d[^1], d => MathF.BitDecrement(d[0]),
                _ => float.PositiveInfinity,
            ];
            foreach (Func<float[], float> bound in boundsOf)
            {
                float[] bounds = Array.ConvertAll(sorted, distances => bound(distances));
                filter(bounds);
                for (int q = 0; q < queries; q++)
                {
                    int[] keptHere = kept[(q * count)..((q * count) + counts[q])];
                    Assert.Equal(keptHere.Distinct().Order(), keptHere);
                    Assert.Empty(Enumerable.Range(0, count).Where(row => measured[q][row] <= bounds[q]).Except(keptHere));
                }
            }
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
