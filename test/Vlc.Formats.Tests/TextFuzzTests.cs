using System.Text;
using Vlc.Tests;

namespace Vlc.Formats.Tests;

/// <summary>Damaged text files: read or refused, within 10 seconds and 1 GB.</summary>
public sealed class TextFuzzTests
{
    [Theory]
    [InlineData(".csv", "lists.csv", "lists_semicolon.csv", "arrays_printed.csv", "frame.csv", "frame_doc_id.csv", "frame_label_last.csv",
        "savetxt_comma.csv")]
    [InlineData(".tsv", "lists_tab.tsv", "savetxt_tab.tsv")]
    [InlineData(".txt", "savetxt.txt", "savetxt_header.txt", "savetxt_g.txt")]
    [InlineData(".json", "records.json", "index.json", "columns.json", "dictionary.json", "matrix.json")]
    [InlineData(".jsonl", "lines.jsonl")]
    public void A_damaged_text_file_is_read_or_refused(string extension, params string[] files)
    {
        (byte[], VectorFileOptions)[] seeds =
            [.. files.Select(file => (File.ReadAllBytes(RepositoryPaths.Fixture("text", file)), new VectorFileOptions()))];
        Assert.InRange(Mutations.Refused(seeds, extension, Mutations.Count), Mutations.Count / 40, Mutations.Count);
    }

    [Fact]
    public void A_damaged_document_of_an_api_or_a_database_is_read_or_refused()
    {
        (byte[], VectorFileOptions)[] seeds =
            [.. JsonTests.Documents.Select(row => (Encoding.UTF8.GetBytes(row.Data.Item2), new VectorFileOptions()))];
        Assert.InRange(Mutations.Refused(seeds, ".json", Mutations.Count), Mutations.Count / 40, Mutations.Count);
    }
}
