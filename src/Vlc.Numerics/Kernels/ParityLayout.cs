using System.Buffers.Binary;

namespace Vlc.Numerics.Kernels;

/// <summary>
/// How the rows of a list of parity trellis codes lie: the highest level bits of some axes, the coarse bits, as nibbles in blocks of 16
/// rows for <see cref="FastScan"/>, then a record a row with everything else for <see cref="ParityScan"/>. Immutable; one for all lists of
/// the same bits.
/// </summary>
/// <remarks>
/// <para>
/// A group of 8 axes with b bits, of which c are coarse, takes c bytes among the coarse ones of a row, one branch byte, and r = b - 1 - c
/// bytes of remaining level bits: b bytes. Field a of n bytes, little endian, is bits n·a to n·a + n - 1; the branch bit of axis a is bit
/// a. c is 0, 1, 2 or 4, so that a nibble holds the coarse bits of 4, 2 or 1 axes whole.
/// </para>
/// <para>
/// A row: coarse bytes of all groups, branch bytes of all groups, remaining bytes of all groups. A list: blocks of 16 rows, byte i of each
/// of the 16 rows together, so that a register holds two nibbles of 16 rows; the last block has the rows that are left, in the same way,
/// and is no longer than they are; then the records (branch and remaining bytes) of all rows.
/// </para>
/// </remarks>
public sealed class ParityLayout
{
    /// <summary>Rows of a block.</summary>
    public const int BlockRows = 16;

    /// <summary>Bytes behind the last list of a file that kernels may read: they must be there, whatever they hold.</summary>
    public const int Padding = 256;

    private readonly byte[] _bits, _coarse;
    private byte[]? _steps;

    /// <summary>Lays out rows.</summary>
    /// <param name="bits">Bits of each group, 1 to 7, descending.</param>
    /// <param name="coarse">
    /// Coarse bits of an axis of each group: 0, 1, 2 or 4, fewer than its bits; as <see cref="ChooseCoarseBits"/> gives them.
    /// </param>
    /// <exception cref="ArgumentOutOfRangeException">Other bits, or other lengths.</exception>
    public ParityLayout(ReadOnlySpan<byte> bits, ReadOnlySpan<byte> coarse)
    {
        ParityTrellis.Check(bits);
        ArgumentOutOfRangeException.ThrowIfNotEqual(coarse.Length, bits.Length);
        _bits = bits.ToArray();
        _coarse = coarse.ToArray();
        var runs = new List<Run>();
        int rest = bits.Length;
        for (int g = 0, end; g < bits.Length; g = end)
        {
            int b = bits[g], c = coarse[g], r = b - 1 - c;
            if (c is not (0 or 1 or 2 or 4) || r < 0)
            {
                throw new ArgumentOutOfRangeException(
                    nameof(coarse), c, $"Coarse bits of a group of {b} bits are 0, 1, 2 or 4, and fewer than those.");
            }

            for (end = g + 1; end < bits.Length && bits[end] == b && coarse[end] == c; end++) { }
            runs.Add(new Run(g, end - g, b, c, CoarseBytes, rest));
            CoarseBytes += c * (end - g);
            rest += r * (end - g);
        }

        Runs = [.. runs];
        RecordBytes = rest;
    }

    /// <summary>Bits of each group.</summary>
    public ReadOnlySpan<byte> Bits => _bits;

    /// <summary>Coarse bits of an axis of each group.</summary>
    public ReadOnlySpan<byte> CoarseBits => _coarse;

    /// <summary>Number of axes: 8 a group.</summary>
    public int Axes => _bits.Length * ParityTrellis.GroupAxes;

    /// <summary>Bytes of a row among the blocks, two nibbles each.</summary>
    public int CoarseBytes { get; }

    /// <summary>Bytes of a row's record.</summary>
    public int RecordBytes { get; }

    /// <summary>Bytes of a row: the sum of the groups' bits.</summary>
    public int RowBytes => CoarseBytes + RecordBytes;

    /// <summary>Groups of equal bits and coarse bits.</summary>
    internal Run[] Runs { get; }

    /// <summary>What rows are read with by the one reader of this process; made when first asked for.</summary>
    internal unsafe byte* Steps<TReader>()
        where TReader : struct, ParityScan.IReader
    {
        byte[] steps = _steps ??= TReader.MakeSteps(this);
        fixed (byte* first = steps) return ParityScan.Aligned(first);
    }

