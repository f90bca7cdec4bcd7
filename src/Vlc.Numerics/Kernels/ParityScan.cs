using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Vlc.Numerics.Memory;

namespace Vlc.Numerics.Kernels;

/// <summary>
/// Reads and measures whole rows of parity trellis codes against a float query: the second stage of a search of codec <c>parity</c>, for
/// the rows that <see cref="FastScan"/> leaves.
/// </summary>
/// <remarks>
/// <para>
/// Layout. Of a group of 8 axes the windows are 8 shifts of two branch bytes; remaining and coarse level bits are fields of 1 to 6 bits in
/// as many bytes. All three become bytes, an axis each, and together the number of an entry of the codebook, whose low and high bytes are
/// looked up in registers: with AVX-512 64 axes by VPERMB, VPMULTISHIFTQB, one GF2P8AFFINEQB for the parities and two VPERMB or VPERMI2B
/// (ParityScan.Vector512.cs); with AVX2 and 128 bits 32 and 16 axes by shuffles and products of 16 bits, parities by two lookups of
/// nibbles, values by a lookup for each 16 entries (ParityScan.Vector256.cs, ParityScan.Vector128.cs). What is where is worked out once for
/// a layout (ParityScan.Steps.cs). Coarse bytes, which lie apart, are gathered first.
/// </para>
/// <para>
/// Arithmetic. Values enter as integers and what they are multiplied by is multiplied with 1/4096 before, which is exact. Axis k is summed
/// in lane k modulo 16 by products and sums that are rounded one by one, since x64 without AVX2 has no fused ones; then the lanes as the
/// tree of <see cref="Distances"/>. All give the bits of the reference.
/// </para>
/// <para>Speed. See docs/architecture.md, "Hot paths"; guarded by bench/Vlc.Bench, ParityBenchmarks.</para>
/// </remarks>
public static unsafe partial class ParityScan
{
    private const int GroupAxes = ParityTrellis.GroupAxes;

    /// <summary>
    /// Rows whose bytes are brought together before the first of them is read: a vector waits for bytes that have just been written.
    /// </summary>
    private const int RowBatch = 8;

    [ThreadStatic]
    private static AlignedBuffer<float>? t_query;

    [ThreadStatic]
    private static AlignedBuffer<byte>? t_rows;

    /// <summary>distances[i] = offset + Σ (target[k] - scale[k]·v[row i][k])².</summary>
    /// <param name="codes">The list.</param>
    /// <param name="rows">Row numbers; empty for all rows in order.</param>
    /// <param name="tables">Codebooks.</param>
    /// <param name="target">Query minus anchor on the coded axes, 8 a group.</param>
    /// <param name="scale">Value of a codebook's 1 on each axis.</param>
    /// <param name="offset">Squared distance on the axes without a code.</param>
    /// <param name="distances">Receives one float a row.</param>
    /// <exception cref="ArgumentOutOfRangeException">A span is too short, or no such row.</exception>
    public static void SquaredDistances(
        ParityRows codes, ReadOnlySpan<int> rows, ParityTables tables, ReadOnlySpan<float> target, ReadOnlySpan<float> scale, float offset,
        Span<float> distances)
    {
        ParityLayout layout = Check(codes, rows, tables, distances.Length);
        int padded = Padded(layout);
        Span<float> query = Query(2 * padded);
        Pad(layout, target, 1, query[..padded]);
        Pad(layout, scale, ParityTables.Unit, query[padded..]);
        Scan<SquaredDistance>(codes, rows, tables, offset, distances, []);
    }

