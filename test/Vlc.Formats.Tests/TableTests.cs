using Vlc.Formats;

namespace Vlc.Formats.Tests;

/// <summary>Tables that were read wrong without a word, or not at all, and what the right values are.</summary>
public sealed class TableTests
{
    /// <summary>File name, content, values, keys, payload, a part of the notes.</summary>
    public static TheoryData<string, string, float[], string[], string[], string> Tables => new()
    {
        // numpy.savetxt, with and without a header; a trailing comma is the reader's to refuse.
        { "m.txt", "1.000e+00 2.000e+00\n3.000e+00 4.000e+00\n", [1, 2, 3, 4], [], [], "" },
        { "m.txt", "# two columns\n1.5 2.5 3.5\n4.5 5.5 6.5\n", [1.5f, 2.5f, 3.5f, 4.5f, 5.5f, 6.5f], [], [], "comment" },
        { "m.txt", "1.5,2.5\n3.5,4.5\n", [1.5f, 2.5f, 3.5f, 4.5f], [], [], "" },
        { "m.txt", "0.5\t1.5\n2.5\t3.5\n", [0.5f, 1.5f, 2.5f, 3.5f], [], [], "" },
        // GloVe: a number is a word among words.
        { "w.txt", "the 0.5 1.5\n2000 2.5 3.5\nof 4.5 5.5\n", [0.5f, 1.5f, 2.5f, 3.5f, 4.5f, 5.5f], ["the", "2000", "of"], [], "" },
        // A header of numbers, as pandas writes the columns of a matrix.
        { "v.csv", "id,0,1,2\na,0.5,1.5,2.5\nb,3.5,4.5,5.5\n", [0.5f, 1.5f, 2.5f, 3.5f, 4.5f, 5.5f], ["a", "b"], [],
            "line 1 names the columns" },
        { "v.csv", "id,0,1,2\n7,0.5,1.5,2.5\n9,3.5,4.5,5.5\n", [0.5f, 1.5f, 2.5f, 3.5f, 4.5f, 5.5f], ["7", "9"], [], "'id'" },
        { "v.csv", ",0,1\n0,0.5,1.5\n1,2.5,3.5\n", [0.5f, 1.5f, 2.5f, 3.5f], ["0", "1"], [], "" },
        { "v.csv", "0,1,2,3\n4,5,6,7\n", [0, 1, 2, 3, 4, 5, 6, 7], [], [], "" },
        // Numeric columns with names that say what they are.
        { "v.csv", "index,label,emb_0,emb_1\n4,1,0.5,1.5\n5,0,2.5,3.5\n", [0.5f, 1.5f, 2.5f, 3.5f], ["4", "5"],
            ["""{"label":1}""", """{"label":0}"""], "emb_0" },
        { "v.csv", "doc_id,word_count,x,y\n11,300,0.5,1.5\n12,20,2.5,3.5\n", [0.5f, 1.5f, 2.5f, 3.5f], ["11", "12"],
            ["""{"word_count":300}""", """{"word_count":20}"""], "doc_id" },
        // Keys without a header: integers beside decimals, in the order of the rows or not.
        { "v.csv", "0,0.5,1.5\n1,2.5,3.5\n", [0.5f, 1.5f, 2.5f, 3.5f], ["0", "1"], [], "the key column 0" },
        { "v.csv", "17,0.5,1.5\n3,2.5,3.5\n5,4.5,5.5\n", [0.5f, 1.5f, 2.5f, 3.5f, 4.5f, 5.5f], ["17", "3", "5"], [], "the key column 0" },
        // The vector in one field: JSON, pandas, numpy's print, PostgreSQL's array; text beside it, over several lines.
        { "v.csv", "text,embedding\n\"a, b\",\"[0.5, 1.5]\"\n\"c\nd\",\"[2.5, 3.5]\"\n", [0.5f, 1.5f, 2.5f, 3.5f], ["a, b", "c\nd"], [],
            "embedding" },
        { "v.csv", "id,text,embedding\n7,\"say \"\"x\"\"\",\"[0.5 1.5]\"\n8,y,\"[2.5\n 3.5]\"\n", [0.5f, 1.5f, 2.5f, 3.5f], ["7", "8"],
            ["""{"text":"say \"x\""}""", """{"text":"y"}"""], "text" },
        { "v.csv", "id;vec\n7;[0.5, 1.5]\n8;[2.5, 3.5]\n", [0.5f, 1.5f, 2.5f, 3.5f], ["7", "8"], [], "vec" },
        { "v.csv", "id,embedding\n1,\"{0.5,1.5}\"\n2,\"{2.5,3.5}\"\n", [0.5f, 1.5f, 2.5f, 3.5f], ["1", "2"], [], "" },
        { "v.csv", "a;0.5;1.5\nb;2.5;3.5\n", [0.5f, 1.5f, 2.5f, 3.5f], ["a", "b"], [], "" },
        { "v.tsv", "id\ttext\tv\n1\tit's \"x\"\t[0.5,1.5]\n2\ty\t[2.5,3.5]\n", [0.5f, 1.5f, 2.5f, 3.5f], ["1", "2"],
            ["""{"text":"it's \"x\""}""", """{"text":"y"}"""], "" },
        { "v.pgtext", "1\tline\\nbreak\t[0.5,1.5]\n2\t\\N\t[2.5,3.5]\n", [0.5f, 1.5f, 2.5f, 3.5f], ["1", "2"],
            ["""{"column 1":"line\nbreak"}""", """{"column 1":null}"""], "" },
        { "v.tsv", "1\tline\\nbreak\t[0.5,1.5]\n2\t\\N\t[2.5,3.5]\n", [0.5f, 1.5f, 2.5f, 3.5f], ["1", "2"],
            ["""{"column 1":"line\nbreak"}""", """{"column 1":null}"""], "COPY" },
        // Commas within brackets are no delimiters.
        { "v.csv", "7\ta b\t\\N\t[0.5,1.5,2.5]\n8\tc d\t\\N\t[3.5,4.5,5.5]\n", [0.5f, 1.5f, 2.5f, 3.5f, 4.5f, 5.5f], ["7", "8"],
            ["""{"column 1":"a b","column 2":null}""", """{"column 1":"c d","column 2":null}"""], "COPY" },
        { "v.txt", "7\ta, b\t[0.5,1.5,2.5]\n8\tc, d\t[3.5,4.5,5.5]\n", [0.5f, 1.5f, 2.5f, 3.5f, 4.5f, 5.5f], ["7", "8"],
            ["""{"column 1":"a, b"}""", """{"column 1":"c, d"}"""], "" },
        // A delimiter at the end of each line makes an empty column and no component.
        { "v.csv", "0.5,1.5,\n2.5,3.5,\n", [0.5f, 1.5f, 2.5f, 3.5f], [], ["""{"column 2":""}""", """{"column 2":""}"""], "column 2" },
        // Without an extension that says so.
        { "v.dat", "0.5,1.5,2.5\n3.5,4.5,5.5\n", [0.5f, 1.5f, 2.5f, 3.5f, 4.5f, 5.5f], [], [], "Read as csv" },
    };

