using BenchmarkDotNet.Attributes;
using Vlc.Numerics.Kernels;

namespace Vlc.Bench;

/// <summary>Trellis codes of 128 axes with 5 to 1 bits, 48 bytes, on one thread: encoding, the three scans and the filters.</summary>
[MemoryDiagnoser]
[RateConfig]
public class TrellisBenchmarks
{
    internal const int Rows = 16_384, Axes = 128, Strings = 64, Shared = 8, TwoBitAxes = 3 * Axes, TwoBitStrings = Strings / 3;

    private const double Scanned = (double)Rows * Axes;

    private readonly byte[] _bits = DescendingBits();
    private readonly float[] _target = AssignmentBenchmarks.Gaussians(Axes, seed: 6);
    private readonly float[] _scale = [.. Enumerable.Repeat(1f, Axes)];
    private readonly float[] _strings = AssignmentBenchmarks.Gaussians(Strings * Axes, seed: 7);
    private readonly byte[] _states = new byte[Axes];
    private readonly float[] _distances = new float[Rows];
    private readonly float[] _norms = new float[Rows];
    private readonly TrellisEncoder _encoder = new(TrellisTables.Designed, Axes);
    private readonly byte[] _twoBits = [.. Enumerable.Repeat((byte)2, TwoBitAxes)];
    private readonly float[] _twoBitScale = [.. Enumerable.Repeat(1f, TwoBitAxes)];
    private readonly byte[] _twoBitStates = new byte[TwoBitAxes];
    private readonly TrellisEncoder _twoBitEncoder = new(TrellisTables.Designed, TwoBitAxes);
    private readonly int[] _kept = new int[Shared * Rows];
    private readonly int[] _counts = new int[Shared];
    private readonly float[] _offsets = new float[Shared];
    private readonly float[] _bounds = new float[Shared];
    private readonly float[] _ones = [.. Enumerable.Repeat(1f, Shared)];
    private readonly TrellisFilter _filter = new();
    private readonly CodeFile _file;

    public TrellisBenchmarks() => _file = new CodeFile(Rows, (_bits.Sum(bits => bits) + 7) / 8);

    internal int CodeBytes => _file.Codes.RowBytes;

    [GlobalCleanup]
    public void Cleanup()
    {
        _encoder.Dispose();
        _twoBitEncoder.Dispose();
        _filter.Dispose();
        _file.Dispose();
    }

    [Benchmark]
    [Work(Strings * 1e6, "k vectors/s")]
    public void Encode()
    {
        for (int i = 0; i < Strings; i++) _encoder.Encode(_strings.AsSpan(i * Axes, Axes), _scale, _bits, _states);
    }

    /// <summary>A third of the strings, of three times as many axes, at 2 bits each.</summary>
    [Benchmark]
    [Work(TwoBitStrings * 1e6, "k vectors/s")]
    public void EncodeTwoBits()
    {
        for (int i = 0; i < TwoBitStrings; i++)
        {
            _twoBitEncoder.Encode(_strings.AsSpan(i * TwoBitAxes, TwoBitAxes), _twoBitScale, _twoBits, _twoBitStates);
        }
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
    public void FilterByDistance() =>
        _filter.NearByDistance(_file.Codes, [], TrellisTables.Designed, _bits, _scale, Queries(1, bound: 1), _kept, _counts);

    [Benchmark]
    [Work(Shared * Scanned, "G axes/s")]
    public void FilterByDistanceShared() =>
        _filter.NearByDistance(_file.Codes, [], TrellisTables.Designed, _bits, _scale, Queries(Shared, bound: 1), _kept, _counts);

    [Benchmark]
    [Work(Scanned, "G axes/s")]
    public void FilterByCosine() =>
        _filter.NearByCosine(
            _file.Codes, [], TrellisTables.Designed, _bits, _scale, _target, Axes, Queries(1, bound: 2), _ones, _kept, _counts);

    private FilterQueries Queries(int count, float bound)
    {
        _bounds.AsSpan().Fill(bound);
        return new FilterQueries(_target, 0, Axes, _offsets.AsSpan(0, count), _bounds);
    }

    private static byte[] DescendingBits() => [.. Enumerable.Range(0, Axes).Select(axis => (byte)(5 - (5 * axis / Axes)))];
}
