using System.Text.Json;
using Vlc.Tests;

namespace Vlc.Cli.Tests.Commands;

/// <summary>Every class of failure: its exit code, its message, its document, and that nothing is left behind.</summary>
public sealed class FailureTests
{
    [Theory]
    [InlineData("missing.npy", "missing.npy")]
    [InlineData("garbage.npy", "offset 0")]
    [InlineData("empty.npy", "empty file")]
    [InlineData("nan.npy", "row 3")]
    [InlineData("ragged.jsonl", "line 2")]
    [InlineData("ragged.csv", "line 2")]
    [InlineData("unknown.xyz", "--format")]
    [InlineData("folder", "a folder")]
    public async Task Bad_vectors_exit_with_3_and_leave_nothing(string name, string where)
    {
        using var samples = new SampleVectors();
        WriteBadFiles(samples);
        string outFolder = Directory.CreateDirectory(samples.File("out")).FullName;
        CommandRun run = await CommandRun.Of(
            "index", "--emb", samples.File(name), "--out", Path.Combine(outFolder, "x"), "--m", "2", "--json");
        AssertFailure(run, ExitCode.BadInput, "badInput", where);
        Assert.Empty(Directory.EnumerateFileSystemEntries(outFolder));
    }

    [Theory]
    [InlineData("--frobnicate")]
    [InlineData("--codec", "zip")]
    [InlineData("--metric", "manhattan")]
    [InlineData("--m", "0")]
    [InlineData("--m", "many")]
    [InlineData("--m", "100000")]
    [InlineData("--dims", "17")]
    [InlineData("--dims", "4", "--codec", "none")]
    [InlineData("--jacobians", "perhaps")]
    [InlineData("--threads", "0")]
    [InlineData("--temperature", "1")]
    [InlineData("--cooling", "exponential", "--cooling-rate", "2")]
    [InlineData("--mean-parameter", "1")]
    [InlineData("--mean", "trimmed", "--mean-parameter", "0.7")]
    [InlineData("--sample", "1", "--m", "2")]
    [InlineData("--min-recall", "2")]
    [InlineData("--min-recall", "NaN")]
    [InlineData("--max-ratio", "small")]
    [InlineData("--seed", "-1")]
    [InlineData("--lambda", "Infinity")]
    [InlineData("--iterations", "1.5")]
    public async Task A_command_line_that_cannot_be_carried_out_exits_with_2(params string[] options)
    {
        using var samples = new SampleVectors();
        CommandRun run = await CommandRun.Of(["index", "--emb", samples.Base, "--out", samples.Index, "--json", .. options]);
        AssertFailure(run, ExitCode.Usage, "usage", "");
        Assert.DoesNotContain("Parameter", run.Error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.GetDirectoryName(samples.Index)));
    }

    [Theory]
    [InlineData("index")]
    [InlineData("tune")]
    public async Task Tuning_queries_that_do_not_fit_the_vectors_exit_with_3(string command)
    {
        using var samples = new SampleVectors();
        string narrow = samples.Write("narrow.npy", new float[12], dimension: 3);
        string zeros = samples.Write("zeros.npy", new float[2 * SampleVectors.Dimension]);
        string[] args = command == "index" ? [command, "--out", samples.Index] : [command];
        foreach ((string file, string where) in ((string, string)[])[(narrow, "16, as in"), (zeros, "row 0"),
            (samples.File("missing.npy"), "missing.npy")])
        {
            CommandRun run = await CommandRun.Of(
                [.. args, "--emb", samples.Base, "--m", "2", "--metric", "cosine", "--queries", file, "--json"]);
            AssertFailure(run, ExitCode.BadInput, "badInput", where);
        }

        Assert.False(File.Exists($"{samples.Index}.idx"));
    }

    [Theory]
    [InlineData("frobnicate")]
    [InlineData("index")]
    [InlineData("verify", "--idx")]
    [InlineData("query", "--queries", "q.npy")]
    [InlineData("query", "--out", "q.npy")]
    [InlineData("query", "--idx", "x", "--queries", "q.npy", "-k", "few")]
    [InlineData("query", "--idx", "x", "--queries", "q.npy", "--target-recall", "0")]
    [InlineData("query", "--idx", "x", "--queries", "q.npy", "--target-recall", "high")]
    [InlineData("query", "--idx", "x")]
    [InlineData("query", "--idx", "x", "--queries", "q.npy", "--probes", "none")]
    [InlineData("query", "--idx", "x", "--queries", "q.npy", "--out", "q.txt")]
    [InlineData("query", "--idx", "x", "--queries", "q.npy", "--allow", "a", "--deny", "d")]
    [InlineData("eval", "--idx", "x", "--queries", "q.npy")]
    [InlineData("tune")]
    [InlineData("tune", "--emb", "x.npy", "--codec", "int8")]
    [InlineData("tune", "--emb", "x.npy", "--target-recall", "1")]
    [InlineData("tune", "--emb", "x.npy", "--plot", "frontier.pdf")]
    [InlineData("tune", "--emb", "x.npy", "--plot", "frontier")]
    [InlineData("reconstruct", "--idx", "x", "--out", "y.csv")]
    public async Task Usage_is_checked_before_files(params string[] args)
    {
        CommandRun run = await CommandRun.Of(args);
        Assert.Equal(ExitCode.Usage, run.ExitCode);
        Assert.Empty(run.Output);
        Assert.StartsWith("vlc: ", run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("info")]
    [InlineData("verify")]
    [InlineData("reconstruct", "--out", "never.npy")]
    public async Task A_missing_or_foreign_index_exits_with_3(params string[] command)
    {
        using var folder = new TemporaryFolder();
        CommandRun missing = await CommandRun.Of([.. command, "--idx", folder.File("x"), "--json"]);
        AssertFailure(missing, ExitCode.BadInput, "badInput", "There is no index");
        folder.Write("x.idx", new byte[100]);
        CommandRun foreign = await CommandRun.Of([.. command, "--idx", folder.File("x"), "--json"]);
        AssertFailure(foreign, ExitCode.BadInput, "badInput", "magic number");
    }

    [Fact]
    public async Task Queries_that_the_index_cannot_answer_are_refused()
    {
        using var samples = new SampleVectors();
        await samples.Build("--metric", "cosine");
        string other = samples.Write("other.npy", new float[30], dimension: 15);
        string zero = samples.Write("zero.npy", new float[SampleVectors.Dimension]);

        AssertFailure(await Query("--queries", other), ExitCode.BadInput, "badInput", "dimension");
        AssertFailure(await Query("--queries", zero), ExitCode.BadInput, "badInput", "row 0");
        AssertFailure(await Query("--queries", samples.Query, "--metric", "l2"), ExitCode.Usage, "usage", "metric cosine");
        AssertFailure(await Query("--queries", samples.Query, "-k", "601"), ExitCode.Usage, "usage", "600 vectors");
        string ids = samples.Write("ids.txt", "1", "600");
        AssertFailure(await Query("--queries", samples.Query, "--allow", ids), ExitCode.BadInput, "badInput", "line 2");
        AssertFailure(
            await CommandRun.Of("eval", "--idx", samples.Index, "--queries", samples.Query, "--emb", samples.Query, "--json"),
            ExitCode.BadInput, "badInput", "shape");

        Task<CommandRun> Query(params string[] more) => CommandRun.Of(["query", "--idx", samples.Index, "--json", .. more]);
    }

    [Fact]
    public async Task A_missed_gate_exits_with_4_after_the_result()
    {
        using var samples = new SampleVectors();
        CommandRun index = await CommandRun.Of(
            "index", "--emb", samples.Base, "--out", samples.Index, "--codec", "none", "--min-recall", "0.99", "--max-ratio", "0.001",
            "--json");
        Assert.Equal(ExitCode.GateMissed, index.ExitCode);
        Assert.Equal(2, index.Json().GetProperty("gates").EnumerateArray().Count(gate => !gate.GetProperty("passed").GetBoolean()));
        Assert.Contains("minRecall", index.Error, StringComparison.Ordinal);
        await CommandRun.Succeeding("verify", "--idx", samples.Index);

        string[] eval = ["eval", "--idx", samples.Index, "--queries", samples.Query, "--emb", samples.Base];
        Assert.Equal(ExitCode.GateMissed, (await CommandRun.Of([.. eval, "--min-recall", "1"])).ExitCode);
        Assert.Equal(ExitCode.Success, (await CommandRun.Of([.. eval, "--min-recall", "0", "--max-ratio", "1"])).ExitCode);
    }

    [Fact]
    public async Task A_cancelled_run_exits_with_130_and_keeps_the_old_index()
    {
        using var samples = new SampleVectors();
        await samples.Build();
        Dictionary<string, byte[]> before = Files();
        CommandRun run = await CommandRun.Of(
            ["index", "--emb", samples.Base, "--out", samples.Index, "--m", "50", "--json"], new CancellationToken(canceled: true));
        AssertFailure(run, ExitCode.Cancelled, "cancelled", "Cancelled");
        Assert.Equal(before, Files());

        Dictionary<string, byte[]> Files() =>
            Directory.GetFiles(Path.GetDirectoryName(samples.Index)!).ToDictionary(path => path, File.ReadAllBytes);
    }

    [Fact]
    public async Task A_folder_in_the_way_is_a_failure_without_a_stack_trace()
    {
        using var samples = new SampleVectors();
        await samples.Build();
        Directory.CreateDirectory(samples.File("taken.npy"));
        CommandRun run = await CommandRun.Of("reconstruct", "--idx", samples.Index, "--out", samples.File("taken.npy"), "--json");
        AssertFailure(run, ExitCode.Failure, "failure", "");
        Assert.Empty(Directory.GetFiles(samples.Folder, "*.tmp"));
    }

    private static void AssertFailure(CommandRun run, ExitCode exitCode, string code, string says)
    {
        Assert.True(run.ExitCode == exitCode, $"{run.ExitCode}: {run.Error}");
        JsonElement error = run.Json().GetProperty("error");
        Assert.Equal(code, error.GetProperty("code").GetString());
        string message = error.GetProperty("message").GetString()!;
        Assert.Contains(says, message, StringComparison.Ordinal);
        Assert.Equal($"vlc: {message}", run.Error.TrimEnd());
        Assert.DoesNotContain("   at ", run.Error, StringComparison.Ordinal);
    }

    private static void WriteBadFiles(SampleVectors samples)
    {
        File.WriteAllBytes(samples.File("garbage.npy"), [.. Enumerable.Range(0, 200).Select(i => (byte)i)]);
        File.WriteAllBytes(samples.File("empty.npy"), []);
        Directory.CreateDirectory(samples.File("folder"));
        float[] rows = [.. Enumerable.Range(0, 10 * SampleVectors.Dimension).Select(i => (float)i)];
        rows[(3 * SampleVectors.Dimension) + 5] = float.NaN;
        samples.Write("nan.npy", rows);
        samples.Write(
            "ragged.jsonl", """{"id":"a","embedding":[1,2,3]}""", """{"id":"b","embedding":[1,2]}""", """{"id":"c","embedding":[1,2,4]}""");
        samples.Write("ragged.csv", "1,2,3", "1,2", "4,5,6");
        samples.Write("unknown.xyz", "what", "is", "this");
    }
}
