using Vlc.Tests;
using Vlc.Vectors;

namespace Vlc.Formats.Tests;

/// <summary>Text files that numpy, pandas and Python's json wrote (Fixtures/text/make.py), compared by value.</summary>
public sealed class TextFixtureTests
{
    private const string Ks = "k0 k1 k2 k3 k4", Numbers = "0 1 2 3 4";

    // Row i, component j is (i * 4 + j) / 8 - 1.
    private static readonly float[] Expected = [.. Enumerable.Range(0, 20).Select(i => (i / 8f) - 1)];

    [Theory]
    [InlineData("savetxt.txt", "", "")]
    [InlineData("savetxt_g.txt", "", "")]
    [InlineData("savetxt_header.txt", "", "")]
    [InlineData("savetxt_comma.csv", "", "")]
    [InlineData("savetxt_tab.tsv", "", "")]
    [InlineData("frame.csv", Numbers, "")]
    [InlineData("frame_no_index.csv", "", "")]
    [InlineData("frame_bare.csv", "", "")]
    [InlineData("frame_id.csv", Ks, "")]
    [InlineData("frame_doc_id.csv", "100 101 102 103 104", """{"word_count":9}""")]
    [InlineData("frame_label_last.csv", "", """{"label":1}""")]
    [InlineData("lists.csv", Ks, """{"text":"text 2, \"quoted\"\nand on"}""")]
    [InlineData("lists_index.csv", Ks, """{"column 0":2,"text":"text 2, \"quoted\"\nand on"}""")]
    [InlineData("lists_semicolon.csv", Ks, """{"text":"text 2, \"quoted\"\nand on"}""")]
    [InlineData("lists_tab.tsv", Ks, """{"text":"k2"}""")]
    [InlineData("arrays_printed.csv", Ks, """{"text":"text 2, \"quoted\"\nand on"}""")]
    [InlineData("records.json", Ks, """{"text":"text 2, \"quoted\"\nand on"}""")]
    [InlineData("lines.jsonl", Ks, """{"text":"text 2, \"quoted\"\nand on"}""")]
    [InlineData("index.json", Ks, """{"text":"text 2, \"quoted\"\nand on"}""")]
    [InlineData("columns.json", Numbers, """{"id":"k2","text":"text 2, \"quoted\"\nand on"}""")]
    [InlineData("dictionary.json", Ks, "")]
    [InlineData("matrix.json", "", "")]
    public void Files_of_numpy_and_pandas_have_the_values_keys_and_texts_that_were_written(string name, string keys, string thirdPayload)
    {
        using VectorSource source = Samples.Open(RepositoryPaths.Fixture("text", name));
        Assert.Equal(Expected, Samples.ReadAll(source));
        string[] read = new string[source.HasKeys ? 5 : 0], payload = new string[source.HasPayload ? 5 : 0];
        if (source.HasKeys) source.ReadKeys(0, read);
        if (source.HasPayload) source.ReadPayload(0, payload);
        Assert.Equal(keys, string.Join(' ', read));
        Assert.Equal(thirdPayload, payload.ElementAtOrDefault(2) ?? "");
    }

    [Theory]
    [InlineData("metadata.tsv", "metadata")]
    [InlineData("split.json", "index, data[][]")]
    public void What_is_no_file_of_vectors_or_holds_them_in_several_places_is_refused(string name, string message) =>
        Assert.Contains(
            message, Assert.Throws<VlcFormatException>(() => Samples.Open(RepositoryPaths.Fixture("text", name))).Message,
            StringComparison.Ordinal);
}
