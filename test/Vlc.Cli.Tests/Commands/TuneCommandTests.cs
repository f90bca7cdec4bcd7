using System.Buffers.Binary;
using System.Text.Json;
using System.Xml.Linq;
using Vlc.Evaluation;

namespace Vlc.Cli.Tests.Commands;

/// <summary>The frontier as <c>vlc tune</c> measures, prints and draws it.</summary>
public sealed class TuneCommandTests
{
    private static readonly string[] s_tune = ["--m", "8", "--metric", "l2", "--seed", "3"];

    [Fact]
    public async Task The_document_holds_a_frontier()
    {
        using var samples = new SampleVectors();
        JsonElement tune = (await Tune(samples, "--json", "--target-recall", "0.9")).Json();
        Assert.Equal((SampleVectors.Count, SampleVectors.Dimension, 8), (Int(tune, "n"), Int(tune, "d"), Int(tune, "m")));
        Assert.Equal((3, 60, 300), (Int(tune, "seed"), Int(tune, "queries"), Int(tune, "candidates")));
        Assert.Equal("heldOutRows", tune.GetProperty("tunedOn").GetString());
        Assert.Equal(0.9, tune.GetProperty("targetRecall").GetDouble());
        JsonElement[] points = [.. tune.GetProperty("points").EnumerateArray()];
        Assert.InRange(points.Length, 4, 20);
        Assert.Single(points, point => point.GetProperty("atTarget").GetBoolean());

        double bytesBefore = 0;
        foreach (JsonElement point in points)
        {
            double bytes = Real(point, "bytesPerVector"), bound = Real(point, "boundBytesPerVector");
            Assert.True(bytes > bytesBefore);
            bytesBefore = bytes;
            Assert.Equal(bytes / (SampleVectors.Dimension * sizeof(float)), Real(point, "ratio"), 12);
            Assert.True(bytes > Real(point, "codeBytes"));
            double axes = Real(point, "codedAxes"), distance = Real(point, "bitsToBound");
            Assert.Equal((bytes - bound) * 8, distance * axes, 6);
            Assert.True(Real(point, "storedBitsToBound") >= distance - 1e-6);
            Assert.InRange(Real(point, "bitsPerCodedAxis"), 0, 8);
            JsonElement[] recalls = [.. point.GetProperty("recalls").EnumerateArray()];
            Assert.Equal([1, 10, 100], recalls.Select(recall => Int(recall, "k")));
            Assert.All(recalls, recall => Assert.InRange(Real(recall, "recall"), 0.05, 1));
            Assert.All(recalls, recall => Assert.InRange(Real(recall, "stdErr"), 0, 0.1));
        }

        // From one end to the other there is something to choose, and the code never beats the bound of Gaussian data by more than noise.
        Assert.True(Recall(points[^1], 1) > Recall(points[0], 1) + 0.05);
        Assert.All(points.Where(point => Real(point, "codedAxes") > 0), point => Assert.InRange(Real(point, "bitsToBound"), 0, 3));

        static double Recall(JsonElement point, int place) => Real(point.GetProperty("recalls")[place], "recall");
    }

    [Fact]
    public async Task What_it_predicts_an_index_keeps()
    {
        using var samples = new SampleVectors();
        JsonElement tune = (await Tune(samples, "--json", "--queries", samples.Query)).Json();
        Assert.Equal(samples.Query, tune.GetProperty("tunedOn").GetString());
        Assert.Equal(SampleVectors.Queries, Int(tune, "queries"));
        JsonElement point = tune.GetProperty("points").EnumerateArray().Single(point => point.GetProperty("atTarget").GetBoolean());

        // All rows but the held-out 60 are training rows, by which codes are predicted.
        JsonElement index = (await CommandRun.Succeeding(
            ["index", "--emb", samples.Base, "--out", samples.Index, "--queries", samples.Query, "--json", .. s_tune])).Json();
        Assert.Equal(1, Real(point, "bytesPerVector") / Real(index, "bytesPerVector"), 0.03);
        Assert.Equal(Real(point.GetProperty("recalls")[1], "recall"), Real(index.GetProperty("measured"), "recallExhaustive"), 0.02);
    }

