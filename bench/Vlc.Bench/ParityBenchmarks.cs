using BenchmarkDotNet.Attributes;
using Vlc.Numerics.Kernels;
using Vlc.Numerics.Memory;
using Vlc.Numerics.Randomness;

namespace Vlc.Bench;

/// <summary>
/// The parity trellis code on the shapes of <see cref="TrellisBenchmarks"/>, 128 axes with 5 to 1 bits, on one thread: encoding, both
/// stages of a scan of many rows, and whole lists of 250 rows of 200 axes, as an index has them.
/// </summary>
[MemoryDiagnoser]
[RateConfig]
public class ParityBenchmarks
{
    internal const int Rows = TrellisBenchmarks.Rows, Axes = TrellisBenchmarks.Axes, Strings = TrellisBenchmarks.Strings, Nibbles = 48;

    internal const int ListRows = 250, ListAxes = 200, Lists = 64, Survivors = 13;

    private const double Scanned = (double)Rows * Axes;

    private readonly byte[] _bits = Bits(Axes / ParityTrellis.GroupAxes), _listBits = Bits(ListAxes / ParityTrellis.GroupAxes);
    private readonly float[] _target = AssignmentBenchmarks.Gaussians(ListAxes, seed: 6);
    private readonly float[] _scale = [.. Enumerable.Repeat(1f, ListAxes)];
    private readonly float[] _strings = AssignmentBenchmarks.Gaussians(Strings * Axes, seed: 7);
    private readonly byte[] _symbols = new byte[Axes];
    private readonly float[] _values = new float[Axes];
    private readonly float[] _distances = new float[Rows];
    private readonly float[] _norms = new float[Rows];
    private readonly ushort[] _sums = new ushort[Rows];
    private readonly int[] _kept = new int[Rows];
    private readonly ParityEncoder _encoder = new(ParityTables.Designed, Axes);
    private readonly TrellisEncoder _trellisEncoder = new(TrellisTables.Designed, Axes);
    private readonly TrellisFilter _filter = new();
    private readonly FastScanTables _tables = new();
    private readonly byte[] _axisBits, _listAxisBits;
    private readonly CodeFile _trellisFile, _trellisLists;
    private readonly CodeRows[] _trellis;
    private readonly string _path = Path.GetTempFileName();
    private readonly MappedFile _file;
    private readonly ParityRows _rows;
    private readonly ParityRows[] _lists;

    public ParityBenchmarks()
    {
        ParityLayout layout = Layout(_bits), list = Layout(_listBits);
        var random = new SeededRandom(3);
        var bytes = new byte[Math.Max(Rows * layout.RowBytes, Lists * ListRows * list.RowBytes) + ParityLayout.Padding];
        foreach (ref byte value in bytes.AsSpan()) value = (byte)random.NextUInt64();
        File.WriteAllBytes(_path, bytes);
        _file = new MappedFile(_path);
        _rows = new ParityRows(_file, 0, Rows, layout);
        _lists = [.. Enumerable.Range(0, Lists).Select(i => new ParityRows(_file, i * (long)ListRows * list.RowBytes, ListRows, list))];
        _axisBits = AxisBits(_bits);
        _listAxisBits = AxisBits(_listBits);
        _trellisFile = new CodeFile(Rows, layout.RowBytes);
        _trellisLists = new CodeFile(ListRows, list.RowBytes);
        _trellis = [.. Enumerable.Repeat(_trellisLists.Codes, Lists)];
        _tables.Distances(ParityTables.Designed, layout, _target, _scale, 0, isBound: false);
    }

    internal int CodeBytes => _rows.Layout.RowBytes;

    [GlobalCleanup]
    public void Cleanup()
    {
        _encoder.Dispose();
        _trellisEncoder.Dispose();
        _filter.Dispose();
        _tables.Dispose();
        _trellisFile.Dispose();
        _trellisLists.Dispose();
        _file.Dispose();
        File.Delete(_path);
    }

    [Benchmark]
    [Work(Strings * 1e6, "k vectors/s")]
    public void Encode()
    {
        for (int i = 0; i < Strings; i++) _encoder.Encode(_strings.AsSpan(i * Axes, Axes), _scale, _bits, _symbols, _values);
    }

    [Benchmark]
    [Work(Strings * 1e6, "k vectors/s")]
    public void TrellisEncode()
    {
        for (int i = 0; i < Strings; i++) _trellisEncoder.Encode(_strings.AsSpan(i * Axes, Axes), _scale, _axisBits, _symbols);
    }

