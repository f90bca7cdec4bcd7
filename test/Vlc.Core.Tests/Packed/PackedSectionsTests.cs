using CsCheck;
using Vlc.Indexing;
using Vlc.Codecs;
using Vlc.Codecs.Packed;
using Vlc.Storage;

namespace Vlc.Core.Tests.Packed;

public sealed class PackedSectionsTests
{
    /// <summary>Parameters of any shape, with numbers up to the ends of their ranges.</summary>
    private static readonly Gen<PackedParameters> s_parameters =
        from d in Gen.Int[1, 7]
        from m in Gen.Int[1, 6]
        from groupCount in Gen.Int[1, Math.Min(m, 5)]
        from classes in Gen.Int[1, 8]
        from groups in Group(d).Array[groupCount]
        from cellGroups in Gen.Int[0, groupCount - 1].Array[m]
        from anchors in Gen.Int[-100_000, 100_000].Array[m * d]
        from levels in Gen.Int[-128, 127].Array[m]
        from scales in Gen.Int[-8, 7].Array[m * d]
        from gains in Gen.Int[-32, 31].Array[m * classes]
        from mean in Gen.Int[-65_504, 65_504].Array[d]
        from level in Gen.Int[-(1 << 20), 1 << 20]
        from unit in Gen.Bool
        from stride in Gen.Int[0, 65_535]
        from energy in Gen.Float[1e-20f, 1e10f]
        select new PackedParameters
        {
            Dimension = d,
            CellCount = m,
            ClassCount = classes,
            Level = level,
            MeanEnergy = energy,
            UnitLength = unit,
            Mean = [.. mean.Select(value => (float)(Half)value)],
            Groups = groups,
            CellGroups = cellGroups,
            CellAnchors =
            [
                .. cellGroups.Select((g, cell) =>
                    anchors[(cell * d)..((cell * d) + groups[g].Rank)].Select(step => step * 0.125f).ToArray()),
            ],
            AnchorStep = 0.125f,
            CellLevels = levels,
            CellScales =
            [
                .. cellGroups.Select((g, cell) =>
                    scales[(cell * d)..((cell * d) + groups[g].Rank)].Select(scale => (sbyte)scale).ToArray()),
            ],
            ClassGains = gains,
            EqualStride = stride,
        };

    [Fact]
    public void What_is_written_is_read() => s_parameters.Sample(p =>
    {
        PackedParameters read = Read(
            p, PackedSections.WriteHeader(p), PackedSections.WriteBases(p), PackedSections.WriteAnchors(p), PackedSections.WriteScales(p));
        Assert.Equal(
            (p.Dimension, p.CellCount, p.ClassCount, p.Level, p.MeanEnergy, p.UnitLength, (p.AnchorStep, p.EqualStride)),
            (read.Dimension, read.CellCount, read.ClassCount, read.Level, read.MeanEnergy, read.UnitLength,
                (read.AnchorStep, read.EqualStride)));
        Assert.Equal(p.Mean, read.Mean);
        Assert.Equal(p.CellGroups, read.CellGroups);
        Assert.Equal(p.CellAnchors, read.CellAnchors);
        Assert.Equal(p.CellLevels, read.CellLevels);
        Assert.Equal(p.CellScales, read.CellScales);
        Assert.Equal(p.ClassGains, read.ClassGains);
        for (int group = 0; group < p.Groups.Length; group++)
        {
            Assert.Equal(p.Groups[group].Rank, read.Groups[group].Rank);
            Assert.Equal(p.Groups[group].Spectrum, read.Groups[group].Spectrum);
            Assert.Equal(p.Groups[group].Stored.StepQuarters, read.Groups[group].Stored.StepQuarters);
            Assert.Equal(p.Groups[group].Stored.Coefficients, read.Groups[group].Stored.Coefficients);
            Assert.Equal(p.Groups[group].Basis, read.Groups[group].Basis);
        }
    });

    [Fact]
    public void The_layout_before_this_one_is_refused_by_name() => s_parameters.Sample(
        p =>
        {
            byte[] header = PackedSections.WriteHeader(p);
            header[16] = 0;
            VlcFormatException refusal = Assert.Throws<VlcFormatException>(
                () => Read(p, header, PackedSections.WriteBases(p), PackedSections.WriteAnchors(p), PackedSections.WriteScales(p)));
            Assert.Equal("layout 1", refusal.Expected);
        },
        iter: 5);

