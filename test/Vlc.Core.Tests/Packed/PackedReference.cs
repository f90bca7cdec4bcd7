using System.Buffers.Binary;

namespace Vlc.Core.Tests.Packed;

/// <summary>
/// A decoder of packed indexes written from the description of the format, one number after the other, with nothing of the library: what the
/// library reconstructs is compared with what this one does.
/// </summary>
internal sealed class PackedReference
{
    /// <summary>64 · log2 of what each further bit of an axis of variance 1 gains.</summary>
    private static readonly int[] s_gains = [-31, -146, -265, -387, -508, -621, -751, -863];

    private readonly byte[][] _files;
    private readonly Dictionary<int, (int File, long Offset, long Length)> _sections = [];
    private readonly int _d;
    private readonly double _scale;
    private readonly int _classes;
    private readonly int _level;
    private readonly double _meanEnergy;
    private readonly double[] _mean;
    private readonly int[] _ranks;
    private readonly double[][][] _bases;
    private readonly int[][] _spectra;
    private readonly int[] _groups;
    private readonly int[] _levels;
    private readonly int[][] _scales;
    private readonly int[][] _gains;
    private readonly double[][] _anchors;

    public PackedReference(string basePath)
    {
        _files = [.. RawIndex.Paths(basePath).Select(File.ReadAllBytes)];
        ReadOnlySpan<byte> idx = _files[0];
        int m = BinaryPrimitives.ReadInt32LittleEndian(idx[6..]);
        _d = BinaryPrimitives.ReadInt32LittleEndian(idx[10..]);
        Count = BinaryPrimitives.ReadInt32LittleEndian(idx[14..]);
        _scale = Math.ScaleB(1, BinaryPrimitives.ReadInt16LittleEndian(idx[22..]));
        for (int i = 0; i < BinaryPrimitives.ReadUInt16LittleEndian(idx[40..]); i++)
        {
            ReadOnlySpan<byte> entry = idx.Slice(64 + (32 * i), 32);
            _sections[entry[0]] = (entry[1], BinaryPrimitives.ReadInt64LittleEndian(entry[8..]), BinaryPrimitives.ReadInt64LittleEndian(entry[16..]));
        }

        byte[] header = Section(7);
        int groups = BinaryPrimitives.ReadUInt16LittleEndian(header);
        _classes = header[2];
        _level = BinaryPrimitives.ReadInt32LittleEndian(header.AsSpan(4));
        _meanEnergy = BinaryPrimitives.ReadSingleLittleEndian(header.AsSpan(8));
        double anchorStep = BinaryPrimitives.ReadSingleLittleEndian(header.AsSpan(12));
        _ranks = [.. Enumerable.Range(0, groups).Select(g => (int)BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(20 + (2 * g))))];
        _mean = [.. Enumerable.Range(0, _d).Select(k => (double)BinaryPrimitives.ReadHalfLittleEndian(header.AsSpan(20 + (2 * groups) + (2 * k))))];

        var bits = new Bits(Section(9));
        _bases = new double[groups][][];
        _spectra = new int[groups][];
        for (int g = 0; g < groups; g++)
        {
            _bases[g] = new double[_ranks[g]][];
            for (int axis = 0; axis < _ranks[g]; axis++)
            {
                double step = Math.Pow(2, bits.Signed(8) / 4.0);
                int largest = bits.Unsigned(15), width = Width((2 * largest) + 1);
                _bases[g][axis] = [.. Enumerable.Range(0, _d).Select(_ => step * (bits.Unsigned(width) - largest))];
                Orthonormalize(_bases[g], axis);
            }

            _spectra[g] = [.. Enumerable.Range(0, _ranks[g]).Select(_ => bits.Signed(16))];
        }

        bits = new Bits(Section(10));
        _groups = new int[m];
        _levels = new int[m];
        _scales = new int[m][];
        _gains = new int[m][];
        for (int cell = 0; cell < m; cell++)
        {
            _groups[cell] = bits.Unsigned(Width(groups));
            _levels[cell] = bits.Signed(8);
            _scales[cell] = [.. Enumerable.Range(0, _ranks[_groups[cell]]).Select(_ => bits.Signed(4))];
            _gains[cell] = [.. Enumerable.Range(0, _classes).Select(_ => bits.Signed(6))];
        }

        bits = new Bits(Section(1));
        (int Least, int Width)[][] ranges = [.. _ranks.Select(rank => Enumerable.Range(0, rank).Select(_ => (bits.Signed(32), bits.Unsigned(5))).ToArray())];
        _anchors = [.. _groups.Select(g => ranges[g].Select(range => anchorStep * (range.Least + bits.Unsigned(range.Width))).ToArray())];

