using Vlc.Bench.Gpu;

return await GpuBenchmark.InvokeAsync(args, Console.Out, Console.Error);
