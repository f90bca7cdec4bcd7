using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using ILGPU;
using ILGPU.Runtime;

namespace Vlc.Gpu.Kernels;

/// <summary>
/// Distances of codes of a number an axis to queries, with the bits of <see cref="Vlc.Numerics.Kernels.Int8Scan"/>, <c>Float16Codec</c> and
/// <c>AnchorsOnlyCodec</c>. Axis k is summed in lane k modulo 32 (int8) or 64 (f16) by fused multiply-adds; axes after the last whole round
/// go to lane k modulo 16. The lanes are added as a tree. Axes without a code are summed in double, in order.
/// </summary>
/// <remarks>
/// <para>
/// A group measures the 64 rows of a tile against four queries. A row has a thread for each 16 of its lanes, called a part, which keeps 4 x
/// 16 sums in registers. The parts are added through shared memory. Shared memory also has the factors that queries and scales contribute
/// to an axis, as in <see cref="ScanKernel"/>.
/// </para>
/// <para>
/// Layout. A tile's codes are stored word by word, word w of row i at 64·w + i, the first code in the lowest bits. Words after the last
/// code are 0. Scales are padded with zeros to multiples of 16. The kernel checks no bounds.
/// </para>
/// </remarks>
[ExcludeFromCodeCoverage]
internal static class ScalarKernel
{
    /// <summary>Threads of a row of each codec.</summary>
    public const int ByteParts = 2, HalfParts = 4, AnchorParts = 1;

    /// <summary>Bytes of shared memory of a group, without those for the sums of its parts.</summary>
    private const int SharedBytes = (Tile + (3 * Queries) + (RestAtOnce * Queries) + (AxesAtOnce * (Queries + 1))) * sizeof(float);

    /// <summary>Bytes of shared memory of a group of each codec.</summary>
    public const int ByteSharedBytes = SharedBytes + (BytePartials * sizeof(float));
    public const int HalfSharedBytes = SharedBytes + (HalfPartials * sizeof(float));

    /// <summary>Floats through which the parts are added, half of the parts at a time.</summary>
    private const int BytePartials = ByteParts / 2 * Lanes * Tile * Queries, HalfPartials = HalfParts / 2 * Lanes * Tile * Queries;

    /// <summary>Axes of a thread's round: its lanes.</summary>
    private const int Lanes = ScanKernel.Lanes;

    private const int Tile = ScanKernel.Tile;
    private const int Queries = ScanKernel.Queries;

    /// <summary>Axes whose factors are in shared memory together: whole rounds of every codec.</summary>
    private const int AxesAtOnce = 256;

    /// <summary>Axes without a code whose differences are in shared memory together.</summary>
    private const int RestAtOnce = 64;

    /// <summary>Squared distances, codec <c>int8</c>. As for all methods below, one group for each tile and four queries.</summary>
    public static void ByteDistances(ScalarScanCodes codes, ScanQueries queries, ScanWork work) =>
        Run(codes, queries, work, SharedMemory.Allocate<float>(BytePartials), ByteParts, 0);

    /// <summary>Negative products, codec <c>int8</c>.</summary>
    public static void ByteProducts(ScalarScanCodes codes, ScanQueries queries, ScanWork work) =>
        Run(codes, queries, work, SharedMemory.Allocate<float>(BytePartials), ByteParts, 1);

    /// <summary>Squared distances, codec <c>f16</c>.</summary>
    public static void HalfDistances(ScalarScanCodes codes, ScanQueries queries, ScanWork work) =>
        Run(codes, queries, work, SharedMemory.Allocate<float>(HalfPartials), HalfParts, 0);

    /// <summary>Negative products, codec <c>f16</c>.</summary>
    public static void HalfProducts(ScalarScanCodes codes, ScanQueries queries, ScanWork work) =>
        Run(codes, queries, work, SharedMemory.Allocate<float>(HalfPartials), HalfParts, 1);

    /// <summary>Squared distances, codec <c>none</c>: of a list's anchor, for each of its rows.</summary>
    public static void AnchorDistances(ScalarScanCodes codes, ScanQueries queries, ScanWork work) => RunAnchors(codes, queries, work, 0);