    [Theory]
    [MemberData(nameof(Tables))]
    public void A_table_is_read_by_what_its_columns_are(
        string name, string content, float[] values, string[] keys, string[] payload, string note)
    {
        Decided decided = Decided.Of(name, content);
        Assert.Equal(values, decided.Values);
        Assert.Equal(keys, decided.Keys);
        Assert.Equal(payload, decided.Payload);
        Assert.Contains(note, decided.Notes, StringComparison.Ordinal);
    }

    /// <summary>File name, content, parts of the message.</summary>
    public static TheoryData<string, string, string[]> Undecided => new()
    {
        { "v.csv", "1,0.5,1.5\n1,2.5,3.5\n0,4.5,5.5\n", ["column 0", "integers that repeat", "--columns", "--key-column"] },
        { "v.csv", "0,5,6\n1,7,8\n2,9,9\n", ["column 0", "integers that count the rows", "--key-column"] },
        { "v.csv", "kind,x,y\n3,0.5,1.5\n3,2.5,3.5\n", ["'kind'", "--columns"] },
        { "v.csv", "a_1,a_2,b_1,b_2\n0.5,1.5,2.5,3.5\n", ["a_1", "b_1", "--columns"] },
        { "v.csv", "e_0,e_1,e_3,e_4,e_5\n0.5,1.5,2.5,3.5,4.5\n", ["'e_0' to 'e_1'", "'e_3' to 'e_5'", "--columns"] },
        { "v.csv", "q,a\n\"[1,2]\",\"[3,4]\"\n", ["'q', 'a'", "--column"] },
        { "v.csv", "id;x;y\na;0,5;1,5\nb;2,5;3,5\n", ["decimal comma"] },
        { "v.csv", "id,v\n1,\"[0.5 1.5 ... 9.5]\"\n", ["'...'", "tolist"] },
        { "metadata.tsv", "Word\tCount\nthe\t500\nof\t300\n", ["columns of numbers", "metadata"] },
        { "metadata.tsv", "1\n2\n3\n", ["a vector of more than one number", "--columns 0"] },
        { "m.txt", "1 2\n3 4\n5 6\nx 7\n", ["words or numbers", "--key-column 0"] },
        { "m.txt", "0.5 1.5\n2.5\n", ["line 2", "found 1"] },
        { "v.csv", "0,[0.5,1.5,2.5]\n1,[3.5,4.5,5.5]\n", ["line 1", "in brackets", "'[0.5'", "--delimiter"] },
        { "v.csv", "(0.5,1.5,2.5)\n(3.5,4.5,5.5)\n", ["line 1", "in brackets", "'(0.5'", "--delimiter"] },
        { "v.txt", "a [0.5, 1.5, 2.5]\nb [3.5, 4.5, 5.5]\n", ["line 1", "in brackets", "'[0.5,'"] },
    };

