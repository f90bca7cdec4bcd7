using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using ILGPU;
using ILGPU.Runtime;

namespace Vlc.Gpu.Kernels;

/// <summary>
/// Distances of trellis codes to queries, as <see cref="Vlc.Numerics.Kernels.TrellisScan"/> and <c>PackedCodec</c> have them, bit for bit: axis k is summed in lane k modulo 16 by fused
/// multiply-adds, then the lanes as a tree; what a query and a list share is summed in the order of <see cref="Vlc.Numerics.Kernels.Distances"/>.
/// </summary>
/// <remarks>
/// <para>
/// A group of 64 threads measures the 64 rows of a tile against four queries. A thread decodes its row once and keeps 4 x 16 lanes in registers; what the queries bring to an axis lies in
/// shared memory, four floats side by side, and is the same for all threads, as are the bits of an axis, so that no thread waits for another.
/// </para>
/// <para>
/// Layout: a tile's strings lie word by word, word w of row i at 64·w + i, most significant bit first, so that 64 threads read 256 bytes that follow one another. Axes are padded to multiples
/// of 16 with a scale of 0. Nothing is checked against bounds.
/// </para>
/// </remarks>
[ExcludeFromCodeCoverage]
internal static class ScanKernel
{
    /// <summary>Rows of a tile, and threads of a group.</summary>
    public const int Tile = 64;

    /// <summary>Queries of a group.</summary>
    public const int Queries = 4;

    /// <summary>Lanes of a sum; axes are padded to a multiple of it.</summary>
    public const int Lanes = 16;

    /// <summary>Ints of an item: the tile, four queries, and where the distances of each go, -1 for nowhere.</summary>
    public const int ItemInts = 1 + (2 * Queries);

    /// <summary>Set in the plan of an axis whose window ends in the next word.</summary>
    public const int Advance = 1 << 5;

    /// <summary>Bits of a plan below the first value of its table.</summary>
    public const int PlanBits = 8;

    /// <summary>Bytes of shared memory of a group.</summary>
    public const int SharedBytes = (TableValues + (AxesAtOnce * (Queries + 3)) + (2 * Tile) + Queries) * sizeof(float);

    private const int TableValues = 8 * 256;

    /// <summary>Axes whose factors are in shared memory together.</summary>
    private const int AxesAtOnce = 256;

    /// <summary>What a unit of the tables is worth.</summary>
    private const float Unit = 1f / 4096;

    private const int ByDistance = 0;
    private const int ByProduct = 1;
    private const int ByCosine = 2;

    /// <summary>Squared distances. A group for each tile and four queries.</summary>
    public static void Distances(ScanCodes codes, ScanQueries queries, ScanWork work) => Run(codes, queries, work, ByDistance);

    /// <summary>Negative products.</summary>
    public static void Products(ScanCodes codes, ScanQueries queries, ScanWork work) => Run(codes, queries, work, ByProduct);

