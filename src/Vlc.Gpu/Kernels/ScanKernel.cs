using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using ILGPU;
using ILGPU.Runtime;

namespace Vlc.Gpu.Kernels;

/// <summary>
/// Distances of trellis codes to queries, with the bits of <see cref="Vlc.Numerics.Kernels.TrellisScan"/> and <c>PackedCodec</c>. Axis k is
/// summed in lane k modulo 16 by fused multiply-adds, and the lanes are added as a tree. The part that a query and a list share is summed
/// in the order of <see cref="Vlc.Numerics.Kernels.Distances"/>.
/// </summary>
/// <remarks>
/// <para>
/// A group of 64 threads measures the 64 rows of a tile against four queries. A thread decodes its row once and keeps 4 x 16 lanes in
/// registers. Shared memory has the factors of four queries for an axis in four consecutive floats. They are the same for all threads, as
/// are the bits of an axis, so no thread waits for another.
/// </para>
/// <para>
/// Layout. A tile's strings are stored word by word, word w of row i at 64·w + i, most significant bit first, so that 64 threads read 256
/// consecutive bytes. Axes are padded to multiples of 16 with a scale of 0. The kernel checks no bounds.
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

    /// <summary>Ints of an item: the tile, four queries, and the slots of their distances, -1 for none.</summary>
    public const int ItemInts = 1 + (2 * Queries);

    /// <summary>Set in the plan of an axis whose window ends in the next word.</summary>
    public const int Advance = 1 << 5;

    /// <summary>Bits of a plan below the first value of its table.</summary>
    public const int PlanBits = 8;

    /// <summary>Bytes of shared memory of a group.</summary>
    public const int SharedBytes = (TableValues + (AxesAtOnce * (Queries + 3)) + (2 * Tile) + (3 * Queries)) * sizeof(float);

    private const int TableValues = 8 * 256;

    /// <summary>Axes whose factors are in shared memory together.</summary>
    private const int AxesAtOnce = 256;

    /// <summary>The value of a unit of the tables.</summary>
    private const float Unit = 1f / 4096;

    private const int ByDistance = 0;
    private const int ByProduct = 1;
    private const int ByCosine = 2;

    /// <summary>Squared distances. One group for each tile and four queries.</summary>
    public static void Distances(ScanCodes codes, ScanQueries queries, ScanWork work) => Run(codes, queries, work, ByDistance);

    /// <summary>Negative products.</summary>
    public static void Products(ScanCodes codes, ScanQueries queries, ScanWork work) => Run(codes, queries, work, ByProduct);

    /// <summary>Squared distances of vectors normalised to unit length, times the query's squared length.</summary>
    public static void Cosines(ScanCodes codes, ScanQueries queries, ScanWork work) => Run(codes, queries, work, ByCosine);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Run(ScanCodes codes, ScanQueries queries, ScanWork work, int measure)
    {
        ArrayView<float> tables = SharedMemory.Allocate<float>(TableValues), partial = SharedMemory.Allocate<float>(2 * Tile);
        ArrayView<float> offsets = SharedMemory.Allocate<float>(Queries);
        ArrayView<Quad> targets = SharedMemory.Allocate<float>(AxesAtOnce * Queries).AsAligned16().Cast<Quad>();
        ArrayView<float> scales = SharedMemory.Allocate<float>(AxesAtOnce), centres = SharedMemory.Allocate<float>(AxesAtOnce);
        ArrayView<int> plans = SharedMemory.Allocate<int>(AxesAtOnce);
        // Queries and slots of the group are in shared memory, where they take no registers while rows are decoded.
        ArrayView<int> visitors = SharedMemory.Allocate<int>(Queries), slots = SharedMemory.Allocate<int>(Queries);
        int thread = Group.IdxX;
        int tile = work.Meet(queries.Count, visitors, slots);
        int header = work.TileLists[tile] * ScanCodes.HeaderInts;
        int plan = codes.Headers[header], axes = codes.Headers[header + 1], coordinate = codes.Headers[header + 2];
        int rank = codes.Headers[header + 3];
        int anchor = codes.Headers[header + 4], group = codes.Headers[header + 5];
        for (int i = thread; i < TableValues; i += Tile) tables[i] = codes.Tables[i];

        // Each thread computes one lane of one query's sums.
        int lane = thread % Lanes, own = thread / Lanes;
        GroupBarrier.Wait();
        long ownCoordinates = ((long)visitors[own] * queries.Pitch) + coordinate;
        partial[thread] = RankLane(queries.Coordinates, ownCoordinates, codes.Anchors, anchor, rank, lane, measure);
        partial[Tile + thread] = measure == ByDistance
            ? CodedLane(queries.Coordinates, ownCoordinates, codes.Anchors, anchor, codes.Axes, plan, axes, lane)
            : 0;
        GroupBarrier.Wait();
        if (thread < Queries)
        {
            float given = queries.Offsets[((long)visitors[thread] * queries.Groups) + group], sum = Tree(partial, thread * Lanes);
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
        Quad s0 = zero, s1 = zero, s2 = zero, s3 = zero, s4 = zero, s5 = zero, s6 = zero, s7 = zero, s8 = zero, s9 = zero, s10 = zero;
        Quad s11 = zero, s12 = zero, s13 = zero, s14 = zero, s15 = zero;
        float n0 = 0, n1 = 0, n2 = 0, n3 = 0, n4 = 0, n5 = 0, n6 = 0, n7 = 0, n8 = 0, n9 = 0, n10 = 0, n11 = 0, n12 = 0, n13 = 0, n14 = 0;
        float n15 = 0;
        uint previous = 0, current = 0;
        long next = ((long)(work.TileOffsets[tile] - work.FirstOffset) * Tile) + thread;
        for (int left = Padded(axes); left > 0; left -= AxesAtOnce)
        {
            // Everything that the last axes needed has been read, and the offsets are written.
            GroupBarrier.Wait();
            // Read again, since they would take registers while rows are decoded.
            int firstPlan = codes.Headers[header], coded = codes.Headers[header + 1], firstCoordinate = codes.Headers[header + 2];
            int firstAnchor = codes.Headers[header + 4];
            int start = Padded(coded) - left, length = left < AxesAtOnce ? left : AxesAtOnce;
            long c0 = ((long)visitors[0] * queries.Pitch) + firstCoordinate, c1 = ((long)visitors[1] * queries.Pitch) + firstCoordinate;
            long c2 = ((long)visitors[2] * queries.Pitch) + firstCoordinate, c3 = ((long)visitors[3] * queries.Pitch) + firstCoordinate;
            for (int i = thread; i < length; i += Tile)
            {
                int at = firstPlan + start + i, axis = codes.Axes[at];
                float scale = codes.Scales[at], z = codes.Anchors[firstAnchor + axis];
                float x0 = queries.Coordinates[c0 + axis], x1 = queries.Coordinates[c1 + axis], x2 = queries.Coordinates[c2 + axis];
                float x3 = queries.Coordinates[c3 + axis];
                plans[i] = codes.Plans[at];
                // An axis after the last has a scale of 0 and must contribute nothing else.
                if (start + i >= coded) targets[i] = zero;
                else if (measure == ByDistance) targets[i] = new Quad(x0 - z, x1 - z, x2 - z, x3 - z);
                else if (measure == ByProduct)
                {
                    targets[i] = new Quad(-x0 * scale * Unit, -x1 * scale * Unit, -x2 * scale * Unit, -x3 * scale * Unit);
                }
                else targets[i] = new Quad(x0 * scale * Unit, x1 * scale * Unit, x2 * scale * Unit, x3 * scale * Unit);
                if (measure == ByDistance) scales[i] = -scale * Unit;
                if (measure == ByCosine)
                {
                    scales[i] = scale * Unit;
                    float centre = codes.Means[firstCoordinate + axis] + z;
                    centres[i] = centre + centre;
                }
            }

            GroupBarrier.Wait();
            for (int i = 0; i < length; i += Lanes)
            {
                s0 = Next(
                    s0, ref n0, i + 0, plans, targets, scales, centres, tables, work.Words, ref previous, ref current, ref next, measure);
                s1 = Next(
                    s1, ref n1, i + 1, plans, targets, scales, centres, tables, work.Words, ref previous, ref current, ref next, measure);
                s2 = Next(
                    s2, ref n2, i + 2, plans, targets, scales, centres, tables, work.Words, ref previous, ref current, ref next, measure);
                s3 = Next(
                    s3, ref n3, i + 3, plans, targets, scales, centres, tables, work.Words, ref previous, ref current, ref next, measure);
                s4 = Next(
                    s4, ref n4, i + 4, plans, targets, scales, centres, tables, work.Words, ref previous, ref current, ref next, measure);
                s5 = Next(
                    s5, ref n5, i + 5, plans, targets, scales, centres, tables, work.Words, ref previous, ref current, ref next, measure);
                s6 = Next(
                    s6, ref n6, i + 6, plans, targets, scales, centres, tables, work.Words, ref previous, ref current, ref next, measure);
                s7 = Next(
                    s7, ref n7, i + 7, plans, targets, scales, centres, tables, work.Words, ref previous, ref current, ref next, measure);
                s8 = Next(
                    s8, ref n8, i + 8, plans, targets, scales, centres, tables, work.Words, ref previous, ref current, ref next, measure);
                s9 = Next(
                    s9, ref n9, i + 9, plans, targets, scales, centres, tables, work.Words, ref previous, ref current, ref next, measure);
                s10 = Next(
                    s10, ref n10, i + 10, plans, targets, scales, centres, tables, work.Words, ref previous, ref current, ref next,
                    measure);
                s11 = Next(
                    s11, ref n11, i + 11, plans, targets, scales, centres, tables, work.Words, ref previous, ref current, ref next,
                    measure);
                s12 = Next(
                    s12, ref n12, i + 12, plans, targets, scales, centres, tables, work.Words, ref previous, ref current, ref next,
                    measure);
                s13 = Next(
                    s13, ref n13, i + 13, plans, targets, scales, centres, tables, work.Words, ref previous, ref current, ref next,
                    measure);
                s14 = Next(
                    s14, ref n14, i + 14, plans, targets, scales, centres, tables, work.Words, ref previous, ref current, ref next,
                    measure);
                s15 = Next(
                    s15, ref n15, i + 15, plans, targets, scales, centres, tables, work.Words, ref previous, ref current, ref next,
                    measure);
            }
        }

        // Without axes the barrier after the offsets has not been reached yet.
        GroupBarrier.Wait();
        s0 = Add(Add(Add(s0, s8), Add(s4, s12)), Add(Add(s2, s10), Add(s6, s14)));
        s1 = Add(Add(Add(s1, s9), Add(s5, s13)), Add(Add(s3, s11), Add(s7, s15)));
        s0 = Add(s0, s1);
        axes = codes.Headers[header + 1];
        float d0 = Shift(offsets[0], s0.X, axes), d1 = Shift(offsets[1], s0.Y, axes), d2 = Shift(offsets[2], s0.Z, axes);
        float d3 = Shift(offsets[3], s0.W, axes);
        if (measure == ByCosine)
        {
            n0 = (n0 + n8 + (n4 + n12)) + (n2 + n10 + (n6 + n14));
            n1 = (n1 + n9 + (n5 + n13)) + (n3 + n11 + (n7 + n15));
            float squared = codes.AnchorSquared[header / ScanCodes.HeaderInts];
            if (axes > 0) squared += n0 + n1;
            float length = Rounded.SquareRoot(squared > 1e-30f ? squared : 1e-30f);
            d0 = UnitLengthDistance(queries.Squared[visitors[0]], d0, length);
            d1 = UnitLengthDistance(queries.Squared[visitors[1]], d1, length);
            d2 = UnitLengthDistance(queries.Squared[visitors[2]], d2, length);
            d3 = UnitLengthDistance(queries.Squared[visitors[3]], d3, length);
        }

        Put(work.Distances, slots[0], d0);
        Put(work.Distances, slots[1], d1);
        Put(work.Distances, slots[2], d2);
        Put(work.Distances, slots[3], d3);
    }

    /// <summary>Number of axes rounded up to whole lanes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Padded(int axes) => (axes + Lanes - 1) / Lanes * Lanes;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Put(ArrayView<float> distances, int slot, float distance)
    {
        if (slot >= 0) distances[((long)slot * Tile) + Group.IdxX] = distance;
    }

    /// <summary>
    /// One lane of ‖c - z‖², or of ⟨c, z⟩, over all coordinates of the group: four sums over steps of 64, the rest in the first.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static float RankLane(
        ArrayView<float> coordinates, long first, ArrayView<float> anchors, int anchor, int rank, int lane, int measure)
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

    /// <summary>The same for ‖c - z‖² over the coded axes, in the order of the code.</summary>
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
    internal static float Tree(ArrayView<float> lanes, int at)
    {
        float even = ((lanes[at] + lanes[at + 8]) + (lanes[at + 4] + lanes[at + 12]))
            + ((lanes[at + 2] + lanes[at + 10]) + (lanes[at + 6] + lanes[at + 14]));
        float odd = ((lanes[at + 1] + lanes[at + 9]) + (lanes[at + 5] + lanes[at + 13]))
            + ((lanes[at + 3] + lanes[at + 11]) + (lanes[at + 7] + lanes[at + 15]));
        return even + odd;
    }

    /// <summary>Decodes the next axis of the row and adds it to a lane of each query.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Quad Next(
        Quad sum, ref float norm, int axis, ArrayView<int> plans, ArrayView<Quad> targets, ArrayView<float> scales,
        ArrayView<float> centres, ArrayView<float> tables,
        ArrayView<uint> words, ref uint previous, ref uint current, ref long next, int measure)
    {
        int plan = plans[axis];
        if ((plan & Advance) != 0)
        {
            previous = current;
            current = words[next];
            next += Tile;
        }

        int shift = plan & 31;
        uint state = ((current >> shift) | (previous << 1 << (31 - shift))) & 255;
        float units = tables[(plan >> PlanBits) + (int)state];
        Quad target = targets[axis];
        if (measure != ByDistance)
        {
            if (measure == ByCosine)
            {
                // A product that is added to must be rounded on its own; adding 0 does that.
                float residual = Fused.MultiplyAdd(scales[axis], units, 0);
                norm = Fused.MultiplyAdd(residual, centres[axis] + residual, norm);
            }

            return Quad.MultiplyAdd(units, target, sum);
        }

        float scale = scales[axis];
        float x = Fused.MultiplyAdd(scale, units, target.X), y = Fused.MultiplyAdd(scale, units, target.Y);
        float z = Fused.MultiplyAdd(scale, units, target.Z), w = Fused.MultiplyAdd(scale, units, target.W);
        return new Quad(
            Fused.MultiplyAdd(x, x, sum.X), Fused.MultiplyAdd(y, y, sum.Y), Fused.MultiplyAdd(z, z, sum.Z), Fused.MultiplyAdd(w, w, sum.W));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Quad Add(Quad a, Quad b) => new(a.X + b.X, a.Y + b.Y, a.Z + b.Z, a.W + b.W);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Shift(float offset, float sum, int axes) => axes > 0 ? offset + sum : offset;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float UnitLengthDistance(float querySquared, float product, float length) =>
        2 * querySquared * (1 - Rounded.Divide(product, Rounded.SquareRoot(querySquared) * length));
}

