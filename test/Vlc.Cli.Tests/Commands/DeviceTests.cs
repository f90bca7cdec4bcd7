using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using Vlc.Gpu.Devices;

namespace Vlc.Cli.Tests.Commands;

public sealed class DeviceTests
{
    [Fact]
    public async Task Devices_are_listed_with_their_limits_and_absent_interfaces_with_the_reason()
    {
        JsonElement result = (await CommandRun.Succeeding("devices", "--json")).Json();
        JsonElement[] devices = [.. result.GetProperty("devices").EnumerateArray()];
        Assert.Equal(Enumerable.Range(0, devices.Length), devices.Select(device => device.GetProperty("index").GetInt32()));
        Assert.All(devices, device => Assert.True(device.GetProperty("memoryBytes").GetInt64() > 0));
        string[] absent = [.. result.GetProperty("absent").EnumerateArray().Select(reason => reason.GetString()!)];
        foreach (string kind in (string[])["cuda", "opencl"])
        {
            bool listed = devices.Any(device => device.GetProperty("kind").GetString() == kind);
            Assert.Equal(!listed, absent.Any(reason => reason.StartsWith(kind + ": ", StringComparison.Ordinal)));
        }

        bool gpu = devices.Any(device => device.GetProperty("isGpu").GetBoolean() && device.GetProperty("usable").GetBoolean());
        Assert.Equal(!gpu, result.GetProperty("auto").GetString() == "cpu");
    }

    [Fact]
    public async Task A_device_that_is_not_there_is_refused_and_nothing_is_written()
    {
        using var samples = new SampleVectors();
        Assert.SkipWhen(NativeRuntimes.HasCuda, "there is a CUDA driver");
        CommandRun run = await CommandRun.Of("index", "--emb", samples.Base, "--out", samples.Index, "--device", "cuda");
        Assert.Equal(ExitCode.Usage, run.ExitCode);
        Assert.Contains("--device cuda: there is no such device", run.Error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.GetDirectoryName(samples.Index)));