    /// <summary>Squared distances of vectors brought to unit length, times the query's squared length.</summary>
    public static void Cosines(ScanCodes codes, ScanQueries queries, ScanWork work) => Run(codes, queries, work, ByCosine);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Run(ScanCodes codes, ScanQueries queries, ScanWork work, int measure)
    {
        ArrayView<float> tables = SharedMemory.Allocate<float>(TableValues), partial = SharedMemory.Allocate<float>(2 * Tile), offsets = SharedMemory.Allocate<float>(Queries);
        ArrayView<Quad> targets = SharedMemory.Allocate<float>(AxesAtOnce * Queries).AsAligned16().Cast<Quad>();
        ArrayView<float> scales = SharedMemory.Allocate<float>(AxesAtOnce), centres = SharedMemory.Allocate<float>(AxesAtOnce);
        ArrayView<int> plans = SharedMemory.Allocate<int>(AxesAtOnce);
        int thread = Group.IdxX, tile, q0, q1, q2, q3, slot0, slot1, slot2, slot3;
        if (work.Quads > 0)
        {
            // All queries scan all tiles: nothing needs to be said about who meets whom.
            tile = work.FirstTile + (Grid.IdxX / work.Quads);
            q0 = Grid.IdxX % work.Quads * Queries;
            q1 = q0 + 1;
            q2 = q0 + 2;
            q3 = q0 + 3;
            slot0 = (q0 * work.Tiles) + tile - work.FirstTile;
            slot1 = q1 < queries.Count ? slot0 + work.Tiles : -1;
            slot2 = q2 < queries.Count ? slot0 + (2 * work.Tiles) : -1;
            slot3 = q3 < queries.Count ? slot0 + (3 * work.Tiles) : -1;
            if (slot1 < 0) q1 = q0;
            if (slot2 < 0) q2 = q0;
            if (slot3 < 0) q3 = q0;
        }
        else
        {
            long item = (long)Grid.IdxX * ItemInts;
            tile = work.Items[item];
            q0 = work.Items[item + 1];
            q1 = work.Items[item + 2];
            q2 = work.Items[item + 3];
            q3 = work.Items[item + 4];
            slot0 = work.Items[item + 5];
            slot1 = work.Items[item + 6];
            slot2 = work.Items[item + 7];
            slot3 = work.Items[item + 8];
        }

        int list = codes.TileLists[tile], header = list * ScanCodes.HeaderInts;
        int plan = codes.Headers[header], axes = codes.Headers[header + 1], coordinate = codes.Headers[header + 2], rank = codes.Headers[header + 3];
        int anchor = codes.Headers[header + 4], group = codes.Headers[header + 5], padded = (axes + Lanes - 1) / Lanes * Lanes;
        for (int i = thread; i < TableValues; i += Tile) tables[i] = codes.Tables[i];

        // A thread has one lane of one query's sums.
        int lane = thread % Lanes, own = thread / Lanes;
        int query = own == 0 ? q0 : own == 1 ? q1 : own == 2 ? q2 : q3;
        long ownCoordinates = ((long)query * queries.Pitch) + coordinate;
        partial[thread] = RankLane(queries.Coordinates, ownCoordinates, codes.Anchors, anchor, rank, lane, measure);
        partial[Tile + thread] = measure == ByDistance ? CodedLane(queries.Coordinates, ownCoordinates, codes.Anchors, anchor, codes.Axes, plan, axes, lane) : 0;
        Group.Barrier();
        if (thread < Queries)
        {
            int which = thread == 0 ? q0 : thread == 1 ? q1 : thread == 2 ? q2 : q3;
            float given = queries.Offsets[((long)which * queries.Groups) + group], sum = Tree(partial, thread * Lanes);
            if (measure == ByDistance)
            {
                float rest = sum - Tree(partial, Tile + (thread * Lanes));
                offsets[thread] = given + (rest > 0 ? rest : 0);
            }
            else
            {
                offsets[thread] = measure == ByProduct ? -(given + sum) : given + sum;
            }
        }

        var zero = new Quad(0, 0, 0, 0);
        Quad s0 = zero, s1 = zero, s2 = zero, s3 = zero, s4 = zero, s5 = zero, s6 = zero, s7 = zero, s8 = zero, s9 = zero, s10 = zero, s11 = zero, s12 = zero, s13 = zero, s14 = zero, s15 = zero;
        float n0 = 0, n1 = 0, n2 = 0, n3 = 0, n4 = 0, n5 = 0, n6 = 0, n7 = 0, n8 = 0, n9 = 0, n10 = 0, n11 = 0, n12 = 0, n13 = 0, n14 = 0, n15 = 0;
        uint previous = 0, current = 0;
        long place = ((long)(codes.TileOffsets[tile] - work.FirstOffset) * Tile) + thread;
        long c0 = ((long)q0 * queries.Pitch) + coordinate, c1 = ((long)q1 * queries.Pitch) + coordinate;
        long c2 = ((long)q2 * queries.Pitch) + coordinate, c3 = ((long)q3 * queries.Pitch) + coordinate;
        for (int start = 0; start < padded; start += AxesAtOnce)
        {
            int length = padded - start < AxesAtOnce ? padded - start : AxesAtOnce;
            // What the last axes needed is read by now, and the offsets are written.
            Group.Barrier();
            for (int i = thread; i < length; i += Tile)
            {
                int at = plan + start + i, axis = codes.Axes[at];
                float scale = codes.Scales[at], z = codes.Anchors[anchor + axis];
                float x0 = queries.Coordinates[c0 + axis], x1 = queries.Coordinates[c1 + axis], x2 = queries.Coordinates[c2 + axis], x3 = queries.Coordinates[c3 + axis];
                plans[i] = codes.Plans[at];
                // An axis behind the last has a scale of 0 and must bring nothing else.
                if (start + i >= axes) targets[i] = zero;
                else if (measure == ByDistance) targets[i] = new Quad(x0 - z, x1 - z, x2 - z, x3 - z);
                else if (measure == ByProduct) targets[i] = new Quad(-x0 * scale * Unit, -x1 * scale * Unit, -x2 * scale * Unit, -x3 * scale * Unit);
                else targets[i] = new Quad(x0 * scale * Unit, x1 * scale * Unit, x2 * scale * Unit, x3 * scale * Unit);
                if (measure == ByDistance) scales[i] = -scale * Unit;
                if (measure == ByCosine)
                {
                    scales[i] = scale * Unit;
                    float centre = codes.Means[coordinate + axis] + z;
                    centres[i] = centre + centre;
                }
            }

            Group.Barrier();
            for (int i = 0; i < length; i += Lanes)
            {
                s0 = Next(s0, ref n0, i + 0, plans, targets, scales, centres, tables, work.Words, ref previous, ref current, ref place, measure);
                s1 = Next(s1, ref n1, i + 1, plans, targets, scales, centres, tables, work.Words, ref previous, ref current, ref place, measure);
                s2 = Next(s2, ref n2, i + 2, plans, targets, scales, centres, tables, work.Words, ref previous, ref current, ref place, measure);
                s3 = Next(s3, ref n3, i + 3, plans, targets, scales, centres, tables, work.Words, ref previous, ref current, ref place, measure);
                s4 = Next(s4, ref n4, i + 4, plans, targets, scales, centres, tables, work.Words, ref previous, ref current, ref place, measure);
                s5 = Next(s5, ref n5, i + 5, plans, targets, scales, centres, tables, work.Words, ref previous, ref current, ref place, measure);
                s6 = Next(s6, ref n6, i + 6, plans, targets, scales, centres, tables, work.Words, ref previous, ref current, ref place, measure);
                s7 = Next(s7, ref n7, i + 7, plans, targets, scales, centres, tables, work.Words, ref previous, ref current, ref place, measure);
                s8 = Next(s8, ref n8, i + 8, plans, targets, scales, centres, tables, work.Words, ref previous, ref current, ref place, measure);
                s9 = Next(s9, ref n9, i + 9, plans, targets, scales, centres, tables, work.Words, ref previous, ref current, ref place, measure);
                s10 = Next(s10, ref n10, i + 10, plans, targets, scales, centres, tables, work.Words, ref previous, ref current, ref place, measure);
                s11 = Next(s11, ref n11, i + 11, plans, targets, scales, centres, tables, work.Words, ref previous, ref current, ref place, measure);
                s12 = Next(s12, ref n12, i + 12, plans, targets, scales, centres, tables, work.Words, ref previous, ref current, ref place, measure);
                s13 = Next(s13, ref n13, i + 13, plans, targets, scales, centres, tables, work.Words, ref previous, ref current, ref place, measure);
                s14 = Next(s14, ref n14, i + 14, plans, targets, scales, centres, tables, work.Words, ref previous, ref current, ref place, measure);
                s15 = Next(s15, ref n15, i + 15, plans, targets, scales, centres, tables, work.Words, ref previous, ref current, ref place, measure);
            }
        }

        // Codes without axes never came to the barrier behind the offsets.
        Group.Barrier();
        s0 = Add(Add(Add(s0, s8), Add(s4, s12)), Add(Add(s2, s10), Add(s6, s14)));
        s1 = Add(Add(Add(s1, s9), Add(s5, s13)), Add(Add(s3, s11), Add(s7, s15)));
        s0 = Add(s0, s1);
        float d0 = Shift(offsets[0], s0.X, axes), d1 = Shift(offsets[1], s0.Y, axes), d2 = Shift(offsets[2], s0.Z, axes), d3 = Shift(offsets[3], s0.W, axes);
        if (measure == ByCosine)
        {
            n0 = (n0 + n8 + (n4 + n12)) + (n2 + n10 + (n6 + n14));
            n1 = (n1 + n9 + (n5 + n13)) + (n3 + n11 + (n7 + n15));
            float squared = codes.AnchorSquared[list];
            if (axes > 0) squared += n0 + n1;
            float length = Rounded.SquareRoot(squared > 1e-30f ? squared : 1e-30f);
            d0 = UnitLengthDistance(queries.Squared[q0], d0, length);
            d1 = UnitLengthDistance(queries.Squared[q1], d1, length);
            d2 = UnitLengthDistance(queries.Squared[q2], d2, length);
            d3 = UnitLengthDistance(queries.Squared[q3], d3, length);
        }

        work.Distances[((long)slot0 * Tile) + thread] = d0;
        if (slot1 >= 0) work.Distances[((long)slot1 * Tile) + thread] = d1;
        if (slot2 >= 0) work.Distances[((long)slot2 * Tile) + thread] = d2;
        if (slot3 >= 0) work.Distances[((long)slot3 * Tile) + thread] = d3;
    }

