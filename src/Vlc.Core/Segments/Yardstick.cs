using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Vlc.Evaluation;
using Vlc.Storage;

namespace Vlc.Segments;

/// <summary>
/// Queries with their exact nearest rows, kept beside an index so that its recall can be measured again after rows came and went, without
/// the originals.
/// </summary>
/// <remarks>
/// As bytes: queries i32, d i32, neighbours of each i32, 0 i32; the queries as float16 in scaled units; for each the number of its own row
/// in the index or -1, i32; then for each its neighbours, nearest first, i32 row numbers padded with -1; then their squared distances or
/// negative products, f32.
/// </remarks>
internal sealed class Yardstick
{
    /// <summary>Neighbours kept of each query: three times those that recall is about, since rows that are deleted drop out.</summary>
    public const int Neighbors = 30;

    private const int HeaderBytes = 16, LeastQueries = 200, MostQueries = 1000;

    /// <summary>Share of the index's bytes that a yardstick takes at most, where it has the least number of queries.</summary>
    private const int ShareOfIndex = 16;

    private Yardstick(float[] queries, int dimension, int[] ownRows, int[] rows, float[] distances) =>
        (Queries, Dimension, OwnRows, Rows, Distances) = (queries, dimension, ownRows, rows, distances);

    /// <summary>Row-major, q x d, in scaled units.</summary>
    public float[] Queries { get; }

    /// <summary>d.</summary>
    public int Dimension { get; }

    /// <summary>q.</summary>
    public int Count => OwnRows.Length;

    /// <summary>Of each query the row of the index that it is, which is not its own neighbour; -1 where it is none.</summary>
    public int[] OwnRows { get; }

    /// <summary>q x <see cref="Neighbors"/> row numbers, nearest first, -1 where there are fewer.</summary>
    public int[] Rows { get; }

    /// <summary>Their squared distances or negative products.</summary>
    public float[] Distances { get; }

    /// <summary>
    /// Takes as many of the queries as are in proportion to the index, at even distances; null where there is none. Those that float16
    /// cannot hold are left out: cut, they would have other neighbours.
    /// </summary>
    /// <param name="exact">Neighbours of all queries.</param>
    /// <param name="queries">Row-major, in scaled units.</param>
    /// <param name="dimension">d.</param>
    /// <param name="ownRows">Row of each; empty where queries are no rows of the index.</param>
    /// <param name="indexBytes">Bytes of the index.</param>
    public static Yardstick? Of(ExactNeighbors exact, float[] queries, int dimension, int[] ownRows, long indexBytes)
    {
        float Largest(int query) => MathF.Abs(TensorPrimitives.MaxMagnitude<float>(queries.AsSpan(query * dimension, dimension)));
        int[] usable = [.. Enumerable.Range(0, queries.Length / dimension).Where(query => Largest(query) <= (float)Half.MaxValue)];
        int all = usable.Length;
        if (all == 0) return null;
        long wanted = indexBytes / ShareOfIndex / ((sizeof(ushort) * dimension) + (8 * Neighbors));
        int count = (int)Math.Clamp(wanted, Math.Min(LeastQueries, all), Math.Min(MostQueries, all));
        var result = new Yardstick(
            new float[count * dimension], dimension, new int[count], new int[count * Neighbors], new float[count * Neighbors]);
        for (int i = 0; i < count; i++)
        {
            int query = usable[(int)((long)i * all / count)];
            queries.AsSpan(query * dimension, dimension).CopyTo(result.Queries.AsSpan(i * dimension));
            result.OwnRows[i] = ownRows.Length > 0 ? ownRows[query] : -1;
            result.Take(i, exact.Of(query));
        }

        return result;
    }

    /// <summary>Bytes of the section.</summary>
    public byte[] Write()
    {
        var halves = new Half[Queries.Length];
        TensorPrimitives.ConvertToHalf(Queries, halves);
        return
        [
            .. MemoryMarshal.AsBytes<int>([Count, Dimension, Neighbors, 0]), .. MemoryMarshal.AsBytes(halves.AsSpan()),
            .. MemoryMarshal.AsBytes(OwnRows.AsSpan()), .. MemoryMarshal.AsBytes(Rows.AsSpan()),
            .. MemoryMarshal.AsBytes(Distances.AsSpan()),
        ];
    }