    /// <summary>products[i] = offset + Σ weight[k]·v[row i][k].</summary>
    /// <param name="codes">The list.</param>
    /// <param name="rows">Row numbers; empty for all rows in order.</param>
    /// <param name="tables">Codebooks.</param>
    /// <param name="weight">Query times scale on the coded axes, 8 a group.</param>
    /// <param name="offset">Product of query and anchor.</param>
    /// <param name="products">Receives one float a row.</param>
    /// <inheritdoc cref="SquaredDistances" path="/exception"/>
    public static void DotProducts(
        ParityRows codes, ReadOnlySpan<int> rows, ParityTables tables, ReadOnlySpan<float> weight, float offset, Span<float> products)
    {
        ParityLayout layout = Check(codes, rows, tables, products.Length);
        Pad(layout, weight, ParityTables.Unit, Query(Padded(layout)));
        Scan<DotProduct>(codes, rows, tables, offset, products, []);
    }

    /// <summary>
    /// dots[i] = Σ weight[k]·v[row i][k], and norms[i] = Σ s·v·(2·centre + s·v), which is what the row's norm exceeds the anchor's by:
    /// everything that a cosine needs.
    /// </summary>
    /// <param name="codes">The list.</param>
    /// <param name="rows">Row numbers; empty for all rows in order.</param>
    /// <param name="tables">Codebooks.</param>
    /// <param name="weight">Query times scale on the coded axes, 8 a group.</param>
    /// <param name="scale">Value of a codebook's 1 on each axis.</param>
    /// <param name="centre">The anchor on the coded axes.</param>
    /// <param name="dots">Receives one float a row.</param>
    /// <param name="norms">Receives one float a row.</param>
    /// <inheritdoc cref="SquaredDistances" path="/exception"/>
    public static void DotsAndNorms(
        ParityRows codes, ReadOnlySpan<int> rows, ParityTables tables, ReadOnlySpan<float> weight, ReadOnlySpan<float> scale,
        ReadOnlySpan<float> centre,
        Span<float> dots, Span<float> norms)
    {
        ParityLayout layout = Check(codes, rows, tables, Math.Min(dots.Length, norms.Length));
        int padded = Padded(layout);
        Span<float> query = Query(3 * padded);
        Pad(layout, weight, ParityTables.Unit, query[..padded]);
        Pad(layout, scale, ParityTables.Unit, query.Slice(padded, padded));
        Pad(layout, centre, 2, query[(2 * padded)..]);
        Scan<DotAndNorm>(codes, rows, tables, 0, dots, norms);
    }

    /// <summary>Reads a row back.</summary>
    /// <param name="tables">Codebooks.</param>
    /// <param name="layout">How the row lies.</param>
    /// <param name="row">The row, as <see cref="ParityLayout.PackRow"/> wrote it; any bytes are one.</param>
    /// <param name="values">Receives one float an axis, before scaling.</param>
    /// <exception cref="ArgumentOutOfRangeException">A span is too short.</exception>
    public static void Decode(ParityTables tables, ParityLayout layout, ReadOnlySpan<byte> row, Span<float> values)
    {
        ArgumentNullException.ThrowIfNull(tables);
        ArgumentNullException.ThrowIfNull(layout);
        ArgumentOutOfRangeException.ThrowIfLessThan(values.Length, layout.Axes);
        var symbols = new byte[layout.Axes];
        layout.UnpackRow(row, symbols);
        Decode(tables, layout.Bits, symbols, values);
    }

    /// <summary>The values of a string: what <see cref="ParityEncoder.Encode"/> found for it.</summary>
    /// <param name="tables">Codebooks.</param>
    /// <param name="bits">Bits of each group, 1 to 7, descending.</param>
    /// <param name="symbols">Symbol of each axis.</param>
    /// <param name="values">Receives one float an axis.</param>
    /// <exception cref="ArgumentOutOfRangeException">Other bits, a span is too short, or a symbol of more bits.</exception>
    public static void Decode(ParityTables tables, ReadOnlySpan<byte> bits, ReadOnlySpan<byte> symbols, Span<float> values)
    {
        ArgumentNullException.ThrowIfNull(tables);
        ParityTrellis.Check(bits);
        int axes = bits.Length * GroupAxes, window = 0;
        ArgumentOutOfRangeException.ThrowIfLessThan(symbols.Length, axes);
        ArgumentOutOfRangeException.ThrowIfLessThan(values.Length, axes);
        for (int k = Math.Max(axes - GroupAxes, 0); k < axes; k++) window = (window >> 1) | ((symbols[k] & 1) << ParityTrellis.StateBits);
        for (int k = 0; k < axes; k++)
        {
            int b = bits[k / GroupAxes], parities = ParityTrellis.Parities(b);
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(symbols[k], 1 << b, nameof(symbols));
            window = (window >> 1) | ((symbols[k] & 1) << ParityTrellis.StateBits);
            values[k] = tables.Codebook(b)[((symbols[k] >> 1) << parities) | ParityTrellis.Subset(window, parities)];
        }
    }