    /// <summary>One lane of ‖c - z‖², or of ⟨c, z⟩, over all coordinates of the group: four sums over steps of 64, the rest in the first.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float RankLane(ArrayView<float> coordinates, long first, ArrayView<float> anchors, int anchor, int rank, int lane, int measure)
    {
        float s0 = 0, s1 = 0, s2 = 0, s3 = 0;
        int full = rank / 64 * 64;
        for (int k = lane; k < full; k += 64)
        {
            s0 = RankTerm(coordinates[first + k], anchors[anchor + k], s0, measure);
            s1 = RankTerm(coordinates[first + k + 16], anchors[anchor + k + 16], s1, measure);
            s2 = RankTerm(coordinates[first + k + 32], anchors[anchor + k + 32], s2, measure);
            s3 = RankTerm(coordinates[first + k + 48], anchors[anchor + k + 48], s3, measure);
        }

        for (int k = full + lane; k < rank; k += Lanes) s0 = RankTerm(coordinates[first + k], anchors[anchor + k], s0, measure);
        return (s0 + s1) + (s2 + s3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float RankTerm(float c, float z, float sum, int measure)
    {
        if (measure != ByDistance) return Fused.MultiplyAdd(c, z, sum);
        float difference = c - z;
        return Fused.MultiplyAdd(difference, difference, sum);
    }

    /// <summary>The same of ‖c - z‖² over the coded axes, in the order of the code.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float CodedLane(
        ArrayView<float> coordinates, long first, ArrayView<float> anchors, int anchor, ArrayView<int> order, int plan, int axes, int lane)
    {
        float s0 = 0, s1 = 0, s2 = 0, s3 = 0;
        int full = axes / 64 * 64;
        for (int k = lane; k < full; k += 64)
        {
            int a = order[plan + k], b = order[plan + k + 16], c = order[plan + k + 32], d = order[plan + k + 48];
            s0 = RankTerm(coordinates[first + a], anchors[anchor + a], s0, ByDistance);
            s1 = RankTerm(coordinates[first + b], anchors[anchor + b], s1, ByDistance);
            s2 = RankTerm(coordinates[first + c], anchors[anchor + c], s2, ByDistance);
            s3 = RankTerm(coordinates[first + d], anchors[anchor + d], s3, ByDistance);
        }

        for (int k = full + lane; k < axes; k += Lanes)
        {
            int a = order[plan + k];
            s0 = RankTerm(coordinates[first + a], anchors[anchor + a], s0, ByDistance);
        }

        return (s0 + s1) + (s2 + s3);
    }

    /// <summary>Sum of 16 lanes: (8 + 8), (4 + 4), (2 + 2), (1 + 1).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Tree(ArrayView<float> lanes, int at)
    {
        float even = ((lanes[at] + lanes[at + 8]) + (lanes[at + 4] + lanes[at + 12])) + ((lanes[at + 2] + lanes[at + 10]) + (lanes[at + 6] + lanes[at + 14]));
        float odd = ((lanes[at + 1] + lanes[at + 9]) + (lanes[at + 5] + lanes[at + 13])) + ((lanes[at + 3] + lanes[at + 11]) + (lanes[at + 7] + lanes[at + 15]));
        return even + odd;
    }

    /// <summary>Decodes the next axis of the row and adds it to a lane of each query.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Quad Next(
        Quad sum, ref float norm, int axis, ArrayView<int> plans, ArrayView<Quad> targets, ArrayView<float> scales, ArrayView<float> centres, ArrayView<float> tables,
        ArrayView<uint> words, ref uint previous, ref uint current, ref long place, int measure)
    {
        int plan = plans[axis];
        if ((plan & Advance) != 0)
        {
            previous = current;
            current = words[place];
            place += Tile;
        }

        int shift = plan & 31;
        uint state = ((current >> shift) | (previous << 1 << (31 - shift))) & 255;
        float units = tables[(plan >> PlanBits) + (int)state];
        Quad target = targets[axis];
        if (measure != ByDistance)
        {
            if (measure == ByCosine)
            {
                // A product that is added to must be rounded by itself: with 0 added it is.
                float residual = Fused.MultiplyAdd(scales[axis], units, 0);
                norm = Fused.MultiplyAdd(residual, centres[axis] + residual, norm);
            }

            return Quad.MultiplyAdd(units, target, sum);
        }

        float scale = scales[axis];
        float x = Fused.MultiplyAdd(scale, units, target.X), y = Fused.MultiplyAdd(scale, units, target.Y);
        float z = Fused.MultiplyAdd(scale, units, target.Z), w = Fused.MultiplyAdd(scale, units, target.W);
        return new Quad(Fused.MultiplyAdd(x, x, sum.X), Fused.MultiplyAdd(y, y, sum.Y), Fused.MultiplyAdd(z, z, sum.Z), Fused.MultiplyAdd(w, w, sum.W));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Quad Add(Quad a, Quad b) => new(a.X + b.X, a.Y + b.Y, a.Z + b.Z, a.W + b.W);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Shift(float offset, float sum, int axes) => axes > 0 ? offset + sum : offset;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float UnitLengthDistance(float querySquared, float product, float length) =>
        2 * querySquared * (1 - Rounded.Divide(product, Rounded.SquareRoot(querySquared) * length));
}

/// <summary>The codes as they lie on the device.</summary>
[ExcludeFromCodeCoverage]
internal struct ScanCodes
{
    /// <summary>Ints of a list's header: first plan, axes, first coordinate, coordinates, first float of its anchor, group.</summary>
    public const int HeaderInts = 6;

