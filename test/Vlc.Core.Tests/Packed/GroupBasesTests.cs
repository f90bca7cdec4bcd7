using Vlc.Anchors;
using Vlc.Numerics.Kernels;
using Vlc.Numerics.Randomness;
using Vlc.Codecs.Packed;

namespace Vlc.Core.Tests.Packed;

public sealed class GroupBasesTests
{
    /// <summary>Beyond 2,048 dimensions the leading axes must do what all would: hold the residuals and the anchors.</summary>
    [Fact]
    public void Leading_axes_of_many_dimensions_hold_residuals_and_anchors()
    {
        const int d = 2064, rows = 500, cells = 4, rank = 30;
        var random = new SeededRandom(9);
        var directions = new float[rank * d];
        foreach (ref float value in directions.AsSpan()) value = random.NextGaussian() / MathF.Sqrt(d);
        var residuals = new float[rows * d];
        for (int row = 0; row < rows; row++)
        {
            for (int k = 0; k < rank; k++)
            {
                Add(residuals.AsSpan(row * d, d), directions.AsSpan(k * d, d), random.NextGaussian() * MathF.Pow(0.9f, k));
            }
        }

        var anchors = new float[cells * d];
        for (int cell = 0; cell < cells; cell++) Add(anchors.AsSpan(cell * d, d), directions.AsSpan(cell * d, d), 5);

        GroupBases bases = GroupBases.Learn(
            new AnchoredRows(residuals, d, new int[rows], new float[d]),
            new InvertedLists([.. Enumerable.Range(0, rows).Select(row => row % cells)], cells),
            anchors, rows, 1, inputAxes: false, 2, TestContext.Current.CancellationToken);
        Assert.Equal(d / 8, bases.Variances[0].Length);
        double energy = residuals.Sum(value => (double)value * value) / rows;
        Assert.Equal(energy, bases.Variances[0].Sum(), 1e-3 * energy);
        for (int cell = 0; cell < cells; cell++)
        {
            ReadOnlySpan<float> anchor = anchors.AsSpan(cell * d, d);
            double within = 0;
            for (int axis = 0; axis < bases.Variances[0].Length; axis++)
            {
                within += Math.Pow(Distances.Dot(anchor, bases.Bases[0].AsSpan(axis * d, d)), 2);
            }

            Assert.Equal(1, within / Distances.Dot(anchor, anchor), 0.01);
        }
    }

    private static void Add(Span<float> row, ReadOnlySpan<float> direction, float factor)
    {
        for (int k = 0; k < row.Length; k++) row[k] += factor * direction[k];
    }
}
