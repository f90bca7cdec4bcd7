using CsCheck;
using Vlc.Numerics.Kernels;
using Vlc.Numerics.Randomness;
using Vlc.Codecs.Packed;

namespace Vlc.Core.Tests.Packed;

public sealed class GaussianBoundTests
{
    private static readonly Gen<(double Variance, double Count)[]> s_components =
        Gen.Select(Gen.Double[-30, 30], Gen.Int[0, 50]).Select((octave, count) => (Math.Pow(2, octave), (double)count)).Array[1, 30];

    [Theory]
    [InlineData(0.25, 1)]
    [InlineData(0.0625, 2)]
    [InlineData(0.5, 0.5)]
    [InlineData(1, 0)]
    [InlineData(3, 0)]
    public void Unit_variance_takes_half_the_logarithm_of_one_over_the_error(double error, double bits)
    {
        var bound = new GaussianBound([(1, 1)]);
        Assert.Equal(bits, bound.Bits(error), 12);
        // A thousand components of it take a thousand times as much of both.
        Assert.Equal(1000 * bits, new GaussianBound([(1, 400), (1, 600)]).Bits(1000 * error), 9);
    }

    [Fact]
    public void No_error_takes_endless_bits() => Assert.Equal(double.PositiveInfinity, new GaussianBound([(1, 1)]).Bits(0));

    [Fact]
    public void Nothing_takes_nothing()
    {
        var bound = new GaussianBound([(0, 5), (1, 0)]);
        Assert.Equal(0, bound.Variance);
        Assert.Equal(0, bound.Bits(0));
        Assert.Equal(0, bound.Distortion(7));
    }

    [Fact]
    public void Components_below_the_level_get_no_bits()
    {
        // θ = 1: variances 16 and 4 get 2 and 1 bits, 1 and 0.5 none.
        var bound = new GaussianBound([(0.5, 1), (16, 1), (1, 1), (4, 1)]);
        Assert.Equal(3, bound.Bits(3.5), 12);
        Assert.Equal(3.5, bound.Distortion(3), 12);
        Assert.Equal(21.5, bound.Variance, 12);
        Assert.Equal(21.5, bound.Distortion(0), 12);
    }

    [Fact]
    public void Bits_and_error_are_inverse_and_agree_with_water_filling_by_bisection() =>
        Gen.Select(s_components, Gen.Double[0.001, 0.999]).Sample((components, share) =>
        {
            var bound = new GaussianBound(components);
            if (bound.Variance == 0) return;
            double error = share * bound.Variance, bits = bound.Bits(error);
            Assert.Equal(1, bound.Distortion(bits) / error, 9);
            double low = 0, high = components.Max(c => c.Variance);
            for (int i = 0; i < 200; i++)
            {
                double level = (low + high) / 2;
                if (components.Sum(c => c.Count * Math.Min(level, c.Variance)) > error) high = level;
                else low = level;
            }

            double expected = components.Sum(c => c.Count * Math.Max(0, 0.5 * Math.Log2(c.Variance / low)));
            Assert.Equal(1, (bits + 1) / (expected + 1), 9);
        });

    [Fact]
    public void The_distance_of_an_ideal_code_is_nothing_and_of_the_trellis_code_what_its_tables_say()
    {
        // One cell, one class, 64 equal axes of 3 bits: 24 bytes.
        PackedModel model = EqualAxes(64, bits: 3);
        Assert.Equal(24, model[0].Stride);
        double variance = double.Exp2(model.WeightedVariances(0)[0] / 64.0);
        BoundDistance ideal = BoundDistance.Of(model, [10], 10 * 64 * variance * double.Exp2(-6));
        Assert.Equal(0, ideal.BitsPerCodedAxis, 9);
        Assert.Equal((192, 64), (ideal.Bits, ideal.CodedAxes));
        BoundDistance trellis = BoundDistance.Of(model, [10], 10 * 64 * variance * TrellisTables.MeanSquaredError[3]);
        Assert.Equal(3 + (0.5 * Math.Log2(TrellisTables.MeanSquaredError[3])), trellis.BitsPerCodedAxis, 9);
        Assert.Equal(64 * variance * TrellisTables.MeanSquaredError[3], trellis.WeightedError, 9);
        Assert.Equal(0, BoundDistance.Of(model, [0], 0).BitsPerCodedAxis);
    }

    [Fact]
    public void Codes_of_Gaussian_rows_are_as_far_from_the_bound_as_the_tables()
    {
        const int Rows = 100, Axes = 512;
        PackedModel model = EqualAxes(Axes, bits: 2);
        var coder = new PackedCoder(model, [[]], [Rows], noise: 0);
        using var session = new PackedCoder.Session(coder, BitshiftCode.Designed);
        var random = new SeededRandom(5, 1);
        var residual = new float[Axes];
        var decoded = new float[Axes];
        double error = 0;
        for (int row = 0; row < Rows; row++)
        {
            for (int axis = 0; axis < Axes; axis++) residual[axis] = model[0].Scales[0] * random.NextGaussian();
            session.Code(0, residual, energy: 0, unbiased: false, decoded);
            error += model.WeightedError(0, residual, decoded);
        }

        // The zero state leaves the first axes of a code less choice; over 512 axes that is some 0.005 bit each.
        double tables = 2 + (0.5 * Math.Log2(TrellisTables.MeanSquaredError[2]));
        Assert.InRange(BoundDistance.Of(model, [Rows], error).BitsPerCodedAxis, tables - 0.01, tables + 0.02);
    }

    /// <summary>A model of one list, all axes of amplitude 1 and the same number of bits.</summary>
    private static PackedModel EqualAxes(int axes, int bits)
    {
        int[] gains = [0, -31, -146, -265, -387];
        return new PackedModel(new PackedParameters
        {
            Dimension = axes,
            CellCount = 1,
            ClassCount = 1,
            Level = gains[bits],
            MeanEnergy = axes,
            UnitLength = false,
            Mean = new float[axes],
            Groups =
            [
                new PackedGroup
                {
                    Basis = Identity(axes),
                    Rank = axes,
                    Spectrum = new int[axes],
                    Stored = new QuantizedBasis { StepQuarters = [], Coefficients = [] },
                },
            ],
            CellGroups = [0],
            CellAnchors = [new float[axes]],
            AnchorStep = 1,
            CellLevels = [0],
            CellScales = [new sbyte[axes]],
            ClassGains = [0],
        });
    }

    private static float[] Identity(int size)
    {
        var basis = new float[size * size];
        for (int i = 0; i < size; i++) basis[(i * size) + i] = 1;
        return basis;
    }
}