    /// <summary>
    /// Coarse bits for a first stage of so many nibbles a row: those first that take most of the expected error of a distance away. Bits
    /// say how large an axis is: one more is about 2.3 octaves of that error, since it weighs by the square of the variance, and bits were
    /// given by variance^1.75.
    /// </summary>
    /// <param name="bits">Bits of each group, 1 to 7, descending.</param>
    /// <param name="nibbles">At most so many, rounded down to pairs.</param>
    /// <param name="coarse">Receives coarse bits of each group.</param>
    /// <exception cref="ArgumentOutOfRangeException">Other bits, or too short a span.</exception>
    public static void ChooseCoarseBits(ReadOnlySpan<byte> bits, int nibbles, Span<byte> coarse)
    {
        ParityTrellis.Check(bits);
        ArgumentOutOfRangeException.ThrowIfLessThan(coarse.Length, bits.Length);
        coarse[..bits.Length].Clear();

        // Gain of a byte by the step to 1, 2 and 4 coarse bits, in 1/64 octave: reductions of the error of a unit Gaussian of .60, .26 and
        // .063.
        for (int left = nibbles / 2; left > 0;)
        {
            int best = -1, bestGain = int.MinValue;
            for (int g = 0; g < bits.Length; g++)
            {
                int next = coarse[g] == 0 ? 1 : 2 * coarse[g];
                if (next > Math.Min(bits[g] - 1, 4) || next - coarse[g] > left) continue;
                int gain = (147 * bits[g]) - (next switch { 1 => 47, 2 => 123, _ => 255 });
                if (gain > bestGain) (best, bestGain) = (g, gain);
            }

            if (best < 0) return;
            int taken = coarse[best] == 0 ? 1 : coarse[best];
            coarse[best] += (byte)taken;
            left -= taken;
        }
    }

