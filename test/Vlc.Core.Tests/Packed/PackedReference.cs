using System.Buffers.Binary;

namespace Vlc.Core.Tests.Packed;

/// <summary>
/// A decoder of packed indexes written from the description of the format, one number after the other, with nothing of the library: what
/// the library reconstructs is compared with what this one does.
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
    private readonly int _equalStride;
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
            _sections[entry[0]] = (
                entry[1], BinaryPrimitives.ReadInt64LittleEndian(entry[8..]), BinaryPrimitives.ReadInt64LittleEndian(entry[16..]));
        }

        byte[] header = Section(7);
        int groups = BinaryPrimitives.ReadUInt16LittleEndian(header);
        _classes = header[2];
        _level = BinaryPrimitives.ReadInt32LittleEndian(header.AsSpan(4));
        Assert.Equal(1, header[16]);
        _equalStride = BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(18));
        _meanEnergy = BinaryPrimitives.ReadSingleLittleEndian(header.AsSpan(8));
        double anchorStep = BinaryPrimitives.ReadSingleLittleEndian(header.AsSpan(12));
        _ranks = [.. Enumerable.Range(0, groups).Select(g => (int)BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(20 + (2 * g))))];
        _mean =
        [
            .. Enumerable.Range(0, _d).Select(
                k => (double)BinaryPrimitives.ReadHalfLittleEndian(header.AsSpan(20 + (2 * groups) + (2 * k)))),
        ];

        var coder = new Coder(Section(9));
        _bases = new double[groups][][];
        _spectra = new int[groups][];
        for (int g = 0; g < groups; g++)
        {
            var coefficientModels = new Dictionary<int, Numbers>();
            Numbers stepModel = new(), spectrumModel = new();
            _bases[g] = new double[_ranks[g]][];
            _spectra[g] = new int[_ranks[g]];
            int quarters = 0, amplitude = 0;
            for (int axis = 0; axis < _ranks[g]; axis++)
            {
                quarters += coder.Number(stepModel);
                if (!coefficientModels.TryGetValue(quarters, out Numbers? model)) coefficientModels.Add(quarters, model = new Numbers());
                _bases[g][axis] = [.. Enumerable.Range(0, _d).Select(_ => Math.Pow(2, quarters / 4.0) * coder.Number(model))];
                Orthonormalize(_bases[g], axis);
                _spectra[g][axis] = amplitude += coder.Number(spectrumModel);
            }
        }

        coder.AssertRead();
        coder = new Coder(Section(10));
        _groups = new int[m];
        _levels = new int[m];
        _scales = new int[m][];
        _gains = new int[m][];
        int groupBits = Width(groups);
        double[] groupTree = Coder.Tree(groupBits);
        int[] seenInGroupTree = new int[groupTree.Length];
        var levelModel = new Numbers();
        var scaleTrees = Enumerable.Range(0, 16).Select(_ => (Coder.Tree(4), new int[16])).ToArray();
        Numbers[] gainModels = [.. Enumerable.Range(0, _classes).Select(_ => new Numbers())];
        int[] gain = new int[_classes];
        for (int cell = 0; cell < m; cell++)
        {
            _groups[cell] = coder.Symbol(groupBits, groupTree, seenInGroupTree);
            _levels[cell] = coder.Number(levelModel);
            _scales[cell] = new int[_ranks[_groups[cell]]];
            for (int axis = 0; axis < _scales[cell].Length; axis++)
            {
                int before = axis > 0 ? _scales[cell][axis - 1] : 0, beforeThat = axis > 1 ? _scales[cell][axis - 2] : 0;
                (double[] tree, int[] seen) = scaleTrees[(int)Math.Floor((before + beforeThat) / 2.0) + 8];
                _scales[cell][axis] = coder.Symbol(4, tree, seen) - 8;
            }

            for (int c = 0; c < _classes; c++) gain[c] += coder.Number(gainModels[c]);
            _gains[cell] = [.. gain];
        }

        coder.AssertRead();
        coder = new Coder(Section(1));
        var sizes = new Dictionary<int, Numbers>();
        double[][] sums = [.. _ranks.Select(rank => new double[rank])];
        int[] cellsOf = new int[groups];
        _anchors = new double[m][];
        for (int cell = 0; cell < m; cell++)
        {
            int g = _groups[cell], rank = _ranks[g];
            var steps = new int[rank];
            for (int axis = 0; axis < rank; axis++)
            {
                double near = (axis > 0 ? sums[g][axis - 1] : 0) + (2 * sums[g][axis]) + (axis < rank - 1 ? sums[g][axis + 1] : 0);
                double size = Math.Floor(((4 * near) + (16 * (axis > 0 ? Math.Abs(steps[axis - 1]) : 0))) / (cellsOf[g] + 1));
                int octave = size < 2 ? 0 : (int)Math.Floor(Math.Log2(size));
                int halfOctave = size < 2 ? (int)size : (2 * octave) + (size >= 1.5 * Math.Pow(2, octave) ? 1 : 0);
                if (!sizes.TryGetValue(halfOctave, out Numbers? model)) sizes.Add(halfOctave, model = new Numbers());
                steps[axis] = coder.Number(model);
            }

            for (int axis = 0; axis < rank; axis++) sums[g][axis] += Math.Abs(steps[axis]);
            cellsOf[g]++;
            _anchors[cell] = [.. steps.Select(step => anchorStep * step)];
        }

        coder.AssertRead();
        var bits = new Bits(Section(2));
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
            double[] amplitudes =
            [
                .. _spectra[g].Select((log, axis) =>
                    Math.Pow(2, (log + _levels[cell] + (4 * _scales[cell][axis]) + _gains[cell][list.Key % _classes]) / 8.0)),
            ];
            int[] bits = Allocate(amplitudes, _spectra[g]);
            int[] order = [.. Enumerable.Range(0, bits.Length).Where(axis => bits[axis] > 0).OrderBy(axis => -bits[axis])];
            foreach (int row in list.Order())
            {
                double[] coordinates = [.. _anchors[cell]];
                int state = 0, bit = 0;
                foreach (int axis in order)
                {
                    for (int b = 0; b < bits[axis]; b++, bit++)
                    {
                        state = ((state << 1) | ((codes[next + (bit / 8)] >> (7 - (bit % 8))) & 1)) & 255;
                    }

                    coordinates[axis] += amplitudes[axis] *
                        BinaryPrimitives.ReadInt16LittleEndian(tables.AsSpan(2 * ((256 * (bits[axis] - 1)) + state))) / 4096.0;
                }

                next += bit / 8;
                rows[row] =
                [
                    .. Enumerable.Range(0, _d).Select(
                        k => (_mean[k] + coordinates.Select((value, axis) => value * _bases[g][axis][k]).Sum()) / _scale),
                ];
            }
        }

        Assert.Equal(codes.Length, next);
        return rows;
    }

    private int[] Allocate(double[] amplitudes, int[] spectrum)
    {
        int relative = -(int)Math.Round(8 * Math.Log2(amplitudes.Sum(a => a * a) / _meanEnergy));
        int[] variances =
        [
            .. amplitudes.Select(
                (a, axis) => (16 * (int)Math.Round(8 * Math.Log2(a))) + (12 * (spectrum[axis] - spectrum[0])) + (8 * relative)),
        ];
        int[] bits = At(_level);
        int target = (bits.Sum() + 4) / 8 * 8;
        if (_equalStride > 0)
        {
            target = Math.Min(8 * _equalStride, 8 * bits.Length);
            int level = variances.Max() + 1000;
            while (At(level - 1).Sum() <= target && level > variances.Min() - 2000) level--;
            bits = At(level);
        }

        while (bits.Sum() < target)
        {
            int best = Enumerable.Range(0, bits.Length).Where(axis => bits[axis] < 8).MaxBy(axis => variances[axis] + s_gains[bits[axis]]);
            bits[best]++;
        }

        while (bits.Sum() > target)
        {
            int least = Enumerable.Range(0, bits.Length)
                .Where(axis => bits[axis] > 0)
                .MinBy(axis => variances[axis] + s_gains[bits[axis] - 1]);
            bits[least]--;
        }

        return bits;

        int[] At(int level) => [.. variances.Select(variance => s_gains.Count(gain => variance + gain >= level))];
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

    }

    /// <summary>Decisions about numbers: probability of 0 over 65,536, and how often each was learned.</summary>
    private sealed class Numbers
    {
        public double[] Zero { get; } = [.. Enumerable.Repeat(32768.0, 100)];

        public int[] Seen { get; } = new int[100];
    }

    /// <summary>The arithmetic decoder: what is left of the stream as a number in an interval that each decision divides.</summary>
    private sealed class Coder
    {
        private readonly byte[] _bytes;
        private double _interval = uint.MaxValue, _offset;
        private int _next;

        public Coder(byte[] bytes)
        {
            _bytes = bytes;
            for (int i = 0; i < 4; i++) _offset = (256 * _offset) + _bytes[_next++];
        }

        public static double[] Tree(int bits) => [.. Enumerable.Repeat(32768.0, 1 << bits)];

        public void AssertRead() => Assert.Equal(_bytes.Length, _next);

        public int Symbol(int bits, double[] tree, int[] seen)
        {
            int node = 1;
            while (node < 1 << bits) node = (2 * node) + Decision(ref tree[node], ref seen[node]);
            return node - (1 << bits);
        }

        public int Number(Numbers model)
        {
            if (Decide(0) == 0) return 0;
            int sign = Decide(1) == 1 ? -1 : 1, length = 1, value = 1;
            while (length < 24 && Decide(1 + length) == 1) length++;
            for (int bit = 1; bit < length; bit++)
            {
                double even = 32768;
                int never = 0;
                int next = bit switch
                {
                    1 => Decide(25 + (3 * length)),
                    2 => Decide(25 + (3 * length) + 1 + (value % 2)),
                    _ => Decision(ref even, ref never),
                };
                value = (2 * value) + next;
            }

            return sign * value;

            int Decide(int place) => Decision(ref model.Zero[place], ref model.Seen[place]);
        }

        private int Decision(ref double zero, ref int seen)
        {
            double part = Math.Floor(_interval / 65536) * zero;
            int decision = _offset < part ? 0 : 1;
            if (decision == 1)
            {
                _offset -= part;
                _interval -= part;
            }
            else
            {
                _interval = part;
            }

            double shift = Math.Min(Math.Floor(Math.Log2(seen + 1)) + 1, 6);
            zero = Math.Clamp(zero + Math.Floor(((decision == 0 ? 65536 : 0) - zero) / Math.Pow(2, shift)), 1024, 64512);
            seen++;
            while (_interval < 1 << 24)
            {
                _interval *= 256;
                _offset = (256 * _offset) + _bytes[_next++];
            }

            return decision;
        }
    }
}