        bits = new Bits(Section(2));
        Lists = [.. Enumerable.Range(0, Count).Select(_ => bits.Unsigned(Width(m * _classes)))];
    }

    public int Count { get; }

    /// <summary>Cell · classes + class of each row.</summary>
    public int[] Lists { get; }

    public int GroupCount => _ranks.Length;

    /// <summary>Every row, in the units that were given, n x d.</summary>
    public double[][] Reconstruct()
    {
        byte[] codes = Section(4), tables = Section(8);
        var rows = new double[Count][];
        int next = 0;
        foreach (IGrouping<int, int> list in Enumerable.Range(0, Count).GroupBy(row => Lists[row]).OrderBy(list => list.Key))
        {
            int cell = list.Key / _classes, g = _groups[cell];
            double[] amplitudes = [.. _spectra[g].Select((log, axis) => Math.Pow(2, (log + _levels[cell] + (4 * _scales[cell][axis]) + _gains[cell][list.Key % _classes]) / 8.0))];
            int[] bits = Allocate(amplitudes, _spectra[g]);
            int[] order = [.. Enumerable.Range(0, bits.Length).Where(axis => bits[axis] > 0).OrderBy(axis => -bits[axis])];
            foreach (int row in list.Order())
            {
                double[] coordinates = [.. _anchors[cell]];
                int state = 0, bit = 0;
                foreach (int axis in order)
                {
                    for (int b = 0; b < bits[axis]; b++, bit++) state = ((state << 1) | ((codes[next + (bit / 8)] >> (7 - (bit % 8))) & 1)) & 255;
                    coordinates[axis] += amplitudes[axis] * BinaryPrimitives.ReadInt16LittleEndian(tables.AsSpan(2 * ((256 * (bits[axis] - 1)) + state))) / 4096.0;
                }

                next += bit / 8;
                rows[row] = [.. Enumerable.Range(0, _d).Select(k => (_mean[k] + coordinates.Select((value, axis) => value * _bases[g][axis][k]).Sum()) / _scale)];
            }
        }

        Assert.Equal(codes.Length, next);
        return rows;
    }

    private int[] Allocate(double[] amplitudes, int[] spectrum)
    {
        int relative = -(int)Math.Round(8 * Math.Log2(amplitudes.Sum(a => a * a) / _meanEnergy));
        int[] variances = [.. amplitudes.Select((a, axis) => (16 * (int)Math.Round(8 * Math.Log2(a))) + (12 * (spectrum[axis] - spectrum[0])) + (8 * relative))];
        int[] bits = [.. variances.Select(variance => s_gains.Count(gain => variance + gain >= _level))];
        int target = (bits.Sum() + 4) / 8 * 8;
        while (bits.Sum() < target)
        {
            int best = Enumerable.Range(0, bits.Length).Where(axis => bits[axis] < 8).MaxBy(axis => variances[axis] + s_gains[bits[axis]]);
            bits[best]++;
        }

        while (bits.Sum() > target)
        {
            int least = Enumerable.Range(0, bits.Length).Where(axis => bits[axis] > 0).MinBy(axis => variances[axis] + s_gains[bits[axis] - 1]);
            bits[least]--;
        }

        return bits;
    }

    private static void Orthonormalize(double[][] basis, int axis)
    {
        double[] row = basis[axis];
        for (int pass = 0; pass < 2; pass++)
        {
            foreach (double[] before in basis[..axis])
            {
                double product = row.Zip(before, (x, y) => x * y).Sum();
                for (int k = 0; k < row.Length; k++) row[k] -= product * before[k];
            }

            double length = Math.Sqrt(row.Sum(x => x * x));
            for (int k = 0; k < row.Length; k++) row[k] /= length;
        }
    }

    private static int Width(int count) => (int)Math.Ceiling(Math.Log2(count));

    private byte[] Section(int kind)
    {
        (int file, long offset, long length) = _sections[kind];
        return _files[file][(int)offset..(int)(offset + length)];
    }

    private sealed class Bits(byte[] bytes)
    {
        private int _next;

        public int Unsigned(int bits)
        {
            int value = 0;
            for (int i = 0; i < bits; i++, _next++) value = (value << 1) | ((bytes[_next / 8] >> (7 - (_next % 8))) & 1);
            return value;
        }

        public int Signed(int bits)
        {
            int value = Unsigned(bits);
            return bits < 32 && value >= 1 << (bits - 1) ? value - (1 << bits) : value;
        }
    }
}
