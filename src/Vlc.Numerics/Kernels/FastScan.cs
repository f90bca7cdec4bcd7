using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Vlc.Numerics.Kernels;

/// <summary>
/// The first stage of a scan of parity trellis codes: a coarse distance of every row of a list from the nibbles alone, by lookups in
/// registers (fast scan; André, Kermarrec and Le Scouarnec 2015). The hot path of searching an index of codec <c>parity</c>.
/// </summary>
/// <remarks>
/// <para>
/// Layout. Byte i of the 16 rows of a block lies together: its low nibbles are looked up in one table of 16 bytes, its high nibbles in
/// another, and the values added. AVX-512 takes four such bytes at a time, AVX2 two, 128 bits one. The last block has as many bytes each as
/// there are rows left, and is read by all as 128 bits do.
/// </para>
/// <para>
/// No sum overflows: the entries of a byte's two tables add up to 127 at most (<see cref="FastScanTables"/>), so that the values of two
/// bytes fit 8 bits and those of 512 bytes 16. Sums are those of <see cref="SumReference"/> exactly.
/// </para>
/// <para>
/// Instruction sets. AVX-512 BW, AVX2, 128 bits (SSSE3, AdvSimd), the reference. Some 19 instructions for 256 nibbles.
/// Speed. See docs/architecture.md, "Hot paths"; guarded by bench/Vlc.Bench, ParityBenchmarks.
/// </para>
/// </remarks>
public static unsafe class FastScan
{
    private const int BlockRows = ParityLayout.BlockRows;

    /// <summary>Most coarse bytes of a row.</summary>
    internal const int MaxBytes = 512;

    /// <summary>sums[i] = Σ table entries of the nibbles of row i.</summary>
    /// <param name="rows">The list.</param>
    /// <param name="tables">Tables for a list laid out like this one.</param>
    /// <param name="sums">Receives one a row; room for whole blocks of 16 rows.</param>
    /// <exception cref="ArgumentOutOfRangeException">Tables for other rows, or too short a span.</exception>
    public static void Sums(ParityRows rows, FastScanTables tables, Span<ushort> sums) =>
        Sums(rows, tables, 0, (rows.RowCount + BlockRows - 1) / BlockRows, sums);

    /// <summary>
    /// <see cref="Sums(ParityRows, FastScanTables, Span{ushort})"/> of some blocks: for a search that wants few rows of the list.
    /// </summary>
    /// <param name="rows">The list.</param>
    /// <param name="tables">Tables for a list laid out like this one.</param>
    /// <param name="firstBlock">The first block of 16 rows.</param>
    /// <param name="blockCount">Number of blocks; the list's last one, with the rows left, counts as one.</param>
    /// <param name="sums">Receives one a row from the first block's first row on; room for whole blocks of 16 rows.</param>
    /// <exception cref="ArgumentOutOfRangeException">Tables for other rows, no such blocks, or too short a span.</exception>
    public static void Sums(ParityRows rows, FastScanTables tables, int firstBlock, int blockCount, Span<ushort> sums)
    {
        ArgumentNullException.ThrowIfNull(tables);
        int bytes = rows.Layout.CoarseBytes;
        ArgumentOutOfRangeException.ThrowIfNotEqual(tables.ByteCount, bytes, nameof(tables));
        ArgumentOutOfRangeException.ThrowIfNegative(firstBlock);
        ArgumentOutOfRangeException.ThrowIfNegative(blockCount);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(firstBlock, ((rows.RowCount + BlockRows - 1) / BlockRows) - blockCount);
        ArgumentOutOfRangeException.ThrowIfLessThan(sums.Length, blockCount * BlockRows);
        int blocks = Math.Min(rows.RowCount / BlockRows, firstBlock + blockCount) - firstBlock;
        int left = blocks < blockCount ? rows.RowCount % BlockRows : 0;
        byte* block = rows.Blocks + ((long)firstBlock * BlockRows * bytes), last = block + ((long)blocks * BlockRows * bytes);
        fixed (ushort* sum = sums)
        {
            switch (InstructionSets.Level)
            {
                case InstructionSetLevel.Vector512: Sums512(block, blocks, bytes, tables.Low, tables.High, sum); break;
                case InstructionSetLevel.Vector256: Sums256(block, blocks, bytes, tables.Low, tables.High, sum); break;
                case InstructionSetLevel.Vector128: Sums128(block, blocks, bytes, BlockRows, tables.Low, tables.High, sum); break;
                default: Scalar(block, blocks, bytes, BlockRows, tables.Low, tables.High, sum); break;
            }

            if (left == 0) return;
            ushort* lastSums = sum + (blocks * BlockRows);
            if (InstructionSets.Level >= InstructionSetLevel.Vector128) Sums128(last, 1, bytes, left, tables.Low, tables.High, lastSums);
            else Scalar(last, 1, bytes, left, tables.Low, tables.High, lastSums);
        }
    }