    [Theory]
    [MemberData(nameof(Undecided))]
    public void A_table_that_the_evidence_does_not_decide_is_refused_with_the_option(string name, string content, string[] message)
    {
        VlcFormatException refused = Decided.Refused(name, content);
        Assert.All(message, part => Assert.Contains(part, refused.Message, StringComparison.Ordinal));
    }

    [Fact]
    public void Options_decide_what_the_evidence_does_not()
    {
        const string labelled = "1,0.5,1.5\n1,2.5,3.5\n0,4.5,5.5\n";
        Decided without = Decided.Of("v.csv", labelled, new VectorFileOptions { Columns = ColumnRange.Parse("1..", null) });
        Assert.Equal([0.5f, 1.5f, 2.5f, 3.5f, 4.5f, 5.5f], without.Values);
        Assert.Equal(
            [1, 0.5f, 1.5f, 1, 2.5f, 3.5f, 0, 4.5f, 5.5f],
            Decided.Of("v.csv", labelled, new VectorFileOptions { Columns = ColumnRange.Parse("0..2", null) }).Values);
        Assert.Equal(
            [1, 0.5f, 1.5f, 1, 2.5f, 3.5f, 0, 4.5f, 5.5f], Decided.Of("v.csv", labelled, new VectorFileOptions { KeyColumn = "" }).Values);
        Decided headless = Decided.Of("v.csv", "10,20,30\n1,2,3\n", new VectorFileOptions { Header = true, KeyColumn = "10" });
        Assert.Equal([2, 3], headless.Values);
        Assert.Equal(["1"], headless.Keys);
        Decided named = Decided.Of(
            "v.csv", "title,a_0,a_1,b_0,b_1\nx,1,2,3,4\n",
            new VectorFileOptions { Columns = ColumnRange.Parse("b_0..b_1", null), KeyColumn = "title" });
        Assert.Equal([3, 4], named.Values);
        Assert.Equal(["x"], named.Keys);
        Assert.Equal(["""{"a_0":1,"a_1":2}"""], named.Payload);
    }

    [Fact]
    public void A_quotation_over_lines_does_not_disturb_reading_by_range()
    {
        string content = string.Concat(Enumerable.Range(0, 3000).Select(i => $"\"k{i}\n\n{i}\",{i}.5,{i}.25\n"));
        using Vlc.Tests.TemporaryFolder folder = new();
        using Vlc.Vectors.VectorSource source = Samples.Open(folder.Write("v.csv", System.Text.Encoding.UTF8.GetBytes(content)));
        Assert.Equal(3000, source.Count);
        float[] row = new float[2];
        string[] key = new string[1];
        foreach (int i in (int[])[2999, 0, 1025, 1023, 1024])
        {
            source.Read(i, 1, row);
            source.ReadKeys(i, key);
            Assert.Equal([i + 0.5f, i + 0.25f], row);
            Assert.Equal($"k{i}\n\n{i}", key[0]);
        }
    }
}