        run = await CommandRun.Of("index", "--emb", samples.Base, "--out", samples.Index, "--device", "999");
        Assert.Equal(ExitCode.Usage, run.ExitCode);
        Assert.Contains("--device 999", run.Error, StringComparison.Ordinal);
        run = await CommandRun.Of("index", "--emb", samples.Base, "--out", samples.Index, "--device", "gpu");
        Assert.Equal(ExitCode.Usage, run.ExitCode);
        Assert.Contains("--device must be auto, cpu, cuda, opencl or a number", run.Error, StringComparison.Ordinal);
        Assert.Equal(ExitCode.Usage, (await CommandRun.Of("test-gpu", "--device", "cpu")).ExitCode);
    }

    [Theory]
    [InlineData("int8")]
    [InlineData("packed")]
    public async Task The_device_used_is_printed_and_does_not_change_the_bytes(string codec)
    {
        Assert.SkipUnless(NativeRuntimes.HasOpenCL, "no OpenCL runtime");
        using var samples = new SampleVectors();
        string[] common = ["index", "--emb", samples.Base, "--m", "8", "--iterations", "2", "--codec", codec, "--json", "--quiet"];
        CommandRun processor = await CommandRun.Succeeding([.. common, "--out", samples.File("a"), "--device", "cpu"]);
        CommandRun device = await CommandRun.Succeeding([.. common, "--out", samples.File("b"), "--device", "opencl"]);
        Assert.Equal("cpu", processor.Json().GetProperty("device").GetString());
        Assert.StartsWith("opencl, ", device.Json().GetProperty("device").GetString(), StringComparison.Ordinal);
        string[] files = Directory.GetFiles(samples.Folder, "a.*");
        Assert.True(files.Length >= 4);
        Assert.All(
            files, file => Assert.Equal(File.ReadAllBytes(file), File.ReadAllBytes(samples.File("b" + Path.GetFileName(file)[1..]))));
    }

    [Theory]
    [InlineData("packed")]
    [InlineData("int8")]
    public async Task A_device_finds_what_the_processor_finds_and_is_printed(string codec)
    {
        Assert.SkipUnless(NativeRuntimes.HasOpenCL, "no OpenCL runtime");
        using var samples = new SampleVectors();
        await samples.Build("--codec", codec);
        string[] query = ["query", "--idx", samples.Index, "--queries", samples.Query, "-k", "7", "--json", "--quiet"];
        JsonElement processor = (await CommandRun.Succeeding(query)).Json();
        JsonElement device = (await CommandRun.Succeeding([.. query, "--device", "opencl"])).Json();
        Assert.Equal("cpu", processor.GetProperty("device").GetString());
        Assert.StartsWith("opencl, ", device.GetProperty("device").GetString(), StringComparison.Ordinal);
        Assert.Equal(SampleVectors.Queries, processor.GetProperty("results").GetArrayLength());
        Assert.Equal(processor.GetProperty("results").GetRawText(), device.GetProperty("results").GetRawText());

        string[] eval = ["eval", "--idx", samples.Index, "--queries", samples.Query, "--emb", samples.Base, "-k", "3", "--json", "--quiet"];
        (processor, device) = (
            (await CommandRun.Succeeding(eval)).Json(), (await CommandRun.Succeeding([.. eval, "--device", "opencl"])).Json());
        Assert.Equal("cpu", processor.GetProperty("device").GetString());
        Assert.StartsWith("opencl, ", device.GetProperty("device").GetString(), StringComparison.Ordinal);
        foreach (string fact in (string[])["recall", "recallExhaustive"])
        {
            Assert.Equal(processor.GetProperty(fact).GetDouble(), device.GetProperty(fact).GetDouble());
        }
    }

    [Fact]
    public async Task A_device_without_an_index_is_refused()
    {
        CommandRun run = await CommandRun.Of("query", "--device", "opencl");
        Assert.Equal(ExitCode.Usage, run.ExitCode);
        Assert.Contains("--device needs --idx", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_processor_and_an_OpenCL_device_agree()
    {
        Assert.SkipUnless(NativeRuntimes.HasOpenCL, "no OpenCL runtime");
        JsonElement result = (await CommandRun.Succeeding("test-gpu", "--device", "opencl", "--json", "--quiet")).Json();
        Assert.True(result.GetProperty("passed").GetBoolean());
        JsonElement only = Assert.Single(result.GetProperty("comparisons").EnumerateArray());
        Assert.Equal(1, only.GetProperty("equalAssignments").GetDouble());
        Assert.Equal(0, only.GetProperty("codeErrorDifference").GetDouble());
        Assert.Equal(1, only.GetProperty("equalResults").GetDouble());
        Assert.Equal(0, only.GetProperty("scoreDifference").GetDouble());
        Assert.True(only.GetProperty("cpuSearchSeconds").GetDouble() > 0);
        Assert.Equal(
            only.GetProperty("cpuSearchSeconds").GetDouble() / only.GetProperty("deviceSearchSeconds").GetDouble(),
            only.GetProperty("searchSpeedUp").GetDouble(), 1e-9);
        Assert.Equal(5, result.GetProperty("gates").GetArrayLength());
        Assert.True(only.GetProperty("identical").GetBoolean());
    }

    [Fact]
    public async Task The_program_works_without_the_GPU_assemblies()
    {
        using var samples = new SampleVectors();
        string folder = Directory.CreateDirectory(samples.File("program")).FullName;
        foreach (string file in Directory.GetFiles(AppContext.BaseDirectory))
        {
            string name = Path.GetFileName(file);
            if (name is "Vlc.Gpu.dll" or "ILGPU.dll" || name.StartsWith("xunit", StringComparison.Ordinal)) continue;
            File.Copy(file, Path.Combine(folder, name));
        }

        // Where the program was built without them, its manifest does not name them either.
        string manifest = Path.Combine(folder, "vlc.deps.json");
        JsonNode root = JsonNode.Parse(await File.ReadAllTextAsync(manifest))!;
        foreach (JsonObject libraries in root["targets"]!.AsObject().Select(target => target.Value!.AsObject())
            .Append(root["libraries"]!.AsObject()))
        {
            foreach (string name in libraries.Select(library => library.Key)
                .Where(key => key.StartsWith("Vlc.Gpu/", StringComparison.Ordinal) || key.StartsWith("ILGPU/", StringComparison.Ordinal))
                .ToArray())
            {
                libraries.Remove(name);
            }
        }

        await File.WriteAllTextAsync(manifest, root.ToJsonString());
        (int code, string output, string error) = await Run(
            "index", "--emb", samples.Base, "--out", samples.Index, "--m", "8", "--iterations", "2", "--json");
        Assert.True(code == 0, error);
        Assert.Equal("cpu", JsonDocument.Parse(output).RootElement.GetProperty("device").GetString());
        foreach (string[] args in (string[][])[["devices"], ["test-gpu"],
            ["index", "--emb", samples.Base, "--out", samples.Index, "--device", "opencl"]])
        {
            (code, _, error) = await Run(args);
            Assert.Equal((int)ExitCode.Usage, code);
            Assert.Contains("no GPU support", error, StringComparison.Ordinal);
        }

        async Task<(int Code, string Output, string Error)> Run(params string[] args)
        {
            var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true };
            start.ArgumentList.Add(Path.Combine(folder, "vlc.dll"));
            foreach (string arg in args) start.ArgumentList.Add(arg);
            using Process process = Process.Start(start)!;
            Task<string> reading = process.StandardOutput.ReadToEndAsync(), complaining = process.StandardError.ReadToEndAsync();
            await process.WaitForExitAsync();
            return (process.ExitCode, await reading, await complaining);
        }
    }
}