    /// <summary><see cref="Sums(ParityRows, FastScanTables, Span{ushort})"/> of one row, written for reading.</summary>
    /// <param name="row">The row, as <see cref="ParityLayout.PackRow"/> wrote it.</param>
    /// <param name="tables">Tables for a list laid out like it.</param>
    /// <exception cref="ArgumentOutOfRangeException">The row is too short.</exception>
    public static ushort SumReference(ReadOnlySpan<byte> row, FastScanTables tables)
    {
        ArgumentNullException.ThrowIfNull(tables);
        ArgumentOutOfRangeException.ThrowIfLessThan(row.Length, tables.ByteCount);
        int sum = 0;
        for (int i = 0; i < tables.ByteCount; i++) sum += tables.Low[(16 * i) + (row[i] & 15)] + tables.High[(16 * i) + (row[i] >> 4)];
        return (ushort)sum;
    }

    /// <summary>The rows whose sum is at most a threshold, ascending.</summary>
    /// <param name="sums">Sums from some row on; read in whole blocks of 16.</param>
    /// <param name="first">Number of that row.</param>
    /// <param name="count">Number of rows.</param>
    /// <param name="threshold">As <see cref="FastScanTables.Threshold"/> gives it; below 0 keeps none.</param>
    /// <param name="kept">Receives row numbers.</param>
    /// <returns>How many.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A span is too short.</exception>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static int AtMost(ReadOnlySpan<ushort> sums, int first, int count, int threshold, Span<int> kept)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(sums.Length, (count + BlockRows - 1) & -BlockRows);
        ArgumentOutOfRangeException.ThrowIfLessThan(kept.Length, count);
        int keptCount = 0;
        if (threshold < 0) return 0;
        Vector256<ushort> most = Vector256.Create((ushort)Math.Min(threshold, ushort.MaxValue));
        fixed (ushort* sum = sums)
        fixed (int* keep = kept)
        {
            for (int i = 0; i < count; i += BlockRows)
            {
                Vector256<ushort> sixteen = Vector256.Load(sum + i);
                uint near = Vector256.Equals(Vector256.Min(sixteen, most), sixteen).ExtractMostSignificantBits();
                if (count - i < BlockRows) near &= (1u << (count - i)) - 1;
                for (; near != 0; near &= near - 1) keep[keptCount++] = first + i + BitOperations.TrailingZeroCount(near);
            }
        }

