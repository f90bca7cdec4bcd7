using System.CommandLine;
using Spectre.Console;
using Vlc.Cli.Compute;
using Vlc.Cli.Terminal;
using Vlc.Gpu.Devices;

namespace Vlc.Cli.Commands;

/// <summary><c>vlc devices</c>: what there is to compute on, and why a device cannot be used.</summary>
internal static class DevicesCommand
{
    public static Command Create()
    {
        var command = new Command(
            "devices", "List the GPUs and OpenCL devices of this machine, with memory, limits, and why one cannot be used.");
        command.SetBody(Run);
        return command;
    }

    private static ExitCode Run(ParseResult parsed, CommandTerminal terminal, CancellationToken cancellationToken)
    {
        using GpuDevices devices = GpuDevices.Open();
        DevicesResult result = DevicesResult.Of(devices);
        terminal.Write(result, ResultJsonContext.Readable.DevicesResult, console => Print(console, result));
        return ExitCode.Success;
    }

    private static void Print(IAnsiConsole console, DevicesResult result)
    {
        Table table = FactTable.Create(
            ">index", "kind", "device", "version", ">memory", ">shared a group", ">threads a group", ">units", "usable");
        foreach (DeviceRow device in result.Devices)
        {
            table.Row(
                $"{device.Index}", device.IsGpu
                ? device.Kind
                : $"{device.Kind}, processor", device.Name, device.Version, FactTable.Bytes(device.MemoryBytes),
                FactTable.Bytes(device.SharedBytes), $"{device.GroupThreads}", $"{device.Multiprocessors}", device.Problem is { } problem
                ? $"no: {problem}"
                : "yes");
        }

        if (result.Devices.Length > 0) console.Write(table);
        foreach (string reason in result.Absent) console.WriteLine(reason);
        if (result.Devices.Length == 0) console.WriteLine(DeviceOption.HowToGetOne);
        console.WriteLine($"--device auto: {result.Auto}");
    }
}

/// <summary>What <c>vlc devices</c> reports.</summary>
/// <param name="Devices">Every device.</param>
/// <param name="Absent">Interfaces without one, each with the reason.</param>
/// <param name="Auto">What <c>--device auto</c> takes.</param>
internal sealed record DevicesResult(DeviceRow[] Devices, IReadOnlyList<string> Absent, string Auto)
{
    public static DevicesResult Of(GpuDevices devices) => new(
        [.. devices.All.Select(DeviceRow.Of)], devices.Absent, devices.FirstGpu() is { } gpu
        ? $"{DeviceRow.Of(gpu).Kind}, {gpu.Name}"
        : DeviceOption.Cpu);
}

/// <summary>A device.</summary>
internal sealed record DeviceRow(
    int Index, string Kind, string Name, bool IsGpu, string Version, long MemoryBytes, long SharedBytes, int GroupThreads,
    int Multiprocessors, bool Usable,
    string? Problem)
{
    public static DeviceRow Of(GpuDevice device) => new(
        device.Index, NameOf(device.Kind), device.Name, device.IsGpu, device.Version, device.MemoryBytes,
        device.SharedBytes, device.GroupThreads, device.Multiprocessors, device.IsUsable, device.Problem);

    private static string NameOf(GpuKind kind) => kind switch
    {
        GpuKind.Cuda => DeviceOption.Cuda,
        GpuKind.OpenCL => DeviceOption.OpenCL,
        _ => DeviceOption.Simulated,
    };
}