    /// <summary>A nibble is what fast scans call an axis: 4 bits that are looked up.</summary>
    [Benchmark]
    [Work((double)Rows * Nibbles, "G nibbles/s")]
    public void FirstStage() => FastScan.Sums(_rows, _tables, _sums);

    [Benchmark]
    [Work(Scanned, "G axes/s")]
    public void SquaredDistances() => ParityScan.SquaredDistances(_rows, [], ParityTables.Designed, _target, _scale, 0, _distances);

    [Benchmark]
    [Work(Scanned, "G axes/s")]
    public void DotProducts() => ParityScan.DotProducts(_rows, [], ParityTables.Designed, _target, 0, _distances);

    [Benchmark]
    [Work(Scanned, "G axes/s")]
    public void DotsAndNorms() => ParityScan.DotsAndNorms(_rows, [], ParityTables.Designed, _target, _scale, _target, _distances, _norms);

    [Benchmark]
    [Work(Scanned, "G axes/s")]
    public void TrellisDistances() =>
        TrellisScan.SquaredDistances(_trellisFile.Codes, [], TrellisTables.Designed, _axisBits, _target, _scale, 0, _distances);

    [Benchmark]
    [Work(Scanned, "G axes/s")]
    public void TrellisFilterDistances() =>
        _filter.NearByDistance(
            _trellisFile.Codes, [], TrellisTables.Designed, _axisBits, _scale,
            new FilterQueries(_target, 0, Axes, new float[1], new float[1]), _kept, new int[1]);

    /// <summary>Tables alone, for each list.</summary>
    [Benchmark]
    [Work(Lists * 1e9, "lists/s")]
    public void Tables()
    {
        foreach (ParityRows list in _lists) _tables.Distances(ParityTables.Designed, list.Layout, _target, _scale, 0, isBound: false);
    }

    /// <summary>Rows picked out of each list are measured, one in 19.</summary>
    [Benchmark]
    [Work((double)Lists * Survivors, "G rows/s")]
    public void MeasureSurvivors()
    {
        for (int i = 0; i < Survivors; i++) _kept[i] = i * ListRows / Survivors;
        foreach (ParityRows list in _lists)
        {
            ParityScan.SquaredDistances(list, _kept.AsSpan(0, Survivors), ParityTables.Designed, _target, _scale, 0, _distances);
        }
    }

    /// <summary>Tables, first stage, selection, and 13 rows measured.</summary>
    [Benchmark]
    [Work((double)Lists * ListRows, "G rows/s")]
    public void WholeLists()
    {
        foreach (ParityRows list in _lists)
        {
            _tables.Distances(ParityTables.Designed, list.Layout, _target, _scale, 0, isBound: false);
            FastScan.Sums(list, _tables, _sums);
            FastScan.AtMost(_sums, 0, ListRows, 0, _kept);
            for (int i = 0; i < Survivors; i++) _kept[i] = i * ListRows / Survivors;
            ParityScan.SquaredDistances(list, _kept.AsSpan(0, Survivors), ParityTables.Designed, _target, _scale, 0, _distances);
        }

        _tables.Distances(ParityTables.Designed, _rows.Layout, _target, _scale, 0, isBound: false);
    }

    /// <summary>Today's: a filter by 64 axes, then 13 rows filtered by all, none measured.</summary>
    [Benchmark]
    [Work((double)Lists * ListRows, "G rows/s")]
    public void TrellisWholeLists()
    {
        float[] offsets = new float[1], bounds = [1];
        int[] counts = new int[1], left = [.. Enumerable.Range(0, Survivors).Select(i => i * ListRows / Survivors)];
        foreach (CodeRows list in _trellis)
        {
            _filter.NearByDistance(
                list, [], TrellisTables.Designed, _listAxisBits.AsSpan(0, TrellisFilter.PrefixAxes), _scale,
                new FilterQueries(_target, 0, TrellisFilter.PrefixAxes, offsets, bounds), _kept, counts);
            _filter.NearByDistance(
                list, left, TrellisTables.Designed, _listAxisBits, _scale,
                new FilterQueries(_target, 0, ListAxes, offsets, bounds), _kept, counts);
        }
    }

    private static byte[] Bits(int groups) => [.. Enumerable.Range(0, groups).Select(g => (byte)(5 - (5 * g / groups)))];

    private static byte[] AxisBits(byte[] bits) => [.. bits.SelectMany(b => Enumerable.Repeat(b, ParityTrellis.GroupAxes))];

    private static ParityLayout Layout(byte[] bits)
    {
        var coarse = new byte[bits.Length];
        ParityLayout.ChooseCoarseBits(bits, Nibbles, coarse);
        return new ParityLayout(bits, coarse);
    }
}
