using Vlc.Numerics.Kernels;
using Vlc.Codecs.Packed;
using Vlc.Tests;

namespace Vlc.Core.Tests.Codecs;

/// <summary>The worked example of docs/codec.md, so that what a reader follows by hand is what the code does.</summary>
public sealed class DocumentedExampleTests
{
    private static readonly float[] s_residual = [0.54f, 0.93f, -0.31f, 0.10f];

    [Fact]
    public void The_allocation_of_the_example_is_4_2_2_0()
    {
        PackedModel.List list = Model()[0];
        Assert.Equal(1, list.Stride);
        Assert.Equal([0, 1, 2], list.Axes);
        Assert.Equal([4, 2, 2], list.Bits);
        Assert.Equal([1f, 0.5f, 0.5f], list.Scales[..3]);
    }

    [Theory]
    [InlineData(false, 0x3D)]
    [InlineData(true, 0xEA)]
    public void The_codes_of_the_example_are_those_of_the_text(bool unbiased, int expected)
    {
        PackedModel model = Model();
        using var session = new PackedCoder.Session(new PackedCoder(model, [[]], [1], noise: 0.01), BitshiftCode.Designed);
        double energy = s_residual.Sum(value => (double)value * value);
        var code = new byte[1];
        TrellisEncoder.Pack(session.Code(0, s_residual, energy, unbiased, decoded: []), model[0].Bits, code);
        Assert.Equal(expected, code[0]);
        Assert.Contains(
            $"0x{expected:X2}", File.ReadAllText(Path.Combine(RepositoryPaths.Root, "docs", "codec.md")), StringComparison.Ordinal);
    }

    [Fact]
    public void The_code_of_the_example_decodes_to_the_values_of_the_text()
    {
        var values = new float[3];
        TrellisScan.Decode(TrellisTables.Designed, [0x3D], [4, 2, 2], values);
        Assert.Equal([1524 / 4096f, 7428 / 4096f, -1430 / 4096f], values);
    }

    private static PackedModel Model() => new(new PackedParameters
    {
        Dimension = 4,
        CellCount = 1,
        ClassCount = 1,
        Level = -270,
        MeanEnergy = 1 + 0.25f + 0.25f + 0.0625f,
        UnitLength = false,
        Mean = new float[4],
        Groups =
        [
            new PackedGroup
            {
                Basis = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1],
                Rank = 4,
                Spectrum = [0, -8, -8, -16],
                Stored = new QuantizedBasis
                {
                    StepQuarters = new sbyte[4],
                    Coefficients = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1],
                },
            },
        ],
        CellGroups = [0],
        CellAnchors = [new float[4]],
        AnchorStep = 0.25f,
        CellLevels = [0],
        CellScales = [new sbyte[4]],
        ClassGains = [0],
    });
}