    /// <summary>8 x 256 values in units of the tables.</summary>
    public ArrayView<float> Tables;

    /// <summary>List of each tile.</summary>
    public ArrayView<int> TileLists;

    /// <summary>Where each tile's words begin, in units of 64 words.</summary>
    public ArrayView<int> TileOffsets;

    /// <summary>Row numbers of each tile, 64 of them; -1 behind the last.</summary>
    public ArrayView<int> TileRows;

    /// <summary>A header for each list.</summary>
    public ArrayView<int> Headers;

    /// <summary>For each axis the shift that brings its window down, whether the window ends in the next word, and its table.</summary>
    public ArrayView<int> Plans;

    /// <summary>The coordinate of each axis within its group.</summary>
    public ArrayView<int> Axes;

    /// <summary>What a table's 1 is worth.</summary>
    public ArrayView<float> Scales;

    /// <summary>Anchors of the lists.</summary>
    public ArrayView<float> Anchors;

    /// <summary>Squared length of each list's anchor.</summary>
    public ArrayView<float> AnchorSquared;

    /// <summary>The mean vector in the bases of all groups.</summary>
    public ArrayView<float> Means;
}

/// <summary>The queries as they lie on the device.</summary>
[ExcludeFromCodeCoverage]
internal struct ScanQueries
{
    /// <summary>q x pitch.</summary>
    public ArrayView<float> Coordinates;

    /// <summary>q x groups.</summary>
    public ArrayView<float> Offsets;

    /// <summary>Squared length of each.</summary>
    public ArrayView<float> Squared;

    /// <summary>Coordinates of a query.</summary>
    public int Pitch;

    /// <summary>Groups.</summary>
    public int Groups;

    /// <summary>q.</summary>
    public int Count;
}

/// <summary>What one launch measures.</summary>
[ExcludeFromCodeCoverage]
internal struct ScanWork
{
    /// <summary>The words of a stretch of tiles.</summary>
    public ArrayView<uint> Words;

    /// <summary>Unread where <see cref="Quads"/> is above 0.</summary>
    public ArrayView<int> Items;

    /// <summary>Receives 64 distances for each slot: a query and a tile.</summary>
    public ArrayView<float> Distances;

    /// <summary>Where the stretch begins, in units of 64 words.</summary>
    public int FirstOffset;

    /// <summary>Fours of queries, where all queries scan all tiles of the launch; else 0.</summary>
    public int Quads;

    /// <summary>First tile of the launch.</summary>
    public int FirstTile;

    /// <summary>Tiles of the launch: the slots of a query.</summary>
    public int Tiles;
}
