using System.Text.Json;
using Vlc.Bench.Gpu;
using Vlc.Gpu.Devices;

namespace Vlc.Gpu.Tests;

/// <summary>Runs bench/Vlc.Bench.Gpu at small sizes, to show that it works.</summary>
[Collection(OnDevices.Name)]
public sealed class BenchmarkTests
{
    private static readonly string[] s_tiny =
    [
        "--device", "opencl", "--rows", "300", "--dim", "9", "--anchors", "20", "--index-rows", "300", "--index-dim", "12",
        "--queries", "6", "-k", "3", "--repeats", "1", "--threads", "2",
    ];

    [Fact]
    public async Task A_device_is_measured_and_agrees_with_the_processor()
    {
        Assert.SkipUnless(NativeRuntimes.HasOpenCL, "no OpenCL runtime");
        (int code, string output, string error) = await Run([.. s_tiny, "--json"]);
        Assert.True(code == 0, error);
        JsonElement result = JsonDocument.Parse(output).RootElement, assign = result.GetProperty("assign");
        JsonElement index = result.GetProperty("index"), scan = index.GetProperty("scan");
        Assert.StartsWith("opencl, ", result.GetProperty("device").GetString(), StringComparison.Ordinal);
        Assert.Equal([300, 9, 20], ((string[])["rows", "dimension", "anchors"]).Select(name => assign.GetProperty(name).GetInt32()));
        // 2·n·m·d operations in the reported time.
        Assert.Equal(
            2.0 * 300 * 9 * 20 / 1e12, assign.GetProperty("teraFlops").GetDouble() * assign.GetProperty("seconds").GetDouble(), 1e-15);
        Assert.Equal(JsonValueKind.Null, assign.GetProperty("shareOfPeak").ValueKind);
        Assert.StartsWith("n/a", assign.GetProperty("peakDerivation").GetString(), StringComparison.Ordinal);
        Assert.Equal(
            scan.GetProperty("codeBytes").GetInt64() * scan.GetProperty("queriesPerSecond").GetDouble() / 1e9,
            scan.GetProperty("codeGigabytesPerSecond").GetDouble(), 1e-12);
        Assert.True(scan.GetProperty("codeBytes").GetInt64() > 0);
        Assert.All((JsonElement[])[assign, index, scan], part => Assert.True(part.GetProperty("identical").GetBoolean()));
    }

    [Fact]
    public async Task What_it_is_not_given_to_understand_it_refuses()
    {
        string[][] wrong = [["--row", "3"], ["--rows", "0"], ["--rows"], ["--device", "gpu"], ["--rows", "100000000", "--dim", "1000"]];
        foreach (string[] arguments in wrong)
        {
            (int code, string output, string error) = await Run(arguments);
            Assert.Equal(2, code);
            Assert.Empty(output);
            Assert.Contains(arguments[0], error, StringComparison.Ordinal);
        }

        Assert.Contains("--anchors", (await Run(["--help"])).Output, StringComparison.Ordinal);
    }

    [Theory]
    // 132 multiprocessors of 128 lanes at 1,980 MHz; 108 of 64 at 1,410.
    [InlineData("compute SM_90", 132, 1980, 66.9)]
    [InlineData("compute 8.0", 108, 1410, 19.5)]
    [InlineData("compute SM_120", 170, 2407, 104.8)]
    [InlineData("compute SM_50", 16, 1000, null)]
    [InlineData("compute SM_90", 132, 0, null)]
    public void The_peak_is_lanes_times_clock_times_two(string version, int multiprocessors, int clock, double? expected)
    {
        var device = new GpuDevice(
            0, GpuKind.Cuda, "any", IsGpu: true, version, 1 << 30, 48 << 10, 1024, multiprocessors, clock, Problem: null);
        Float32Peak peak = Float32Peak.Of(device);
        if (expected is { } known) Assert.Equal(known, peak.TeraFlops!.Value, 0.05);
        else Assert.Null(peak.TeraFlops);
        Assert.Equal(expected is null, peak.Derivation.StartsWith("n/a", StringComparison.Ordinal));
    }

    private static async Task<(int Code, string Output, string Error)> Run(string[] arguments)
    {
        using StringWriter output = new(), error = new();
        int code = await GpuBenchmark.InvokeAsync(arguments, output, error);
        return (code, output.ToString(), error.ToString());
    }
}