    /// <summary>Negative products, likewise.</summary>
    public static void AnchorProducts(ScalarScanCodes codes, ScanQueries queries, ScanWork work) => RunAnchors(codes, queries, work, 1);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void RunAnchors(ScalarScanCodes codes, ScanQueries queries, ScanWork work, int product)
    {
        ArrayView<float> partial = SharedMemory.Allocate<float>(Tile);
        ArrayView<int> visitors = SharedMemory.Allocate<int>(Queries), slots = SharedMemory.Allocate<int>(Queries);
        int thread = Group.IdxX, tile = work.Meet(queries.Count, visitors, slots), anchor = work.TileLists[tile] * codes.Dimension;
        GroupBarrier.Wait();
        partial[thread] = OfAnchor(codes, queries, visitors, anchor, thread, product);
        GroupBarrier.Wait();
        for (int q = 0; q < Queries; q++)
        {
            float sum = ScanKernel.Tree(partial, q * Lanes);
            ScanKernel.Put(work.Distances, slots[q], product != 0 ? -sum : sum);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Run(
        ScalarScanCodes codes, ScanQueries queries, ScanWork work, ArrayView<float> sharedFloats, int parts, int product)
    {
        ArrayView<float> partial = SharedMemory.Allocate<float>(Tile), offsets = SharedMemory.Allocate<float>(Queries);
        ArrayView<float> differences = SharedMemory.Allocate<float>(RestAtOnce * Queries);
        ArrayView<Quad> targets = SharedMemory.Allocate<float>(AxesAtOnce * Queries).AsAligned16().Cast<Quad>();
        ArrayView<float> scales = SharedMemory.Allocate<float>(AxesAtOnce);
        ArrayView<Quad> partials = sharedFloats.AsAligned16().Cast<Quad>();
        ArrayView<int> visitors = SharedMemory.Allocate<int>(Queries), slots = SharedMemory.Allocate<int>(Queries);
        int thread = Group.IdxX, threads = parts * Tile, part = thread / Tile;
        int tile = work.Meet(queries.Count, visitors, slots), list = work.TileLists[tile], anchor = list * codes.Dimension;
        GroupBarrier.Wait();
        if (product != 0)
        {
            if (thread < Tile) partial[thread] = OfAnchor(codes, queries, visitors, anchor, thread, product);
            GroupBarrier.Wait();
            if (thread < Queries) offsets[thread] = -ScanKernel.Tree(partial, thread * Lanes);
        }
        else
        {
            double rest = 0;
            for (int start = 0; start < codes.OtherCount; start += RestAtOnce)
            {
                int length = codes.OtherCount - start < RestAtOnce ? codes.OtherCount - start : RestAtOnce;
                GroupBarrier.Wait();
                for (int i = thread; i < length * Queries; i += threads)
                {
                    int axis = codes.Others[start + (i / Queries)];
                    differences[i] = queries.Coordinates[((long)visitors[i % Queries] * queries.Pitch) + axis]
                        - codes.Anchors[anchor + axis];
                }

                GroupBarrier.Wait();
                if (thread < Queries)
                {
                    for (int i = 0; i < length; i++)
                    {
                        // The square of a float is exact in double, so the sum is rounded once, fused or not.
                        double difference = differences[(i * Queries) + thread];
                        rest = Fused.MultiplyAddDouble(difference, difference, rest);
                    }
                }
            }

            if (thread < Queries) offsets[thread] = (float)rest;
        }

        var zero = new Quad(0, 0, 0, 0);
        Quad s0 = zero, s1 = zero, s2 = zero, s3 = zero, s4 = zero, s5 = zero, s6 = zero, s7 = zero, s8 = zero, s9 = zero, s10 = zero;
        Quad s11 = zero, s12 = zero, s13 = zero, s14 = zero, s15 = zero;
        int padded = (codes.AxisCount + Lanes - 1) / Lanes * Lanes, wholeRounds = padded / (Lanes * parts) * parts;
        long words = ((long)(work.TileOffsets[tile] - work.FirstOffset) * Tile) + (thread % Tile);
        for (int start = 0; start < padded; start += AxesAtOnce)
        {
            int length = padded - start < AxesAtOnce ? padded - start : AxesAtOnce;
            // Everything that the last axes needed has been read, and the offsets are written.
            GroupBarrier.Wait();
            long c0 = (long)visitors[0] * queries.Pitch, c1 = (long)visitors[1] * queries.Pitch, c2 = (long)visitors[2] * queries.Pitch;
            long c3 = (long)visitors[3] * queries.Pitch;
            for (int i = thread; i < length; i += threads)
            {
                int axis = codes.Axes[start + i];
                float scale = codes.ScaleStride < 0 ? 1 : codes.Scales[((long)list * codes.ScaleStride) + start + i];
                float z = codes.Anchors[anchor + axis];
                float x0 = queries.Coordinates[c0 + axis], x1 = queries.Coordinates[c1 + axis], x2 = queries.Coordinates[c2 + axis];
                float x3 = queries.Coordinates[c3 + axis];
                // An axis after the last has a code of 0 and must contribute nothing else.
                if (start + i >= codes.AxisCount) targets[i] = zero;
                else if (product == 0) targets[i] = new Quad(x0 - z, x1 - z, x2 - z, x3 - z);
                else if (parts == ByteParts) targets[i] = new Quad(x0 * -scale, x1 * -scale, x2 * -scale, x3 * -scale);
                else targets[i] = new Quad(x0, x1, x2, x3);
                scales[i] = parts == ByteParts ? -scale : scale;
            }

            GroupBarrier.Wait();
            for (int i = 0; i < length; i += Lanes)
            {
                int round = (start + i) / Lanes;
                // Axes after the last whole round go to the first part.
                if ((round < wholeRounds ? round % parts : 0) != part) continue;
                if (parts == ByteParts)
                {
                    long at = words + ((long)round * (Lanes / 4) * Tile);
                    uint w0 = work.Words[at], w1 = work.Words[at + Tile], w2 = work.Words[at + (2 * Tile)];
                    uint w3 = work.Words[at + (3 * Tile)];
                    s0 = Next(s0, Byte(w0, 24), i + 0, targets, scales, parts, product);
                    s1 = Next(s1, Byte(w0, 16), i + 1, targets, scales, parts, product);
                    s2 = Next(s2, Byte(w0, 8), i + 2, targets, scales, parts, product);
                    s3 = Next(s3, Byte(w0, 0), i + 3, targets, scales, parts, product);
                    s4 = Next(s4, Byte(w1, 24), i + 4, targets, scales, parts, product);
                    s5 = Next(s5, Byte(w1, 16), i + 5, targets, scales, parts, product);
                    s6 = Next(s6, Byte(w1, 8), i + 6, targets, scales, parts, product);
                    s7 = Next(s7, Byte(w1, 0), i + 7, targets, scales, parts, product);
                    s8 = Next(s8, Byte(w2, 24), i + 8, targets, scales, parts, product);
                    s9 = Next(s9, Byte(w2, 16), i + 9, targets, scales, parts, product);
                    s10 = Next(s10, Byte(w2, 8), i + 10, targets, scales, parts, product);
                    s11 = Next(s11, Byte(w2, 0), i + 11, targets, scales, parts, product);
                    s12 = Next(s12, Byte(w3, 24), i + 12, targets, scales, parts, product);
                    s13 = Next(s13, Byte(w3, 16), i + 13, targets, scales, parts, product);
                    s14 = Next(s14, Byte(w3, 8), i + 14, targets, scales, parts, product);
                    s15 = Next(s15, Byte(w3, 0), i + 15, targets, scales, parts, product);
                }
                else
                {
                    long at = words + ((long)round * (Lanes / 2) * Tile);
                    uint w0 = work.Words[at], w1 = work.Words[at + Tile], w2 = work.Words[at + (2 * Tile)];
                    uint w3 = work.Words[at + (3 * Tile)];
                    uint w4 = work.Words[at + (4 * Tile)], w5 = work.Words[at + (5 * Tile)], w6 = work.Words[at + (6 * Tile)];
                    uint w7 = work.Words[at + (7 * Tile)];
                    s0 = Next(s0, Half(w0), i + 0, targets, scales, parts, product);
                    s1 = Next(s1, Half(w0 >> 16), i + 1, targets, scales, parts, product);
                    s2 = Next(s2, Half(w1), i + 2, targets, scales, parts, product);
                    s3 = Next(s3, Half(w1 >> 16), i + 3, targets, scales, parts, product);
                    s4 = Next(s4, Half(w2), i + 4, targets, scales, parts, product);
                    s5 = Next(s5, Half(w2 >> 16), i + 5, targets, scales, parts, product);
                    s6 = Next(s6, Half(w3), i + 6, targets, scales, parts, product);
                    s7 = Next(s7, Half(w3 >> 16), i + 7, targets, scales, parts, product);
                    s8 = Next(s8, Half(w4), i + 8, targets, scales, parts, product);
                    s9 = Next(s9, Half(w4 >> 16), i + 9, targets, scales, parts, product);
                    s10 = Next(s10, Half(w5), i + 10, targets, scales, parts, product);
                    s11 = Next(s11, Half(w5 >> 16), i + 11, targets, scales, parts, product);
                    s12 = Next(s12, Half(w6), i + 12, targets, scales, parts, product);
                    s13 = Next(s13, Half(w6 >> 16), i + 13, targets, scales, parts, product);
                    s14 = Next(s14, Half(w7), i + 14, targets, scales, parts, product);
                    s15 = Next(s15, Half(w7 >> 16), i + 15, targets, scales, parts, product);
                }
            }
        }

        // Odd parts are added to the even one before them, then the third to the first: (0 + 1) + (2 + 3).
        for (int step = 1; step < parts; step *= 2)
        {
            int index = (part / (2 * step) * Lanes * Tile) + (thread % Tile);
            if (part % (2 * step) == step)
            {
                partials[index] = s0;
                partials[index + Tile] = s1;
                partials[index + (2 * Tile)] = s2;
                partials[index + (3 * Tile)] = s3;
                partials[index + (4 * Tile)] = s4;
                partials[index + (5 * Tile)] = s5;
                partials[index + (6 * Tile)] = s6;
                partials[index + (7 * Tile)] = s7;
                partials[index + (8 * Tile)] = s8;
                partials[index + (9 * Tile)] = s9;
                partials[index + (10 * Tile)] = s10;
                partials[index + (11 * Tile)] = s11;
                partials[index + (12 * Tile)] = s12;
                partials[index + (13 * Tile)] = s13;
                partials[index + (14 * Tile)] = s14;
                partials[index + (15 * Tile)] = s15;
            }

            GroupBarrier.Wait();
            if (part % (2 * step) == 0)
            {
                s0 = ScanKernel.Add(s0, partials[index]);
                s1 = ScanKernel.Add(s1, partials[index + Tile]);
                s2 = ScanKernel.Add(s2, partials[index + (2 * Tile)]);
                s3 = ScanKernel.Add(s3, partials[index + (3 * Tile)]);
                s4 = ScanKernel.Add(s4, partials[index + (4 * Tile)]);
                s5 = ScanKernel.Add(s5, partials[index + (5 * Tile)]);
                s6 = ScanKernel.Add(s6, partials[index + (6 * Tile)]);
                s7 = ScanKernel.Add(s7, partials[index + (7 * Tile)]);
                s8 = ScanKernel.Add(s8, partials[index + (8 * Tile)]);
                s9 = ScanKernel.Add(s9, partials[index + (9 * Tile)]);
                s10 = ScanKernel.Add(s10, partials[index + (10 * Tile)]);
                s11 = ScanKernel.Add(s11, partials[index + (11 * Tile)]);
                s12 = ScanKernel.Add(s12, partials[index + (12 * Tile)]);
                s13 = ScanKernel.Add(s13, partials[index + (13 * Tile)]);
                s14 = ScanKernel.Add(s14, partials[index + (14 * Tile)]);
                s15 = ScanKernel.Add(s15, partials[index + (15 * Tile)]);
            }

            GroupBarrier.Wait();
        }

        if (part == 0)
        {
            s0 = ScanKernel.Add(
                ScanKernel.Add(ScanKernel.Add(s0, s8), ScanKernel.Add(s4, s12)),
                ScanKernel.Add(ScanKernel.Add(s2, s10), ScanKernel.Add(s6, s14)));
            s1 = ScanKernel.Add(
                ScanKernel.Add(ScanKernel.Add(s1, s9), ScanKernel.Add(s5, s13)),
                ScanKernel.Add(ScanKernel.Add(s3, s11), ScanKernel.Add(s7, s15)));
            s0 = ScanKernel.Add(s0, s1);
            ScanKernel.Put(work.Distances, slots[0], Shift(offsets[0], s0.X, parts, product));
            ScanKernel.Put(work.Distances, slots[1], Shift(offsets[1], s0.Y, parts, product));
            ScanKernel.Put(work.Distances, slots[2], Shift(offsets[2], s0.Z, parts, product));
            ScanKernel.Put(work.Distances, slots[3], Shift(offsets[3], s0.W, parts, product));
        }
    }

    /// <summary>One lane of one query's ‖q - a‖², or ⟨q, a⟩: 64 threads compute those of four queries.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float OfAnchor(
        ScalarScanCodes codes, ScanQueries queries, ArrayView<int> visitors, int anchor, int thread, int product) =>
        ScanKernel.RankLane(
            queries.Coordinates, (long)visitors[thread / Lanes] * queries.Pitch, codes.Anchors, anchor, codes.Dimension, thread % Lanes,
            product);

    /// <summary>Adds an axis of the row to a lane of each query.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Quad Next(Quad sum, float value, int axis, ArrayView<Quad> targets, ArrayView<float> scales, int parts, int product)
    {
        Quad target = targets[axis];
        if (parts == ByteParts && product != 0) return Quad.MultiplyAdd(value, target, sum);
        float scale = scales[axis];
        if (parts == ByteParts)
        {
            float x = Fused.MultiplyAdd(scale, value, target.X), y = Fused.MultiplyAdd(scale, value, target.Y);
            float z = Fused.MultiplyAdd(scale, value, target.Z), w = Fused.MultiplyAdd(scale, value, target.W);
            return new Quad(
                Fused.MultiplyAdd(x, x, sum.X), Fused.MultiplyAdd(y, y, sum.Y), Fused.MultiplyAdd(z, z, sum.Z),
                Fused.MultiplyAdd(w, w, sum.W));
        }

        // A product that is subtracted or multiplied must be rounded on its own; adding 0 does that.
        float residual = Fused.MultiplyAdd(scale, value, 0);
        if (product != 0) return Quad.MultiplyAdd(residual, target, sum);
        float dx = target.X - residual, dy = target.Y - residual, dz = target.Z - residual, dw = target.W - residual;
        return new Quad(
            Fused.MultiplyAdd(dx, dx, sum.X), Fused.MultiplyAdd(dy, dy, sum.Y), Fused.MultiplyAdd(dz, dz, sum.Z),
            Fused.MultiplyAdd(dw, dw, sum.W));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Shift(float offset, float sum, int parts, int product) =>
        parts == HalfParts && product != 0 ? offset - sum : offset + sum;

    /// <summary>The signed byte that the shift moves to the top.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Byte(uint word, int shift) => (int)(word << shift) >> 24;

    /// <summary>The lower 16 bits as a float16, without the type, which some OpenCL devices lack.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Half(uint bits)
    {
        uint sign = (bits & 0x8000) << 16, magnitude = bits & 0x7FFF;
        // Exponents are biased by 15 and 127. A subnormal float16 is a whole number of 2^-24; computed so, it is right on devices that
        // flush denormals.
        float normal = Interop.IntAsFloat((magnitude << 13) + (112u << 23)), small = (int)magnitude * (1f / (1 << 24));
        return Interop.IntAsFloat(Interop.FloatAsInt(magnitude < 0x400 ? small : normal) | sign);
    }
}

/// <summary>The description of the codes on the device.</summary>
[ExcludeFromCodeCoverage]
internal struct ScalarScanCodes
{
    /// <summary>The coded axes, padded to a multiple of 16.</summary>
    public ArrayView<int> Axes;

    /// <summary>The other axes, ascending.</summary>
    public ArrayView<int> Others;

    /// <summary>The value of code 1 on each coded axis, padded.</summary>
    public ArrayView<float> Scales;

    /// <summary>Lists x d.</summary>
    public ArrayView<float> Anchors;

    /// <summary>d.</summary>
    public int Dimension;

    /// <summary>Number of coded axes.</summary>
    public int AxisCount;

    /// <summary>Number of the others.</summary>
    public int OtherCount;

    /// <summary>Floats from a list's scales to the next's; 0 where all lists share them, below 0 where there are none.</summary>
    public int ScaleStride;
}