    /// <summary>The yardstick of an index; null where it has none.</summary>
    /// <exception cref="VlcFormatException">A section that is not one, or that names rows that the index does not have.</exception>
    public static Yardstick? Read(SectionReader reader)
    {
        Manifest manifest = reader.Manifest;
        if (manifest.Find(SectionKind.Yardstick) is null) return null;
        IndexSection section = reader.RequireBytes(SectionKind.Yardstick);
        if (section.File != IndexFile.Encoder || section.Length < HeaderBytes)
        {
            throw Bad("a header in a file of its own", section.ToString());
        }

        ReadOnlySpan<byte> bytes = reader.AllBytes(SectionKind.Yardstick);
        ReadOnlySpan<int> header = MemoryMarshal.Cast<byte, int>(bytes[..HeaderBytes]);
        (int count, int dimension, int neighbors) = (header[0], header[1], header[2]);
        if (header[3] != 0) throw Bad("0 behind the sizes", $"{header[3]}");
        if (dimension != manifest.Dimension || neighbors != Neighbors || count < 1)
        {
            throw Bad($"queries of {manifest.Dimension} dimensions", $"{count} of {dimension}");
        }

        long expected = HeaderBytes + (count * ((2L * dimension) + 4 + (8L * neighbors)));
        if (section.Length != expected) throw Bad($"{expected} bytes", $"{section.Length}");

        var queries = new float[count * dimension];
        TensorPrimitives.ConvertToSingle(MemoryMarshal.Cast<byte, Half>(Next(ref bytes, HeaderBytes, 2 * queries.Length)), queries);
        int[] ownRows = MemoryMarshal.Cast<byte, int>(Next(ref bytes, 0, 4 * count)).ToArray();
        int[] rows = MemoryMarshal.Cast<byte, int>(Next(ref bytes, 0, 4 * count * neighbors)).ToArray();
        float[] distances = MemoryMarshal.Cast<byte, float>(bytes).ToArray();
        if (ownRows.AsSpan().ContainsAnyExceptInRange(-1, manifest.Count - 1)
            || rows.AsSpan().ContainsAnyExceptInRange(-1, manifest.Count - 1))
        {
            throw Bad($"rows of the index, below {manifest.Count}", "others");
        }

        if (!TensorPrimitives.IsFiniteAll<float>(queries) || !TensorPrimitives.IsFiniteAll<float>(distances))
        {
            throw Bad("finite numbers", "others");
        }

        return new Yardstick(queries, dimension, ownRows, rows, distances);

        static ReadOnlySpan<byte> Next(ref ReadOnlySpan<byte> rest, int skipped, int length)
        {
            ReadOnlySpan<byte> next = rest.Slice(skipped, length);
            rest = rest[(skipped + length)..];
            return next;
        }

        VlcFormatException Bad(string expected, string found) => new(
            reader.Files.Path(IndexFile.Encoder), "yardstick", expected, found,
            "The file is damaged; searches do not need it, but recall cannot be measured.");
    }

    /// <summary>
    /// The neighbours so far, to which rows that are added can be added. Compacting takes deleted rows out of a list, and what followed its
    /// end is not known: such a list takes no row that is farther than its last.
    /// </summary>
    /// <param name="metric">The metric.</param>
    /// <param name="rowCount">Rows of the index so far, deleted ones included.</param>
    /// <param name="threads">Threads to use.</param>
    public ExactNeighbors Resume(Metric metric, int rowCount, int threads)
    {
        var exact = new ExactNeighbors(Queries, Dimension, Neighbors, metric, threads);
        for (int query = 0; query < Count; query++)
        {
            ReadOnlySpan<int> rows = Rows.AsSpan(query * Neighbors, Neighbors);
            int known = rows.IndexOf(-1) is var end && end >= 0 ? end : Neighbors;
            bool complete = known == Neighbors || known == rowCount - (OwnRows[query] < 0 ? 0 : 1);
            exact.Seed(query, rows[..known], Distances.AsSpan(query * Neighbors, known), complete);
        }

        return exact;
    }

    /// <summary>The same queries with other neighbours.</summary>
    /// <param name="exact">From <see cref="Resume"/>, after rows were added.</param>
    public Yardstick With(ExactNeighbors exact)
    {
        var result = new Yardstick(Queries, Dimension, OwnRows, new int[Rows.Length], new float[Distances.Length]);
        for (int query = 0; query < Count; query++) result.Take(query, exact.Of(query));
        return result;
    }

    /// <summary>The same after deleted rows are gone for good.</summary>
    /// <param name="newNumbers">New number of each row; -1 where it is gone.</param>
    public Yardstick Renumbered(ReadOnlySpan<int> newNumbers)
    {
        var result = new Yardstick(Queries, Dimension, new int[Count], new int[Rows.Length], new float[Distances.Length]);
        for (int query = 0; query < Count; query++)
        {
            result.OwnRows[query] = OwnRows[query] < 0 ? -1 : newNumbers[OwnRows[query]];
            var rows = new List<int>();
            var distances = new List<float>();
            for (int i = query * Neighbors; i < (query + 1) * Neighbors; i++)
            {
                if (Rows[i] < 0 || newNumbers[Rows[i]] < 0) continue;
                rows.Add(newNumbers[Rows[i]]);
                distances.Add(Distances[i]);
            }

            result.Take(query, ([.. rows], [.. distances]));
        }

        return result;
    }

    private void Take(int query, (int[] Rows, float[] Distances) found)
    {
        Span<int> rows = Rows.AsSpan(query * Neighbors, Neighbors);
        int count = Math.Min(found.Rows.Length, Neighbors);
        rows.Fill(-1);
        found.Rows.AsSpan(0, count).CopyTo(rows);
        found.Distances.AsSpan(0, count).CopyTo(Distances.AsSpan(query * Neighbors));
    }
}