    /// <summary><see cref="SquaredDistances"/> for one row, written for reading; the same bits.</summary>
    /// <param name="row">The row, as <see cref="ParityLayout.PackRow"/> wrote it.</param>
    /// <param name="layout">How it lies.</param>
    /// <param name="tables">Codebooks.</param>
    /// <param name="target">Query minus anchor on the coded axes.</param>
    /// <param name="scale">Value of a codebook's 1 on each axis.</param>
    /// <param name="offset">Squared distance on the axes without a code.</param>
    public static float SquaredDistanceReference(
        ReadOnlySpan<byte> row, ParityLayout layout, ParityTables tables, ReadOnlySpan<float> target, ReadOnlySpan<float> scale,
            float offset)
    {
        float[] units = Units(row, layout, tables), lanes = new float[16];
        for (int k = 0; k < units.Length; k++)
        {
            float difference = target[k] - (scale[k] * ParityTables.Unit * units[k]);
            lanes[k % 16] += difference * difference;
        }

        return offset + SumTreeReference(lanes);
    }

    /// <summary><see cref="DotProducts"/> for one row, written for reading; the same bits.</summary>
    /// <param name="row">The row, as <see cref="ParityLayout.PackRow"/> wrote it.</param>
    /// <param name="layout">How it lies.</param>
    /// <param name="tables">Codebooks.</param>
    /// <param name="weight">Query times scale on the coded axes.</param>
    /// <param name="offset">Product of query and anchor.</param>
    public static float DotProductReference(
        ReadOnlySpan<byte> row, ParityLayout layout, ParityTables tables, ReadOnlySpan<float> weight, float offset)
    {
        float[] units = Units(row, layout, tables), lanes = new float[16];
        for (int k = 0; k < units.Length; k++) lanes[k % 16] += weight[k] * ParityTables.Unit * units[k];
        return offset + SumTreeReference(lanes);
    }

    /// <summary><see cref="DotsAndNorms"/> for one row, written for reading; the same bits.</summary>
    /// <param name="row">The row, as <see cref="ParityLayout.PackRow"/> wrote it.</param>
    /// <param name="layout">How it lies.</param>
    /// <param name="tables">Codebooks.</param>
    /// <param name="weight">Query times scale on the coded axes.</param>
    /// <param name="scale">Value of a codebook's 1 on each axis.</param>
    /// <param name="centre">The anchor on the coded axes.</param>
    public static (float Dot, float Norm) DotAndNormReference(
        ReadOnlySpan<byte> row, ParityLayout layout, ParityTables tables, ReadOnlySpan<float> weight, ReadOnlySpan<float> scale,
            ReadOnlySpan<float> centre)
    {
        float[] units = Units(row, layout, tables), dots = new float[16], norms = new float[16];
        for (int k = 0; k < units.Length; k++)
        {
            float residual = scale[k] * ParityTables.Unit * units[k];
            dots[k % 16] += weight[k] * ParityTables.Unit * units[k];
            norms[k % 16] += residual * ((2 * centre[k]) + residual);
        }

        return (SumTreeReference(dots), SumTreeReference(norms));
    }

