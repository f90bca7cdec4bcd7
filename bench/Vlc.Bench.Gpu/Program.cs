using Vlc.Bench.Gpu;

using var stopping = new CancellationTokenSource();
Console.CancelKeyPress += (_, pressed) =>
{
    pressed.Cancel = true;
    stopping.Cancel();
};
return GpuBenchmark.Run(args, Console.Out, Console.Error, stopping.Token);
