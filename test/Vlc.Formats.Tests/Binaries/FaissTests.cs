using Vlc.Tests;
using Vlc.Vectors;
using static Vlc.Formats.Tests.Binaries.Values;

namespace Vlc.Formats.Tests.Binaries;

public sealed class FaissTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    // A rotation of four dimensions: products of plane rotations by angles with exact sines (3-4-5), so A^T A is the identity but for
    // rounding.
    private static readonly float[] Rotation =
    [
        0.6f, -0.8f, 0, 0,
        0.8f, 0.6f, 0, 0,
        0, 0, 0.28f, -0.96f,
        0, 0, 0.96f, 0.28f,
    ];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(true, "inner product")]
    [InlineData(false, "L2")]
    public void A_flat_index_gives_its_vectors(bool innerProduct, string metric)
    {
        using VectorSource source = Open(writer => writer.Flat(Matrix, Columns, innerProduct));
        AssertMatrix(source);
        Assert.False(source.HasKeys);
        Assert.Contains(source.Notes, note => note.Contains(metric, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("IHNf")]
    [InlineData("IHNc")]
    public void A_graph_gives_those_of_its_storage(string kind)
    {
        using VectorSource source = Open(writer => writer.Graph(kind, Columns, Rows, storage => storage.Flat(Matrix, Columns)));
        AssertMatrix(source);
    }

    [Theory]
    [InlineData("IxMp")]
    [InlineData("IxM2")]
    public void An_identifier_map_gives_keys(string kind)
    {
        long[] ids = [7, -1, 1L << 40, 0, 3];
        using VectorSource source = Open(writer => writer.IdentifierMap(kind, Columns, ids, index => index.Flat(Matrix, Columns)));
        AssertMatrix(source);
        Assert.Equal(["7", "-1", "1099511627776", "0", "3"], Keys(source));
    }

    [Fact]
    public void Identifiers_that_are_not_wanted_are_left()
    {
        string path = _folder.Write(
            "v.faiss",
            FaissWriter.File(writer => writer.IdentifierMap("IxMp", Columns, [4, 3, 2, 1, 0], index => index.Flat(Matrix, Columns))));
        AssertKeyless(path);
    }

    [Theory]
    [InlineData(false, 0)]
    [InlineData(true, 1)]
    [InlineData(true, 2)]
    public void Inverted_lists_give_rows_and_identifiers_list_by_list(bool sparse, byte directMap)
    {
        (long[], float[])[] lists = [([4, 2], Matrix[..8]), ([], []), ([], []), ([0, 1, 3], Matrix[8..])];
        using VectorSource source = Open(writer => writer.InvertedLists(Columns, new float[16], lists, sparse, directMap));
        AssertMatrix(source);
        Assert.Equal(["4", "2", "0", "1", "3"], Keys(source));
    }

    [Fact]
    public void A_map_over_inverted_lists_maps_their_identifiers()
    {
        (long[], float[])[] lists = [([4, 2], Matrix[..8]), ([0, 1, 3], Matrix[8..])];
        using VectorSource source = Open(writer => writer.IdentifierMap(
            "IxMp", Columns, [100, 101, 102, 103, 104], index => index.InvertedLists(Columns, new float[8], lists, sparse: false)));
        Assert.Equal(["104", "102", "100", "101", "103"], Keys(source));
    }

    [Fact]
    public void Quantizers_of_8_and_16_bits_are_decoded()
    {
        byte[] codes = [0, 255, 128, 1];
        // x = vmin + (code + 0.5) / 255 * vdiff, each dimension with its own vmin and vdiff.
        float[] trained = [-1, 10, 2, 51];
        AssertDecoded(
            [-1 + (0.5f / 255 * 2), 10 + (255.5f / 255 * 51), -1 + (128.5f / 255 * 2), 10 + (1.5f / 255 * 51)],
            writer => writer.ScalarQuantizer(0, 2, 2, trained, codes));
        AssertDecoded(
            [-1 + (0.5f / 255 * 2), -1 + (255.5f / 255 * 2), -1 + (128.5f / 255 * 2), -1 + (1.5f / 255 * 2)],
            writer => writer.ScalarQuantizer(2, 2, 2, [-1, 2], codes));
        AssertDecoded([0, 255, 128, 1], writer => writer.ScalarQuantizer(5, 2, 2, [], codes));
        AssertDecoded([-128, 127, 0, -127], writer => writer.ScalarQuantizer(8, 2, 2, [], codes));
        AssertDecoded([1.5f, -2], writer => writer.ScalarQuantizer(4, 2, 4, [], Samples.Bytes<Half>([(Half)1.5f, (Half)(-2)])));
        AssertDecoded([1.5f, -2], writer => writer.ScalarQuantizer(7, 2, 4, [], Samples.Bytes<ushort>([0x3FC0, 0xC000])));
    }

    [Theory]
    [InlineData("rrot", false)]
    [InlineData("LTra", true)]
    [InlineData("PcAm", true)]
    public void A_rotation_is_undone(string kind, bool biased)
    {
        float[] bias = biased ? [1, -2, 3, 0.5f] : [];
        float[] stored = [.. Matrix.Chunk(Columns).SelectMany(row => Rotate(row, bias))];
        using VectorSource source = Open(writer => writer.PreTransform(
            Columns, Rows, 1, rest => rest.Linear(kind, Columns, Columns, Rotation, bias).Flat(stored, Columns)));
        AssertNear(Matrix, Samples.ReadAll(source));
    }

    [Fact]
    public void Centering_padding_and_a_rotation_are_undone_in_the_opposite_order()
    {
        float[] mean = [1, 2, 3];
        float[] original = [4, 5, 6, -1, 0, 1];
        float[] stored = [.. original.Chunk(3).SelectMany(row => Rotate([row[2] - 3, row[0] - 1, row[1] - 2, 0], []))];
        using VectorSource source = Open(writer => writer.PreTransform(
            3, 2, 3, rest => rest.Centering(mean).Remap(3, [2, 0, 1, -1]).Linear("rrot", 4, 4, Rotation, []).Flat(stored, 4)));
        Assert.Equal(3, source.Dimension);
        AssertNear(original, Samples.ReadAll(source));
    }

    [Fact]
    public void Normalized_vectors_are_handed_out_with_a_word()
    {
        using VectorSource source = Open(writer => writer.PreTransform(2, 1, 1, rest => rest.Normalization(2).Flat([0.6f, 0.8f], 2)));
        AssertRows([0.6f, 0.8f], source);
        Assert.Contains(source.Notes, note => note.Contains("lengths are lost", StringComparison.Ordinal));
    }

    [Fact]
    public void What_cannot_be_inverted_is_refused()
    {
        AssertFaissRefused(
            writer => writer.PreTransform(4, 1, 1, rest => rest.Linear("PcAm", 4, 2, Rotation[..8], []).Flat([1, 2], 2)),
            "reduces 4 dimensions to 2");
        AssertFaissRefused(
            writer => writer.PreTransform(2, 1, 1, rest => rest.Linear("LTra", 2, 2, [2, 0, 0, 1], []).Flat([1, 2], 2)), "not orthogonal");
        AssertFaissRefused(
            writer => writer.PreTransform(2, 1, 1, rest => rest.Linear("LTra", 2, 2, [1, 0.001f, 0, 1], []).Flat([1, 2], 2)),
            "not orthogonal");
        AssertFaissRefused(
            writer => writer.PreTransform(2, 1, 2, rest => rest.Centering([1, 1]).Normalization(2).Flat([1, 0], 2)),
            "normalization after a shift");
        AssertFaissRefused(writer => writer.PreTransform(3, 1, 1, rest => rest.Remap(3, [0, 1]).Flat([1, 2], 2)), "keeps every dimension");
    }

    [Theory]
    [InlineData("IxPq", "IndexPQ (product quantization)")]
    [InlineData("IwPQ", "IndexIVFPQ")]
    [InlineData("IxHe", "IndexLSH")]
    [InlineData("IxRF", "IndexRefine")]
    [InlineData("IwSq", "IndexIVFScalarQuantizer")]
    [InlineData("IBxF", "a binary index")]
    [InlineData("IxZZ", "the kind 'IxZZ'")]
    public void Compressed_and_unknown_kinds_are_refused_by_name(string kind, string name) =>
        AssertFaissRefused(writer => writer.Other(kind, 4, 1), name, "IndexHNSWFlat");

    [Theory]
    [InlineData(1, "QT_4bit")]
    [InlineData(6, "QT_6bit")]
    public void Quantizers_of_fewer_bits_are_refused_by_name(int type, string name) =>
        AssertFaissRefused(writer => writer.ScalarQuantizer(type, 4, 2, [], new byte[4]), name);

    [Fact]
    public void Damage_is_named()
    {
        AssertFaissRefused(
            writer => writer.IdentifierMap("IxMp", Columns, [1], index => index.Flat(Matrix, Columns)), "1 rows of dimension 4", "5 of 4");
        AssertFaissRefused(writer => writer.Flat(Matrix, Columns).Flat(Matrix, Columns), "the end of the file");
        AssertFaissRefused(writer => writer.Flat([], 4), "zero rows");
        AssertFaissRefused(writer => writer.Flat([1, float.NaN], 2), "row 0, column 1");
        AssertFaissRefused(
            writer => writer.IdentifierMap("IxMp", 1, [1, 2], index => index.InvertedLists(1, [0], [([0, 5], [1, 2])], sparse: false)),
            "row 1, identifier", "found 5");
    }

    private static float[] Rotate(float[] row, float[] bias) =>
        [.. Enumerable.Range(0,
        4).Select(i => (float)(Enumerable.Range(0, 4).Sum(j => (double)Rotation[(i * 4) + j] * row[j]) + (bias.Length > 0 ? bias[i] : 0)))];

    private static void AssertNear(float[] expected, float[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++) Assert.InRange(actual[i], expected[i] - 1e-5f, expected[i] + 1e-5f);
    }

    private VectorSource Open(Action<FaissWriter> write) => Samples.Open(_folder.Write("v.faiss", FaissWriter.File(write)));

    private void AssertDecoded(float[] expected, Action<FaissWriter> write)
    {
        using VectorSource source = Open(write);
        AssertRows(expected, source);
    }

    private void AssertFaissRefused(Action<FaissWriter> write, params string[] parts) =>
        AssertRefused(_folder.Write("v.faiss", FaissWriter.File(write)), parts);
}