    private static float[] Units(ReadOnlySpan<byte> row, ParityLayout layout, ParityTables tables)
    {
        var values = new float[layout.Axes];
        Decode(tables, layout, row, values);
        return Array.ConvertAll(values, value => value / ParityTables.Unit);
    }

    private static float SumTreeReference(float[] lanes)
    {
        for (int width = 8; width >= 1; width /= 2)
        {
            for (int i = 0; i < width; i++) lanes[i] += lanes[i + width];
        }

        return lanes[0];
    }

    private static ParityLayout Check(ParityRows codes, ReadOnlySpan<int> rows, ParityTables tables, int results)
    {
        ArgumentNullException.ThrowIfNull(tables);
        ArgumentOutOfRangeException.ThrowIfLessThan(results, rows.IsEmpty ? codes.RowCount : rows.Length);
        foreach (int row in rows) ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)row, (uint)codes.RowCount, nameof(rows));
        return codes.Layout;
    }

    /// <summary>Room for the query's streams, one behind the other: this thread's, until the next call.</summary>
    private static Span<float> Query(int length) => new(Room(ref t_query, length), length);

    /// <summary>Scratch memory of this thread; not allocated anew for each list, of which a query probes many.</summary>
    private static T* Room<T>(ref AlignedBuffer<T>? buffer, long length)
        where T : unmanaged
    {
        if (buffer is null || buffer.Length < length)
        {
            buffer?.Dispose();
            buffer = new AlignedBuffer<T>(length);
        }

        return buffer.Pointer;
    }

    /// <summary>Axes with those that fill the last 16.</summary>
    private static int Padded(ParityLayout layout) => (layout.Axes + 15) & ~15;

    /// <summary>vector · factor, filled up with zeros, so that axes behind the last count for nothing.</summary>
    private static void Pad(ParityLayout layout, ReadOnlySpan<float> vector, float factor, Span<float> padded)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(vector.Length, layout.Axes, nameof(vector));
        int axes = layout.Axes;
        TensorPrimitives.Multiply(vector[..axes], factor, padded);
        if (axes < padded.Length) padded.Slice(axes, GroupAxes).Clear();
    }

    private static void Scan<TMeasure>(
        ParityRows codes, ReadOnlySpan<int> rows, ParityTables tables, float offset, Span<float> results, Span<float> norms)
        where TMeasure : struct, IMeasure
    {
        if (InstructionSets.Level == InstructionSetLevel.Vector512 && Avx512Vbmi.IsSupported && Gfni.V512.IsSupported)
        {
            Scan<TMeasure, Wide>(codes, rows, tables, offset, results, norms);
        }
        else if (Avx2.IsSupported)
        {
            Scan<TMeasure, Middle>(codes, rows, tables, offset, results, norms);
        }
        else
        {
            Scan<TMeasure, Narrow>(codes, rows, tables, offset, results, norms);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Scan<TMeasure, TReader>(
        ParityRows codes, ReadOnlySpan<int> rows, ParityTables tables, float offset, Span<float> results, Span<float> norms)
        where TMeasure : struct, IMeasure
        where TReader : struct, IReader
    {
        ParityLayout layout = codes.Layout;
        int count = rows.IsEmpty ? codes.RowCount : rows.Length, groups = layout.Bits.Length, padded = Padded(layout);
        int coarseBytes = layout.CoarseBytes, recordBytes = layout.RecordBytes, rowCount = codes.RowCount;

        // Of each row its branch bytes behind the last of them, and its coarse bytes; vectors are read beyond their ends.
        int coarseStart = (groups + 1 + 63 + 64) & ~63, slot = (coarseStart + coarseBytes + 63 + 64) & ~63;
        byte* scratch = Room(ref t_rows, (long)RowBatch * slot), steps = layout.Steps<TReader>(), books = tables.Books,
            blocks = codes.Blocks, records = codes.Records;
        float* query = t_query!.Pointer;
        for (int first = 0; first < count; first += RowBatch)
        {
            int batch = Math.Min(RowBatch, count - first);
            for (int j = 0; j < batch; j++)
            {
                int row = rows.IsEmpty ? first + j : rows[first + j], place = row & (ParityLayout.BlockRows - 1), firstRow = row - place;
                byte* record = records + ((long)row * recordBytes), branches = scratch + (j * slot);
                branches[0] = record[groups - 1];
                for (int g = 0; g < groups; g += 32) Vector256.Load(record + g).Store(branches + 1 + g);
                TReader.Gather(blocks + ((long)firstRow * coarseBytes), place, Math.Min(rowCount - firstRow, ParityLayout.BlockRows),
                    coarseBytes, branches + coarseStart);
            }

            for (int j = 0; j < batch; j++)
            {
                int row = rows.IsEmpty ? first + j : rows[first + j];
                byte* branches = scratch + (j * slot);
                Vector512<float> sum = TReader.Sum<TMeasure>(steps, groups, books, branches, records + ((long)row * recordBytes),
                    branches + coarseStart, query, padded, out Vector512<float> norm);
                results[first + j] = offset + Distances.SumTree(sum);
                if (TMeasure.HasNorm) norms[first + j] = Distances.SumTree(norm);
            }
        }
    }

    /// <summary>Reads rows with the instructions of a level.</summary>
    internal interface IReader
    {
        /// <summary>What a row of these bits is read with, 64-byte aligned.</summary>
        static abstract byte[] MakeSteps(ParityLayout layout);

        /// <summary>Brings the coarse bytes of a row of a block together; may write up to 7 bytes behind them.</summary>
        static abstract void Gather(byte* block, int row, int stride, int count, byte* coarse);

        /// <summary>Sums the axes of a row; the streams of query data are <paramref name="padded"/> floats apart.</summary>
        static abstract Vector512<float> Sum<TMeasure>(
            byte* steps, int groups, byte* books, byte* branches, byte* record, byte* coarse, float* query, int padded,
            out Vector512<float> norm)
            where TMeasure : struct, IMeasure;
    }

    /// <summary>What is summed over the axes.</summary>
    internal interface IMeasure
    {
        /// <summary>Whether a norm is summed as well.</summary>
        static abstract bool HasNorm { get; }

        /// <summary>Adds 16 axes, whose values come in units of the tables, to the sum.</summary>
        static abstract Vector512<float> Add(Vector512<float> units, float* query, int padded, Vector512<float> sum);

        /// <summary>Adds 16 axes to the norm.</summary>
        static abstract Vector512<float> AddNorm(Vector512<float> units, float* query, int padded, Vector512<float> norm);
    }

    private readonly struct SquaredDistance : IMeasure
    {
        public static bool HasNorm => false;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector512<float> Add(Vector512<float> units, float* query, int padded, Vector512<float> sum)
        {
            Vector512<float> difference = Vector512.Load(query) - (Vector512.Load(query + padded) * units);
            return sum + (difference * difference);
        }

        public static Vector512<float> AddNorm(Vector512<float> units, float* query, int padded, Vector512<float> norm) => norm;
    }

    private readonly struct DotProduct : IMeasure
    {
        public static bool HasNorm => false;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector512<float> Add(Vector512<float> units, float* query, int padded, Vector512<float> sum) =>
            sum + (Vector512.Load(query) * units);

        public static Vector512<float> AddNorm(Vector512<float> units, float* query, int padded, Vector512<float> norm) => norm;
    }

    private readonly struct DotAndNorm : IMeasure
    {
        public static bool HasNorm => true;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector512<float> Add(Vector512<float> units, float* query, int padded, Vector512<float> sum) =>
            sum + (Vector512.Load(query) * units);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector512<float> AddNorm(Vector512<float> units, float* query, int padded, Vector512<float> norm)
        {
            Vector512<float> residual = Vector512.Load(query + padded) * units;
            return norm + (residual * (Vector512.Load(query + (2 * padded)) + residual));
        }
    }
}
