using BenchmarkDotNet.Attributes;
using Vlc.Numerics.Kernels;
using Vlc.Numerics.Randomness;

namespace Vlc.Bench;

/// <summary>Assignment of rows to anchors on one thread: DotTile with the fused argmin, against the FMA peak of the same core.</summary>
[MemoryDiagnoser]
[RateConfig]
public class AssignmentBenchmarks
{
    internal const int Rows = 2048, Anchors = 1024, Dimension = 128, PeakSteps = 1_000_000;

    private const double Flops = 2.0 * Rows * Anchors * Dimension;

    private readonly float[] _rows = Gaussians(Rows * Dimension, seed: 1);
    private readonly float[] _halfNorms = new float[Anchors];
    private readonly int[] _nearest = new int[Rows];
    private readonly float[] _scores = new float[Rows];
    private readonly PackedMatrix _anchors;

    public AssignmentBenchmarks()
    {
        float[] anchors = Gaussians(Anchors * Dimension, seed: 2);
        NearestColumn.HalfSquaredNorms(anchors, Dimension, _halfNorms);
        _anchors = new PackedMatrix(anchors, Anchors, Dimension);
    }

    [Benchmark(Baseline = true)]
    [Work(2.0 * 16 * 12 * PeakSteps, "GFLOP/s")]
    public float Peak() => FmaPeak.Run(PeakSteps);

    [Benchmark]
    [Work(Flops, "GFLOP/s")]
    public void Assign() => NearestColumn.Assign(_rows, _anchors, _halfNorms, _nearest, _scores, threads: 1);

    internal static float[] Gaussians(int count, ulong seed)
    {
        var random = new SeededRandom(seed);
        var values = new float[count];
        foreach (ref float value in values.AsSpan()) value = random.NextGaussian();
        return values;
    }
}