    /// <summary>Writes a row.</summary>
    /// <param name="symbols">Symbol of each axis as <see cref="ParityEncoder"/> gives them.</param>
    /// <param name="row">Receives <see cref="RowBytes"/> bytes.</param>
    /// <exception cref="ArgumentOutOfRangeException">A span is too short.</exception>
    public void PackRow(ReadOnlySpan<byte> symbols, Span<byte> row)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(symbols.Length, Axes);
        ArgumentOutOfRangeException.ThrowIfLessThan(row.Length, RowBytes);
        Span<byte> record = row.Slice(CoarseBytes, RecordBytes), eight = stackalloc byte[8];
        int coarseStart = 0, restStart = _bits.Length;
        for (int g = 0; g < _bits.Length; g++)
        {
            int c = _coarse[g], r = _bits[g] - 1 - c;
            ulong branches = 0, coarse = 0, rest = 0;
            for (int a = 0; a < ParityTrellis.GroupAxes; a++)
            {
                byte symbol = symbols[(g * ParityTrellis.GroupAxes) + a];
                ulong level = (ulong)symbol >> 1;
                branches |= (ulong)(symbol & 1) << a;
                coarse |= (level >> r) << (c * a);
                rest |= (level & ((1UL << r) - 1)) << (r * a);
            }

            record[g] = (byte)branches;
            BinaryPrimitives.WriteUInt64LittleEndian(eight, coarse);
            eight[..c].CopyTo(row[coarseStart..]);
            BinaryPrimitives.WriteUInt64LittleEndian(eight, rest);
            eight[..r].CopyTo(record[restStart..]);
            coarseStart += c;
            restStart += r;
        }
    }

    /// <summary>Reads a row back.</summary>
    /// <param name="row">What <see cref="PackRow"/> wrote; any bytes are a row.</param>
    /// <param name="symbols">Receives the symbol of each axis.</param>
    /// <exception cref="ArgumentOutOfRangeException">A span is too short.</exception>
    public void UnpackRow(ReadOnlySpan<byte> row, Span<byte> symbols)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(symbols.Length, Axes);
        ArgumentOutOfRangeException.ThrowIfLessThan(row.Length, RowBytes);
        ReadOnlySpan<byte> record = row.Slice(CoarseBytes, RecordBytes);
        Span<byte> eight = stackalloc byte[8];
        int coarseStart = 0, restStart = _bits.Length;
        for (int g = 0; g < _bits.Length; g++)
        {
            int c = _coarse[g], r = _bits[g] - 1 - c;
            ulong coarse = Read(row.Slice(coarseStart, c), eight), rest = Read(record.Slice(restStart, r), eight);
            for (int a = 0; a < ParityTrellis.GroupAxes; a++)
            {
                ulong level = (((coarse >> (c * a)) & ((1UL << c) - 1)) << r) | ((rest >> (r * a)) & ((1UL << r) - 1));
                symbols[(g * ParityTrellis.GroupAxes) + a] = (byte)((level << 1) | (uint)((record[g] >> a) & 1));
            }

            coarseStart += c;
            restStart += r;
        }

        static ulong Read(ReadOnlySpan<byte> bytes, Span<byte> eight)
        {
            eight.Clear();
            bytes.CopyTo(eight);
            return BinaryPrimitives.ReadUInt64LittleEndian(eight);
        }
    }

    /// <summary>Brings the rows of a list into the order of a file.</summary>
    /// <param name="rows">Rows as <see cref="PackRow"/> wrote them, one behind the other.</param>
    /// <param name="list">Receives as many bytes.</param>
    /// <exception cref="ArgumentOutOfRangeException">Not whole rows, or too short a span.</exception>
    public void PackList(ReadOnlySpan<byte> rows, Span<byte> list)
    {
        int count = Rows(rows.Length);
        ArgumentOutOfRangeException.ThrowIfLessThan(list.Length, rows.Length);
        Span<byte> records = list[(count * CoarseBytes)..];
        for (int row = 0; row < count; row++)
        {
            ReadOnlySpan<byte> given = rows.Slice(row * RowBytes, RowBytes);
            (int place, int stride) = CoarsePlace(row, count);
            for (int i = 0; i < CoarseBytes; i++) list[place + (i * stride)] = given[i];
            given[CoarseBytes..].CopyTo(records[(row * RecordBytes)..]);
        }
    }

    /// <summary>Takes one row out of a list.</summary>
    /// <param name="list">What <see cref="PackList"/> wrote.</param>
    /// <param name="index">The row's place in the list.</param>
    /// <param name="row">Receives <see cref="RowBytes"/> bytes.</param>
    /// <exception cref="ArgumentOutOfRangeException">Not whole rows, no such row, or too short a span.</exception>
    public void UnpackList(ReadOnlySpan<byte> list, int index, Span<byte> row)
    {
        int count = Rows(list.Length);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)count, nameof(index));
        ArgumentOutOfRangeException.ThrowIfLessThan(row.Length, RowBytes);
        (int place, int stride) = CoarsePlace(index, count);
        for (int i = 0; i < CoarseBytes; i++) row[i] = list[place + (i * stride)];
        list.Slice((count * CoarseBytes) + (index * RecordBytes), RecordBytes).CopyTo(row[CoarseBytes..]);
    }

    private int Rows(int bytes)
    {
        int count = RowBytes == 0 ? 0 : bytes / RowBytes;
        ArgumentOutOfRangeException.ThrowIfNotEqual(bytes, count * RowBytes);
        return count;
    }

    /// <summary>Where the coarse bytes of a row begin in a list, and how far apart they are.</summary>
    private (int Place, int Stride) CoarsePlace(int row, int count)
    {
        int first = row & -BlockRows;
        return ((first * CoarseBytes) + row - first, Math.Min(count - first, BlockRows));
    }

    /// <summary>Groups that follow one another and share bits and coarse bits.</summary>
    /// <param name="Group">The first group.</param>
    /// <param name="Count">Number of groups.</param>
    /// <param name="Bits">b.</param>
    /// <param name="Coarse">c.</param>
    /// <param name="CoarseStart">First coarse byte of a row.</param>
    /// <param name="RestStart">First byte of remaining level bits in a record.</param>
    internal readonly record struct Run(int Group, int Count, int Bits, int Coarse, int CoarseStart, int RestStart)
    {
        /// <summary>r.</summary>
        public int Rest => Bits - 1 - Coarse;

        /// <summary>K.</summary>
        public int Parities => ParityTrellis.Parities(Bits);
    }
}
