using System.Text;
using Vlc.Tests;
using Vlc.Vectors;

namespace Vlc.Formats.Tests;

public sealed class TextFormatTests
{
    [Theory]
    [InlineData(".csv", "1,2\n3,4\n", false)]
    [InlineData(".csv", "x,y\n1,2\n3,4\n", false)]
    [InlineData(".csv", "id,x,y\n1,1,2\n2,3,4\n", true)]
    [InlineData(".csv", "\uFEFF1,2\r\n\r\n3,4", false)]
    [InlineData(".csv", "a,1,2\nb,3,4\n", true)]
    [InlineData(".csv", "\"a, \"\"quoted\"\"\",1,2\nb, 3 ,4\n", true)]
    [InlineData(".tsv", "word\tx\ty\na b\t1\t2\nc\t3\t4\n", true)]
    [InlineData(".txt", "2 2\na 1 2 \nb 3 4 \n", true)]
    [InlineData(".txt", "a 1 2\n. . 3 4\n", true)]
    [InlineData(".jsonl", "{\"id\":\"a\",\"embedding\":[1,2]}\n\n{\"embedding\":[3,4],\"id\":\"b\"}\n", true)]
    [InlineData(".jsonl", "{\"meta\":{\"embedding\":[9]},\"embedding\":[1,2]}\n{\"embedding\":[3,4]}", false)]
    [InlineData(".jsonl", "{\"embedding\":\"AACAPwAAAEA=\"}\n{\"embedding\":[3,4.0e0]}", false)]
    public void Variants_of_text_give_the_same_rows(string extension, string content, bool hasKeys)
    {
        using TemporaryFolder folder = new();
        using VectorSource source = Samples.Open(folder.Write("v" + extension, Encoding.UTF8.GetBytes(content)));
        Assert.Equal((2, 2, hasKeys), (source.Count, source.Dimension, source.HasKeys));
        Assert.Equal([1, 2, 3, 4], Samples.ReadAll(source));
    }

    [Theory]
    [InlineData(".csv", "\"a, \"\"b\"\"\",1,2\n\u00E9,2,3\n", "a, \"b\"", "\u00E9")]
    [InlineData(".csv", ",0,1,2,3\n7,1,2,3,4\n8,1,2,3,4\n", "7", "8")]
    [InlineData(".txt", "2x 1\nat a.b 2\n", "2x", "at a.b")]
    [InlineData(".jsonl", "{\"id\":\"\\u00e9\",\"embedding\":[1]}\n{\"id\":12345678901234567890,\"embedding\":[2]}", "\u00E9",
        "12345678901234567890")]
    public void Keys_are_read_as_written(string extension, string content, string first, string second)
    {
        using TemporaryFolder folder = new();
        using VectorSource source = Samples.Open(folder.Write("v" + extension, Encoding.UTF8.GetBytes(content)));
        string[] keys = new string[2];
        source.ReadKeys(0, keys);
        Assert.Equal([first, second], keys);
    }

    [Fact]
    public void The_vector_of_a_jsonl_object_may_have_another_name()
    {
        using TemporaryFolder folder = new();
        string path = folder.Write("v.jsonl", """{"embedding":[9],"vector":[1,2]}"""u8.ToArray());
        using VectorSource source = Samples.Open(path, new VectorFileOptions { Column = "vector" });
        Assert.Equal([1, 2], Samples.ReadAll(source));
    }

    [Fact]
    public void A_line_longer_than_any_vector_is_refused_before_it_fills_memory()
    {
        using TemporaryFolder folder = new();
        string path = folder.File("v.csv");
        using (FileStream stream = File.Create(path)) stream.SetLength(1L << 30);
        VlcFormatException exception = Assert.Throws<VlcFormatException>(() => Samples.Open(path));
        Assert.Contains("line 1: expected a line of at most", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Rows_without_keys_say_so()
    {
        using TemporaryFolder folder = new();
        using VectorSource source = Samples.Open(folder.Write("v.csv", "1,2\n"u8.ToArray()));
        Assert.Throws<NotSupportedException>(() => source.ReadKeys(0, new string[1]));
    }
}
