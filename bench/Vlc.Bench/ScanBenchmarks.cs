using BenchmarkDotNet.Attributes;
using Vlc.Numerics.Kernels;

namespace Vlc.Bench;

/// <summary>The int8 scan of consecutive rows on one thread, against TensorPrimitives over the float32 rows that they encode.</summary>
[MemoryDiagnoser]
[RateConfig]
public class ScanBenchmarks
{
    internal const int Rows = 16_384, Dimension = 128;

    private const double Axes = (double)Rows * Dimension;

    private readonly CodeFile _file = new(Rows, Dimension);
    private readonly float[] _floats = AssignmentBenchmarks.Gaussians(Rows * Dimension, seed: 4);
    private readonly float[] _target = AssignmentBenchmarks.Gaussians(Dimension, seed: 5);
    private readonly float[] _scale = [.. Enumerable.Repeat(0.01f, Dimension)];
    private readonly float[] _distances = new float[Rows];
    private readonly int[] _numbers = [.. Enumerable.Range(0, Rows)];

    [GlobalCleanup]
    public void Cleanup() => _file.Dispose();

    [Benchmark(Baseline = true)]
    [Work(Axes, "G axes/s")]
    public void Float32()
    {
        for (int row = 0; row < Rows; row++)
        {
            _distances[row] = System.Numerics.Tensors.TensorPrimitives.Distance<float>(_floats.AsSpan(row * Dimension, Dimension), _target);
        }
    }

    /// <summary>An axis is a byte: G axes/s are GB/s of code.</summary>
    [Benchmark]
    [Work(Axes, "G axes/s")]
    public void Int8() => Int8Scan.SquaredDistances(_file.Codes, _numbers, _target, _scale, 0, _distances);
}
