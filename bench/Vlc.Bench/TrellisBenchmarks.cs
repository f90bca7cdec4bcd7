using BenchmarkDotNet.Attributes;
using Vlc.Numerics.Kernels;

namespace Vlc.Bench;

/// <summary>Trellis codes of 128 axes with 5 to 1 bits, 48 bytes, on one thread: encoding, the three scans and the filters.</summary>
[MemoryDiagnoser]
[RateConfig]
public class TrellisBenchmarks
{
    internal const int Rows = 16_384, Axes = 128, Strings = 64;

    private const double Scanned = (double)Rows * Axes;

    private readonly byte[] _bits = DescendingBits();
    private readonly float[] _target = AssignmentBenchmarks.Gaussians(Axes, seed: 6);
    private readonly float[] _scale = [.. Enumerable.Repeat(1f, Axes)];
    private readonly float[] _strings = AssignmentBenchmarks.Gaussians(Strings * Axes, seed: 7);
    private readonly byte[] _states = new byte[Axes];
    private readonly float[] _distances = new float[Rows];
    private readonly float[] _norms = new float[Rows];
    private readonly TrellisEncoder _encoder = new(TrellisTables.Designed, Axes);
    private readonly int[] _kept = new int[Rows];
    private readonly TrellisFilter _filter = new();
    private readonly CodeFile _file;

    public TrellisBenchmarks() => _file = new CodeFile(Rows, (_bits.Sum(bits => bits) + 7) / 8);

    internal int CodeBytes => _file.Codes.RowBytes;

    [GlobalCleanup]
    public void Cleanup()
    {
        _encoder.Dispose();
        _filter.Dispose();
        _file.Dispose();
    }

    [Benchmark]
    [Work(Strings * 1e6, "k vectors/s")]
    public void Encode()
    {
        for (int i = 0; i < Strings; i++) _encoder.Encode(_strings.AsSpan(i * Axes, Axes), _scale, _bits, _states);
    }

    [Benchmark]
    [Work(Scanned, "G axes/s")]
    public void SquaredDistances() =>
        TrellisScan.SquaredDistances(_file.Codes, [], TrellisTables.Designed, _bits, _target, _scale, 0, _distances);

    [Benchmark]
    [Work(Scanned, "G axes/s")]
    public void DotProducts() => TrellisScan.DotProducts(_file.Codes, [], TrellisTables.Designed, _bits, _target, 0, _distances);

    [Benchmark]
    [Work(Scanned, "G axes/s")]
    public void DotsAndNorms() =>
        TrellisScan.DotsAndNorms(_file.Codes, [], TrellisTables.Designed, _bits, _target, _scale, _target, _distances, _norms);

    [Benchmark]
    [Work(Scanned, "G axes/s")]
    public int FilterByDistance() =>
        _filter.NearByDistance(_file.Codes, [], TrellisTables.Designed, _bits, _target, _scale, 0, 1, _kept);

    [Benchmark]
    [Work(Scanned, "G axes/s")]
    public int FilterByCosine() =>
        _filter.NearByCosine(_file.Codes, [], TrellisTables.Designed, _bits, _target, _scale, _target, 0, Axes, 1, 2, _kept);

    private static byte[] DescendingBits() => [.. Enumerable.Range(0, Axes).Select(axis => (byte)(5 - (5 * axis / Axes)))];
}