    [Fact]
    public async Task People_get_a_table()
    {
        using var samples = new SampleVectors();
        CommandRun run = await Tune(samples, "--quiet");
        Assert.All(
            ["bytes/vector", "ratio", "bits/axis", "recall@1 ", "recall@10 ", "recall@100", "bound, bytes", "to bound, bit",
                "60 rows held out"],
            text => Assert.Contains(text, run.Output, StringComparison.Ordinal));
        Assert.Empty(run.Error);
    }

    [Theory]
    [InlineData("svg")]
    [InlineData("png")]
    [InlineData("html")]
    public async Task A_plot_is_drawn(string kind)
    {
        using var samples = new SampleVectors();
        string path = samples.File($"frontier.{kind}");
        JsonElement tune = (await Tune(samples, "--plot", path, "--json")).Json();
        Assert.Equal(path, tune.GetProperty("plot").GetString());
        byte[] content = await File.ReadAllBytesAsync(path);
        if (kind == "png")
        {
            Assert.Equal([0x89, (byte)'P', (byte)'N', (byte)'G'], content[..4]);
            Assert.Equal(
                (1100, 700),
                (BinaryPrimitives.ReadInt32BigEndian(content.AsSpan(16)), BinaryPrimitives.ReadInt32BigEndian(content.AsSpan(20))));
            // White paper alone would be some 5 KB.
            Assert.True(content.Length > 20_000, $"{content.Length} bytes");
            return;
        }

        string text = await File.ReadAllTextAsync(path);
        XElement svg = kind == "svg"
            ? XElement.Parse(text)
            : XElement.Parse(text[text.IndexOf("<svg", StringComparison.Ordinal)..(text.IndexOf("</svg>", StringComparison.Ordinal) + 6)]);
        string words = string.Join(
            '|', svg.Descendants().Where(element => element.Name.LocalName == "text").Select(element => element.Value));
        Assert.All(
            ["base.npy, l2", "whole index, bytes a vector", "recall of an exhaustive scan", "recall@1 ", "recall@10 ", "recall@100 ",
                "Gaussian bound", "target 0.95"],
            expected => Assert.Contains(expected, words, StringComparison.Ordinal));
        if (kind == "svg") return;
        int points = tune.GetProperty("points").GetArrayLength();
        Assert.Equal(points + 2, text.Split("<tr").Length);
        Assert.DoesNotContain("http-equiv", text, StringComparison.Ordinal);
        Assert.DoesNotContain("<script", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_same_seed_gives_the_same_frontier_on_any_number_of_threads()
    {
        using var samples = new SampleVectors();
        string[] documents = [.. await Task.WhenAll(Points("1"), Points("3"))];
        Assert.Equal(documents[0], documents[1]);

        async Task<string> Points(string threads) =>
            (await Tune(samples, "--threads", threads, "--json")).Json().GetProperty("points").GetRawText();
    }

    [Fact]
    public async Task What_cannot_be_done_is_refused_first()
    {
        using var samples = new SampleVectors();
        CommandRun folder = await CommandRun.Of("tune", "--emb", samples.Base, "--plot", samples.File("nowhere/frontier.svg"), "--json");
        Assert.Equal(ExitCode.BadInput, folder.ExitCode);
        Assert.Contains("does not exist", folder.Json().GetProperty("error").GetProperty("message").GetString(), StringComparison.Ordinal);
        // Fifty rows: none can be spared, and no queries are offered.
        string few = samples.Write("few.npy", new float[50 * SampleVectors.Dimension].Select((_, i) => (float)(i % 7)).ToArray());
        CommandRun small = await CommandRun.Of("tune", "--emb", few, "--m", "2");
        Assert.Equal(ExitCode.Usage, small.ExitCode);
        Assert.Contains("too few", small.Error, StringComparison.Ordinal);
        Assert.Equal(ExitCode.Success, (await CommandRun.Of("tune", "--emb", few, "--m", "2", "--queries", samples.Query)).ExitCode);
    }

    private static Task<CommandRun> Tune(SampleVectors samples, params string[] more) =>
        CommandRun.Succeeding(["tune", "--emb", samples.Base, .. s_tune, .. more]);

    private static int Int(JsonElement element, string name) => element.GetProperty(name).GetInt32();

    private static double Real(JsonElement element, string name) => element.GetProperty(name).GetDouble();
}