/// <summary>The codes on the device.</summary>
[ExcludeFromCodeCoverage]
internal struct ScanCodes
{
    /// <summary>Ints of a list's header: first plan, axes, first coordinate, coordinates, first float of its anchor, group.</summary>
    public const int HeaderInts = 6;

    /// <summary>8 x 256 values in units of the tables.</summary>
    public ArrayView<float> Tables;

    /// <summary>A header for each list.</summary>
    public ArrayView<int> Headers;

    /// <summary>For each axis the right shift of its window, whether the window ends in the next word, and its table.</summary>
    public ArrayView<int> Plans;

    /// <summary>The coordinate of each axis within its group.</summary>
    public ArrayView<int> Axes;

    /// <summary>The value of a table's 1 on each axis.</summary>
    public ArrayView<float> Scales;

    /// <summary>Anchors of the lists.</summary>
    public ArrayView<float> Anchors;

    /// <summary>Squared length of each list's anchor.</summary>
    public ArrayView<float> AnchorSquared;

    /// <summary>The mean vector in the bases of all groups.</summary>
    public ArrayView<float> Means;
}

/// <summary>The queries on the device.</summary>
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
    /// <summary>The words of a range of tiles.</summary>
    public ArrayView<uint> Words;

    /// <summary>List of each tile.</summary>
    public ArrayView<int> TileLists;

    /// <summary>The offset of each tile's words, in units of 64 words.</summary>
    public ArrayView<int> TileOffsets;

    /// <summary>Unread where <see cref="Quads"/> is above 0.</summary>
    public ArrayView<int> Items;

    /// <summary>Receives 64 distances for each slot, which is a query and a tile.</summary>
    public ArrayView<float> Distances;

    /// <summary>The offset of the range, in units of 64 words.</summary>
    public int FirstOffset;

    /// <summary>Number of fours of queries, where all queries scan all tiles of the launch; else 0.</summary>
    public int Quads;

    /// <summary>First tile of the launch.</summary>
    public int FirstTile;

    /// <summary>Tiles of the launch, which are the slots of a query.</summary>
    public int Tiles;

    /// <summary>
    /// The tile that a group measures, which is the result, its queries, and the slots of their distances. Four threads write them for all,
    /// which must pass a barrier before they read. A missing query repeats the first one, with slot -1.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly int Meet(int queryCount, ArrayView<int> visitors, ArrayView<int> slots)
    {
        int thread = Group.IdxX;
        if (Quads > 0)
        {
            // All queries scan all tiles, so no assignment is stored.
            int tile = FirstTile + (Grid.IdxX / Quads);
            if (thread < ScanKernel.Queries)
            {
                int first = Grid.IdxX % Quads * ScanKernel.Queries, query = first + thread;
                visitors[thread] = query < queryCount ? query : first;
                slots[thread] = query < queryCount ? (query * Tiles) + tile - FirstTile : -1;
            }

            return tile;
        }

        long item = (long)Grid.IdxX * ScanKernel.ItemInts;
        if (thread < ScanKernel.Queries)
        {
            visitors[thread] = Items[item + 1 + thread];
            slots[thread] = Items[item + 1 + ScanKernel.Queries + thread];
        }

        return Items[item];
    }
}