        return keptCount;
    }

    private static void Scalar(byte* block, int blocks, int bytes, int stride, byte* low, byte* high, ushort* sums)
    {
        for (; blocks > 0; blocks--, block += (long)bytes * stride, sums += BlockRows)
        {
            for (int row = 0; row < stride; row++)
            {
                int sum = 0;
                for (int i = 0; i < bytes; i++)
                {
                    byte value = block[((long)i * stride) + row];
                    sum += low[(16 * i) + (value & 15)] + high[(16 * i) + (value >> 4)];
                }

                sums[row] = (ushort)sum;
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Sums512(byte* block, int blocks, int bytes, byte* low, byte* high, ushort* sums)
    {
        Vector512<byte> nibble = Vector512.Create((byte)15);
        for (; blocks > 0; blocks--, block += BlockRows * bytes, sums += BlockRows)
        {
            // Tables behind the last byte are 0, whatever is looked up in them.
            Vector512<ushort> even = default, odd = default;
            int i = 0;
            for (; i + 4 < bytes; i += 8)
            {
                Vector512<byte> a = Vector512.Load(block + (16 * i)), b = Vector512.Load(block + (16 * i) + 64);
                Vector512<byte> two = Avx512BW.Shuffle(Vector512.LoadAligned(low + (16 * i)), a & nibble)
                    + Avx512BW.Shuffle(Vector512.LoadAligned(high + (16 * i)), (a.AsUInt16() >> 4).AsByte() & nibble)
                    + Avx512BW.Shuffle(Vector512.LoadAligned(low + (16 * i) + 64), b & nibble)
                    + Avx512BW.Shuffle(Vector512.LoadAligned(high + (16 * i) + 64), (b.AsUInt16() >> 4).AsByte() & nibble);
                even += two.AsUInt16();
                odd += two.AsUInt16() >> 8;
            }

            for (; i < bytes; i += 4)
            {
                Vector512<byte> a = Vector512.Load(block + (16 * i));
                Vector512<byte> one = Avx512BW.Shuffle(Vector512.LoadAligned(low + (16 * i)), a & nibble)
                    + Avx512BW.Shuffle(Vector512.LoadAligned(high + (16 * i)), (a.AsUInt16() >> 4).AsByte() & nibble);
                even += one.AsUInt16();
                odd += one.AsUInt16() >> 8;
            }

            // The even sums hold 256 times the odd ones as well, modulo 2^16.
            even -= odd << 8;
            Vector256<ushort> evens = even.GetLower() + even.GetUpper(), odds = odd.GetLower() + odd.GetUpper();
            Store(evens.GetLower() + evens.GetUpper(), odds.GetLower() + odds.GetUpper(), sums);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Sums256(byte* block, int blocks, int bytes, byte* low, byte* high, ushort* sums)
    {
        Vector256<byte> nibble = Vector256.Create((byte)15);
        for (; blocks > 0; blocks--, block += BlockRows * bytes, sums += BlockRows)
        {
            Vector256<ushort> even = default, odd = default;
            for (int i = 0; i < bytes; i += 4)
            {
                Vector256<byte> a = Vector256.Load(block + (16 * i)), b = Vector256.Load(block + (16 * i) + 32);
                Vector256<byte> two = Avx2.Shuffle(Vector256.LoadAligned(low + (16 * i)), a & nibble)
                    + Avx2.Shuffle(Vector256.LoadAligned(high + (16 * i)), (a.AsUInt16() >> 4).AsByte() & nibble)
                    + Avx2.Shuffle(Vector256.LoadAligned(low + (16 * i) + 32), b & nibble)
                    + Avx2.Shuffle(Vector256.LoadAligned(high + (16 * i) + 32), (b.AsUInt16() >> 4).AsByte() & nibble);
                even += two.AsUInt16();
                odd += two.AsUInt16() >> 8;
            }

            even -= odd << 8;
            Store(even.GetLower() + even.GetUpper(), odd.GetLower() + odd.GetUpper(), sums);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Sums128(byte* block, int blocks, int bytes, int stride, byte* low, byte* high, ushort* sums)
    {
        Vector128<byte> nibble = Vector128.Create((byte)15);
        for (; blocks > 0; blocks--, block += (long)stride * bytes, sums += BlockRows)
        {
            // Of a block of fewer rows the lanes behind them are of no account.
            Vector128<ushort> even = default, odd = default;
            byte* next = block;
            for (int i = 0; i < bytes; i += 2, next += 2 * stride)
            {
                Vector128<byte> a = Vector128.Load(next), b = Vector128.Load(next + stride);
                Vector128<byte> two = Vector128.ShuffleNative(Vector128.LoadAligned(low + (16 * i)), a & nibble)
                    + Vector128.ShuffleNative(Vector128.LoadAligned(high + (16 * i)), (a.AsUInt16() >> 4).AsByte() & nibble)
                    + Vector128.ShuffleNative(Vector128.LoadAligned(low + (16 * i) + 16), b & nibble)
                    + Vector128.ShuffleNative(Vector128.LoadAligned(high + (16 * i) + 16), (b.AsUInt16() >> 4).AsByte() & nibble);
                even += two.AsUInt16();
                odd += two.AsUInt16() >> 8;
            }

            Store(even - (odd << 8), odd, sums);
        }
    }

    /// <summary>Sums of the even rows and of the odd ones in turns.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(Vector128<ushort> even, Vector128<ushort> odd, ushort* sums)
    {
        (Vector128<uint> evenLow, Vector128<uint> evenHigh) = Vector128.Widen(even);
        (Vector128<uint> oddLow, Vector128<uint> oddHigh) = Vector128.Widen(odd);
        (evenLow | (oddLow << 16)).AsUInt16().Store(sums);
        (evenHigh | (oddHigh << 16)).AsUInt16().Store(sums + 8);
    }
}
