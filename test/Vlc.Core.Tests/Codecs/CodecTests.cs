using CsCheck;
using Vlc.Indexing;
using Vlc.Codecs;
using Vlc.Search;
using Vlc.Tests;

namespace Vlc.Core.Tests.Codecs;

public sealed class CodecTests
{
    /// <summary>The shapes of an index that a fact must hold for: codec, Jacobians, d_r of 19.</summary>
    private static readonly Gen<IndexOptions> s_options =
        from codec in Gen.OneOf(Gen.Const(CodecKind.Int8), Gen.Const(CodecKind.Float16))
        from jacobians in Gen.Bool
        from coded in Gen.Int[1, Dimension]
        from metric in Gen.Enum<Metric>()
        select new IndexOptions
        {
            Codec = codec,
            Jacobians = jacobians,
            CodedDimension = coded,
            Metric = metric,
            Training = Datasets.Training(6),
        };

    private const int Dimension = 19;

    [Fact]
    public void A_reconstruction_is_anchor_plus_jacobian_times_code_read_from_the_files_by_hand() =>
        Gen.Select(Gen.ULong, s_options).Sample(
            (seed, options) =>
            {
                using TemporaryFolder folder = new();
                string path = Datasets.Build(folder, Datasets.Clusters(120, Dimension, 5, seed), Dimension, options);
                double[] expected = new RawIndex(path).Reconstruct();
                using VlcIndex index = VlcIndex.Open(path);
                var vector = new float[Dimension];
                for (int row = 0; row < index.Count; row++)
                {
                    index.Reconstruct(row, vector);
                    for (int k = 0; k < Dimension; k++) Assert.Equal(expected[(row * Dimension) + k], vector[k], 1e-5);
                }
            },
            iter: 40, threads: 1);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void An_int8_code_is_wrong_by_half_a_step_at_most(bool jacobians)
    {
        float[] rows = Datasets.Clusters(500, Dimension, 5, 1);
        RawIndex raw = Build(rows, new IndexOptions { Codec = CodecKind.Int8, Jacobians = jacobians, Training = Datasets.Training(6) });
        Assert.Equal(jacobians, raw.HasJacobians);
        Func<int, int, double> steps = raw.Steps();
        double[] codes = raw.Codes(), reconstructed = raw.Reconstruct();
        for (int i = 0; i < rows.Length; i++)
        {
            double step = steps(raw.Assignments[i / Dimension], i % Dimension) / raw.Scale;
            Assert.InRange(Math.Abs(rows[i] - reconstructed[i]), 0, (0.5 * step * (1 + 1e-5)) + 1e-6);
            Assert.InRange(codes[i], -127, 127);
        }

        // The range is used: the largest residual of each axis, or of each cell's axis, is at the end of it.
        Assert.Equal(127, codes.Max(Math.Abs));
    }

    [Fact]
    public void A_float16_code_is_wrong_by_its_last_bit_at_most()
    {
        float[] rows = Datasets.Clusters(500, Dimension, 5, 2);
        RawIndex raw = Build(rows, new IndexOptions { Codec = CodecKind.Float16, Jacobians = false, Training = Datasets.Training(6) });
        double[] reconstructed = raw.Reconstruct();
        for (int i = 0; i < rows.Length; i++)
        {
            double residual = rows[i] - (raw.Anchors[(raw.Assignments[i / Dimension] * Dimension) + (i % Dimension)] / raw.Scale);
            Assert.InRange(Math.Abs(rows[i] - reconstructed[i]), 0, (Math.Abs(residual) / 2048 * (1 + 1e-5)) + 1e-6);
        }
    }

    [Fact]
    public void Fewer_coded_axes_are_those_of_most_energy_and_the_others_are_the_anchors()
    {
        // Axis k has a spread of its own; the widest are 3, 11 and 17.
        float[] rows = [.. Datasets.Clusters(400, Dimension, 1, 3).Select((value, i) => value * (i % Dimension is 3 or 11 or 17 ? 9 : 1))];
        RawIndex raw = Build(rows, new IndexOptions { Codec = CodecKind.Int8, CodedDimension = 3, Training = Datasets.Training(4) });
        Assert.Equal((3, 3), (raw.CodedCount, raw.Codes().Length / raw.N));
        Assert.Equal([3, 11, 17], raw.Axes);
        double[] reconstructed = raw.Reconstruct();
        for (int i = 0; i < rows.Length; i++)
        {
            if (i % Dimension is 3 or 11 or 17) continue;
            Assert.Equal(raw.Anchors[(raw.Assignments[i / Dimension] * Dimension) + (i % Dimension)] / raw.Scale, reconstructed[i]);
        }
    }

    [Fact]
    public void Without_a_codec_a_row_is_its_anchor()
    {
        using TemporaryFolder folder = new();
        string path = Datasets.Build(
            folder, Datasets.Clusters(100, Dimension, 5, 4), Dimension,
            new IndexOptions { Codec = CodecKind.None, Training = Datasets.Training(7) });
        Assert.False(File.Exists(path + ".residuals.bin"));
        var raw = new RawIndex(path);
        using VlcIndex index = VlcIndex.Open(path);
        var vector = new float[Dimension];
        for (int row = 0; row < index.Count; row++)
        {
            index.Reconstruct(row, vector);
            Assert.Equal(raw.Assignments[row], index.Assignment(row));
            for (int k = 0; k < Dimension; k++)
            {
                Assert.Equal((float)(raw.Anchors[(raw.Assignments[row] * Dimension) + k] / raw.Scale), vector[k]);
            }
        }
    }

    [Fact]
    public void Jacobians_are_chosen_where_cells_differ_in_width_and_only_there()
    {
        // Two clusters of one spread, against a few rows of that spread and many a thousand times closer together.
        float[] even = Datasets.Clusters(2000, Dimension, 2, 5);
        float[] mixed = [.. even.Select((value, i) => i / Dimension % 100 == 0 ? value : (value * 1e-3f) - 20)];
        Assert.False(Build(even, new IndexOptions { Codec = CodecKind.Int8, Training = Datasets.Training(8) }).HasJacobians);
        Assert.True(Build(mixed, new IndexOptions { Codec = CodecKind.Int8, Training = Datasets.Training(8) }).HasJacobians);
    }

    [Fact]
    public void Everything_wrong_with_the_options_is_said_at_once()
    {
        var options = new IndexOptions
        {
            Metric = (Metric)9,
            Codec = CodecKind.None,
            CodedDimension = 0,
            Jacobians = true,
            TrainingRows = 2,
            TuningRows = -1,
            Training = Datasets.Training(3),
        };
        Assert.Equal(7, options.Validate(2, 5).Count);
        Assert.Contains("at most", Assert.Single(new IndexOptions().Validate(1L << 31, 5)), StringComparison.Ordinal);
        Assert.Contains("dimensions", Assert.Single(new IndexOptions().Validate(5, 65_537)), StringComparison.Ordinal);
        Assert.Empty(new IndexOptions().Validate(1, 1));
    }

    [Fact]
    public void A_single_row_and_a_single_axis_are_an_index()
    {
        using TemporaryFolder folder = new();
        using VlcIndex index = VlcIndex.Open(Datasets.Build(folder, [3.5f], 1, new IndexOptions()));
        var vector = new float[1];
        index.Reconstruct(0, vector);
        Assert.Equal(3.5f, vector[0]);
        Assert.Equal([0], Datasets.Search(index, [9f], 3));
    }

    private static RawIndex Build(float[] rows, IndexOptions options)
    {
        using TemporaryFolder folder = new();
        return new RawIndex(Datasets.Build(folder, rows, Dimension, options));
    }
}
