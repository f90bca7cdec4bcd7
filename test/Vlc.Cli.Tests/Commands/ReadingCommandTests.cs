using System.Text.Json;
using Vlc.Formats;
using Vlc.Tests;
using Vlc.Vectors;

namespace Vlc.Cli.Tests.Commands;

/// <summary>inspect and convert, standard input, and the notes of every command that reads a file.</summary>
public sealed class ReadingCommandTests
{
    private static readonly string[] Table = ["id;text;vec", "7;hello;[0.5, 1.5]", "8;world;[2.5, 3.5]"];

    [Fact]
    public async Task Inspect_says_what_a_file_is_and_the_command_that_takes_it()
    {
        using var samples = new SampleVectors();
        string path = samples.Write("a.csv", Table);
        CommandRun run = await CommandRun.Succeeding("inspect", path, "--json");
        JsonElement document = run.Json();
        Assert.Equal(
            ("csv", 2, 2),
            (document.GetProperty("format").GetString(), document.GetProperty("n").GetInt32(), document.GetProperty("d").GetInt32()));
        Assert.Equal(2.5f, document.GetProperty("first")[1][0].GetSingle());
        Assert.Equal("8", document.GetProperty("keys")[1].GetString());
        Assert.Equal("""{"text":"world"}""", document.GetProperty("payload")[1].GetString());
        Assert.Equal(
            ["key", "payload", "vector"],
            document.GetProperty("parts").EnumerateArray().Select(part => part.GetProperty("use").GetString()));
        Assert.Equal($"vlc index --emb {path} --out a", document.GetProperty("command").GetString());
        CommandRun text = await CommandRun.Succeeding("inspect", path);
        Assert.Contains($"vlc index --emb {path} --out a", text.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Inspect_shows_the_choice_where_index_would_refuse()
    {
        using var samples = new SampleVectors();
        string path = samples.Write("b c.csv", "kind,x,y", "3,0.5,1.5", "3,2.5,3.5");
        JsonElement refused = (await CommandRun.Succeeding("inspect", path, "--json")).Json();
        Assert.Contains("'kind'", refused.GetProperty("refused").GetString(), StringComparison.Ordinal);
        Assert.False(refused.TryGetProperty("n", out _));
        string command = refused.GetProperty("command").GetString()!;
        Assert.Equal($"vlc index --emb '{path}' --columns 1..2 --out 'b c'", command);
        JsonElement chosen = (await CommandRun.Succeeding("inspect", path, "--columns", "1..2", "--json")).Json();
        Assert.Equal(2, chosen.GetProperty("d").GetInt32());
        Assert.Equal($"vlc index --emb '{path}' --columns 1..2 --out 'b c'", chosen.GetProperty("command").GetString());
    }

    [Theory]
    [InlineData("out.npy")]
    [InlineData("out.fbin")]
    [InlineData("out.fvecs")]
    [InlineData("out.jsonl")]
    public async Task Convert_writes_the_same_values(string name)
    {
        using var samples = new SampleVectors();
        string path = samples.File(name);
        CommandRun run = await CommandRun.Succeeding("convert", samples.Base, path, "--json");
        Assert.Equal(SampleVectors.Count, run.Json().GetProperty("n").GetInt32());
        Assert.False(run.Json().TryGetProperty("notes", out _));
        Assert.Equal(ReadAll(samples.Base), ReadAll(path));
    }

    [Fact]
    public async Task Convert_takes_keys_and_payload_along_or_says_that_it_does_not()
    {
        using var samples = new SampleVectors();
        string path = samples.Write("a.csv", Table), lines = samples.File("a.jsonl"), plain = samples.File("a.npy");
        await CommandRun.Succeeding("convert", path, lines);
        Assert.Equal(
            ["""{"id":"7","embedding":[0.5,1.5],"text":"hello"}""", """{"id":"8","embedding":[2.5,3.5],"text":"world"}"""],
                await System.IO.File.ReadAllLinesAsync(lines));
        CommandRun run = await CommandRun.Succeeding("convert", path, plain, "--json");
        string[] notes = [.. run.Json().GetProperty("notes").EnumerateArray().Select(note => note.GetString()!)];
        Assert.Contains(notes, note => note.Contains("payload 'text'", StringComparison.Ordinal));
        Assert.Contains(notes, note => note.Contains("keys and payload were left", StringComparison.Ordinal));
        Assert.All(notes, note => Assert.Contains(note, run.Error, StringComparison.Ordinal));
        Assert.Equal([0.5f, 1.5f, 2.5f, 3.5f], ReadAll(plain));
    }

    [Fact]
    public async Task Convert_refuses_another_extension_and_keeps_what_is_there()
    {
        using var samples = new SampleVectors();
        CommandRun run = await CommandRun.Of("convert", samples.Base, samples.File("out.xyz"));
        Assert.Equal(ExitCode.Usage, run.ExitCode);
        Assert.Contains(".npy", run.Error, StringComparison.Ordinal);
        string old = samples.Write("old.npy", "old"), bad = samples.Write("bad.csv", "1,2", "3,x");
        run = await CommandRun.Of("convert", bad, old);
        Assert.Equal(ExitCode.BadInput, run.ExitCode);
        Assert.Equal("old", (await System.IO.File.ReadAllLinesAsync(old))[0]);
    }

    [Fact]
    public async Task Index_says_what_it_took_and_left()
    {
        using var samples = new SampleVectors();
        string keyed = samples.File("keyed.jsonl");
        float[] rows = ReadAll(samples.Base);
        await System.IO.File.WriteAllLinesAsync(keyed, rows.Chunk(SampleVectors.Dimension).Select(
            (row, i) => $$"""{"id":"k{{i}}","vector":[{{string.Join(",", row.Select(Round))}}],"text":"t"}"""));
        CommandRun run = await CommandRun.Succeeding("index", "--emb", keyed, "--out", samples.Index, "--m", "4", "--json");
        string notes = string.Join("\n", run.Json().GetProperty("notes").EnumerateArray());
        Assert.Contains("The vector is vector", notes, StringComparison.Ordinal);
        Assert.Contains("payload text", notes, StringComparison.Ordinal);
        Assert.Contains("the payload is left in the file", notes, StringComparison.Ordinal);
        Assert.Contains("vlc: note: ", run.Error, StringComparison.Ordinal);
        CommandRun quiet = await CommandRun.Succeeding("query", "--idx", samples.Index, "--queries", keyed, "--quiet", "--json");
        Assert.Empty(quiet.Error);
        Assert.Contains("The vector is vector", quiet.Json().GetProperty("notes")[0].GetString(), StringComparison.Ordinal);

        static string Round(float value) => value.ToString("R", System.Globalization.CultureInfo.InvariantCulture);
    }

    [Fact]
    public async Task Standard_input_needs_a_format()
    {
        using var samples = new SampleVectors();
        CommandRun run = await CommandRun.Of("convert", "-", samples.File("out.npy"));
        Assert.Equal(ExitCode.Usage, run.ExitCode);
        Assert.Contains("--format", run.Error, StringComparison.Ordinal);
    }

    private static float[] ReadAll(string path)
    {
        using VectorSource source = VectorFiles.Open(path);
        float[] rows = new float[source.Count * source.Dimension];
        source.Read(0, (int)source.Count, rows);
        return rows;
    }
}