    [Fact]
    public void A_section_cut_or_grown_by_a_byte_is_refused() => s_parameters.Sample(p =>
    {
        byte[][] sections =
        [
            PackedSections.WriteHeader(p), PackedSections.WriteBases(p), PackedSections.WriteAnchors(p), PackedSections.WriteScales(p),
        ];
        for (int section = 0; section < sections.Length; section++)
        {
            foreach (byte[] other in (byte[][])[sections[section][..^1], [.. sections[section], 0]])
            {
                byte[][] changed = [.. sections];
                changed[section] = other;
                Assert.Throws<VlcFormatException>(() => Read(p, changed[0], changed[1], changed[2], changed[3]));
            }
        }
    });

    [Fact]
    public void A_restored_basis_is_orthonormal() => s_parameters.Sample(p =>
    {
        foreach (PackedGroup group in p.Groups)
        {
            for (int i = 0; i < group.Rank; i++)
            {
                for (int j = 0; j <= i; j++)
                {
                    double product = Enumerable.Range(0, p.Dimension).Sum(
                        k => (double)group.Basis[(i * p.Dimension) + k] * group.Basis[(j * p.Dimension) + k]);
                    Assert.Equal(i == j ? 1 : 0, product, 1e-5);
                }
            }
        }
    });

    [Theory]
    [InlineData(192, 32, true)]
    [InlineData(193, 32, false)]
    [InlineData(-1000, 32, true)]
    [InlineData(-1001, 32, false)]
    [InlineData(0, 33, false)]
    [InlineData(0, -33, false)]
    public void Amplitudes_and_anchors_beyond_any_that_are_written_are_refused(int spectrum, int anchor, bool accepted)
    {
        var stored = new QuantizedBasis { StepQuarters = [0], Coefficients = [1] };
        const float Step = 1L << 35;
        var parameters = new PackedParameters
        {
            Dimension = 1,
            CellCount = 1,
            ClassCount = 1,
            Level = 0,
            MeanEnergy = 1,
            UnitLength = false,
            Mean = [0],
            Groups = [new PackedGroup { Basis = stored.Restore(1), Rank = 1, Spectrum = [spectrum], Stored = stored }],
            CellGroups = [0],
            CellAnchors = [[anchor * Step]],
            AnchorStep = Step,
            CellLevels = [0],
            CellScales = [[0]],
            ClassGains = [0],
        };
        byte[] header = PackedSections.WriteHeader(parameters), bases = PackedSections.WriteBases(parameters);
        byte[] anchors = PackedSections.WriteAnchors(parameters), scales = PackedSections.WriteScales(parameters);
        if (accepted) Assert.Equal(parameters.CellAnchors, Read(parameters, header, bases, anchors, scales).CellAnchors);
        else Assert.Throws<VlcFormatException>(() => Read(parameters, header, bases, anchors, scales));
    }

    private static Gen<PackedGroup> Group(int d) =>
        from rank in Gen.Int[1, d]
        from steps in Gen.SByte[-56, 0].Array[rank]
        from coefficients in Gen.OneOf(Gen.Short[-3, 3], Gen.Short[-32_767, 32_767]).Array[rank * d]
        from spectrum in Gen.Int[-1000, 150].Array[rank]
        let stored = new QuantizedBasis { StepQuarters = steps, Coefficients = coefficients }
        select new PackedGroup { Basis = stored.Restore(d), Rank = rank, Spectrum = spectrum, Stored = stored };

    private static PackedParameters Read(PackedParameters p, byte[] header, byte[] bases, byte[] anchors, byte[] scales)
    {
        var manifest = new Manifest
        {
            Version = Manifest.CurrentVersion,
            AnchorCount = p.CellCount,
            Dimension = p.Dimension,
            Count = 1000,
            Segments = [new SegmentEntry(1000, 0)],
            Metric = Metric.L2,
            Codec = CodecKind.Packed,
            CodedDimension = p.Dimension,
            ScaleExponent = 0,
            Seed = 0,
            Sections = [],
            Scan = null,
        };
        return PackedSections.Read(manifest, IndexFiles.Final("index"), header, bases, anchors, scales);
    }
}
