using System.Runtime.InteropServices;

namespace Vlc.Cli.Demo;

/// <summary>
/// Divides documents into a base to be searched and queries to search it with. A query is a document whose weighted terms
/// no other document has: with its twin in the base, its nearest neighbour would be itself.
/// </summary>
internal sealed record HoldOutSplit(int[] Base, int[] Queries)
{
    /// <summary>Takes queries at even distances from the documents that may be one; no chance is involved.</summary>
    /// <param name="documents">Weighted terms; a document without any is in neither part.</param>
    /// <param name="queryCount">Queries wanted; fewer where fewer documents qualify.</param>
    public static HoldOutSplit Of(SparseMatrix documents, int queryCount)
    {
        ulong[] fingerprints = new ulong[documents.RowCount];
        Dictionary<ulong, int> copies = new(documents.RowCount);
        for (int i = 0; i < fingerprints.Length; i++)
        {
            fingerprints[i] = Fingerprint(documents.Row(i));
            CollectionsMarshal.GetValueRefOrAddDefault(copies, fingerprints[i], out _)++;
        }

        int[] usable = [.. Enumerable.Range(0, documents.RowCount).Where(i => !documents.Row(i).Columns.IsEmpty)];
        int[] unique = [.. usable.Where(i => copies[fingerprints[i]] == 1)];
        int taken = Math.Min(queryCount, unique.Length);
        int[] queries = [.. Enumerable.Range(0, taken).Select(k => unique[(int)((long)k * unique.Length / taken)])];
        HashSet<int> held = [.. queries];
        return new HoldOutSplit([.. usable.Where(i => !held.Contains(i))], queries);
    }

    // Equal rows have equal fingerprints; two unequal ones that meet by chance only lose their turn as a query.
    private static ulong Fingerprint(SparseRow row) => unchecked(
        HashedTfIdf.Fnv1a(MemoryMarshal.AsBytes(row.Columns)) * 31 ^ HashedTfIdf.Fnv1a(MemoryMarshal.AsBytes(row.Values)));
}
