namespace Vlc.Residuals.Packed;

/// <summary>Queries to tune on, with the rows that are exactly nearest to each: what a level is measured on.</summary>
/// <param name="queries">q x d, in scaled units.</param>
/// <param name="dimension">d.</param>
/// <param name="exact">q x c row numbers, nearest first.</param>
/// <param name="candidateCount">c, candidates of each query.</param>
/// <param name="ks">Ascending: recall is measured at each of these k; the first k candidates are the neighbours to find.</param>
/// <param name="rows">Numbers of all candidate rows, ascending, each once.</param>
/// <param name="vectors">The candidate rows, d floats each, in scaled units.</param>
/// <param name="cells">Cell of each candidate row.</param>
internal sealed class PackedTuningSample(
    float[] queries, int dimension, int[] exact, int candidateCount, int[] ks, int[] rows, float[] vectors, int[] cells)
{
    private readonly int[] _places = [.. exact.Select(row => Array.BinarySearch(rows, row))];

    public int QueryCount => queries.Length / dimension;

    public int[] Ks => ks;

    public int CandidateCount => candidateCount;

    public int[] Rows => rows;

    public int[] Cells => cells;

    public ReadOnlySpan<float> Query(int query) => queries.AsSpan(query * dimension, dimension);

    public ReadOnlySpan<float> Row(int candidate) => vectors.AsSpan(candidate * dimension, dimension);

    /// <summary>Places of a query's candidates in <see cref="Rows"/>.</summary>
    public ReadOnlySpan<int> Candidates(int query) => _places.AsSpan(query * candidateCount, candidateCount);

    /// <summary>Row numbers of a query's k neighbours.</summary>
    public ReadOnlySpan<int> Exact(int query, int k) => exact.AsSpan(query * candidateCount, k);
}
