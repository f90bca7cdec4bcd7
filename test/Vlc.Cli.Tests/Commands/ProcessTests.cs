using System.Diagnostics;
using System.Text.Json;
using Vlc.Cli.Evaluation;

namespace Vlc.Cli.Tests.Commands;

/// <summary>The program as the user starts it.</summary>
public sealed class ProcessTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    [Fact]
    public async Task Results_and_complaints_do_not_mix()
    {
        using var samples = new SampleVectors();
        using Process index = Start("index", "--emb", samples.Base, "--out", samples.Index, "--json", "--quiet");
        (string output, string error) = await Finish(index);
        Assert.Equal(0, index.ExitCode);
        Assert.Equal(SampleVectors.Count, JsonDocument.Parse(output).RootElement.GetProperty("n").GetInt32());
        Assert.Empty(error);

        using Process missing = Start("info", "--idx", samples.File("nothing"));
        (output, error) = await Finish(missing);
        Assert.Equal((int)ExitCode.BadInput, missing.ExitCode);
        Assert.Empty(output);
        Assert.StartsWith("vlc: There is no index", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("INT")]
    [InlineData("TERM")]
    public async Task A_signal_stops_the_run_and_leaves_no_file(string signal)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "a signal is sent by kill");
        const int Rows = 30_000, Dimension = 64;
        using var samples = new SampleVectors();
        string emb = samples.Write("many.npy", GaussianBlobs.Draw(Rows, Dimension, blobs: 3000, seed: 3), Dimension);
        string checkpoint = samples.File("training.checkpoint"), outFolder = Directory.CreateDirectory(samples.File("out")).FullName;
        using Process index = Start(
            "index", "--emb", emb, "--out", Path.Combine(outFolder, "many"), "--m", "3000", "--sample", $"{Rows}", "--iterations", "500",
            "--cooling", "exponential", "--cooling-rate", "0.99", "--checkpoint", checkpoint);

        // A checkpoint means that training is under way.
        var waiting = Stopwatch.StartNew();
        while (!File.Exists(checkpoint) && !index.HasExited && waiting.Elapsed < Patience) await Task.Delay(20);
        Assert.False(index.HasExited, "the run ended before it could be interrupted");
        if (signal == "INT" && IgnoresInterrupts(index))
        {
            index.Kill();
            Assert.Skip("SIGINT is ignored, as in a shell's background jobs, and programs keep to that");
        }

        using (Process kill = Process.Start("kill", [$"-{signal}", $"{index.Id}"])) await kill.WaitForExitAsync();

        (string output, string error) = await Finish(index);
        Assert.Equal((int)ExitCode.Cancelled, index.ExitCode);
        Assert.Empty(output);
        Assert.Contains("Cancelled", error, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(outFolder));
    }

    [Theory]
    [InlineData("csv", "a,0.5,1.5\nb,2.5,3.5\n")]
    [InlineData("jsonl", "{\"id\":\"a\",\"embedding\":[0.5,1.5]}\n{\"id\":\"b\",\"embedding\":[2.5,3.5]}\n")]
    public async Task Standard_input_is_read_in_the_format_that_is_named(string format, string content)
    {
        using var samples = new SampleVectors();
        string path = samples.File("out.jsonl");
        using Process convert = Start("convert", "-", path, "--format", format);
        await convert.StandardInput.WriteAsync(content);
        convert.StandardInput.Close();
        (_, string error) = await Finish(convert);
        Assert.True(convert.ExitCode == 0, error);
        Assert.Contains("standard input", error, StringComparison.Ordinal);
        Assert.Equal(["""{"id":"a","embedding":[0.5,1.5]}""", """{"id":"b","embedding":[2.5,3.5]}"""], await File.ReadAllLinesAsync(path));
    }

    private static Process Start(params string[] args)
    {
        var start = new ProcessStartInfo(
            Environment.ProcessPath is { } host && Path.GetFileNameWithoutExtension(host) == "dotnet" ? host : "dotnet")
        {
            RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
        };
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "vlc.dll"));
        foreach (string arg in args) start.ArgumentList.Add(arg);
        return Process.Start(start)!;
    }

    /// <summary>
    /// Whether a process was started with SIGINT ignored; where Linux's /proc is not there to tell, it is taken not to be.
    /// </summary>
    private static bool IgnoresInterrupts(Process process)
    {
        string status = $"/proc/{process.Id}/status";
        string? ignored = File.Exists(status)
            ? File.ReadLines(status).FirstOrDefault(line => line.StartsWith("SigIgn:", StringComparison.Ordinal))
            : null;
        const ulong Interrupt = 1UL << (2 - 1);
        return ignored is not null && (Convert.ToUInt64(ignored["SigIgn:".Length..].Trim(), 16) & Interrupt) != 0;
    }

    private static async Task<(string Output, string Error)> Finish(Process process)
    {
        using var patience = new CancellationTokenSource(Patience);
        try
        {
            Task<string> output = process.StandardOutput.ReadToEndAsync(patience.Token);
            Task<string> error = process.StandardError.ReadToEndAsync(patience.Token);
            await process.WaitForExitAsync(patience.Token);
            return (await output, await error);
        }
        finally
        {
            if (!process.HasExited) process.Kill();
        }
    }
}
