namespace Vlc.Codecs.Packed;

/// <summary>The sample on which a level is measured: queries, and the exactly nearest rows of each as candidates.</summary>
internal sealed class PackedTuningSample
{
    private readonly int _dimension;
    private readonly float[] _queries;
    private readonly int[] _exact;
    private readonly float[] _vectors;

    /// <summary>Index of each candidate row in the vectors; null where it is the row's number.</summary>
    private readonly int[]? _slots;

    /// <summary>
    /// For each candidate row its positions in the lists of candidates, row after row, and where each row's positions start.
    /// </summary>
    private readonly int[] _appearances, _starts;

    /// <summary>Combines queries and candidates.</summary>
    /// <param name="queries">q x d, in scaled units.</param>
    /// <param name="dimension">d.</param>
    /// <param name="exact">q x c row numbers, nearest first.</param>
    /// <param name="candidateCount">c, candidates of each query.</param>
    /// <param name="ks">Ascending. Recall is measured at each of these k; the first k candidates are the neighbours to find.</param>
    /// <param name="rows">Numbers of all candidate rows, ascending, each once.</param>
    /// <param name="vectors">The candidate rows, d floats each, in scaled units.</param>
    /// <param name="cells">Cell of each candidate row.</param>
    public PackedTuningSample(
        float[] queries, int dimension, int[] exact, int candidateCount, int[] ks, int[] rows, float[] vectors, int[] cells)
        : this(queries, dimension, exact, candidateCount, ks, rows, vectors, cells, slots: null)
    {
    }

    private PackedTuningSample(
        float[] queries, int dimension, int[] exact, int candidateCount, int[] ks, int[] rows, float[] vectors, int[] cells, int[]? slots)
    {
        (_queries, _dimension, _exact, _vectors, _slots) = (queries, dimension, exact, vectors, slots);
        (CandidateCount, Ks, Rows, Cells) = (candidateCount, ks, rows, cells);
        int[] indices = [.. exact.Select(row => Array.BinarySearch(rows, row))];
        _starts = new int[rows.Length + 1];
        foreach (int index in indices) _starts[index + 1]++;
        for (int i = 0; i < rows.Length; i++) _starts[i + 1] += _starts[i];
        _appearances = new int[indices.Length];
        int[] next = _starts[..rows.Length];
        for (int i = 0; i < indices.Length; i++) _appearances[next[indices[i]]++] = i;
    }

    public int QueryCount => _queries.Length / _dimension;

    public int[] Ks { get; }

    public int CandidateCount { get; }

    public int[] Rows { get; }

    public int[] Cells { get; }

    /// <summary>q x d.</summary>
    public ReadOnlySpan<float> Queries => _queries;

    public ReadOnlySpan<float> Query(int query) => _queries.AsSpan(query * _dimension, _dimension);

    public ReadOnlySpan<float> Row(int candidate) => _vectors.AsSpan((_slots?[candidate] ?? candidate) * _dimension, _dimension);

    /// <summary>The positions of a candidate row in the lists of candidates, q x c.</summary>
    public ReadOnlySpan<int> Appearances(int candidate) => _appearances.AsSpan(_starts[candidate].._starts[candidate + 1]);

    /// <summary>Row numbers of a query's k nearest candidates.</summary>
    public ReadOnlySpan<int> Exact(int query, int k) => _exact.AsSpan(query * CandidateCount, k);

    /// <summary>A part of the queries with their nearest candidates only, which shares the vectors.</summary>
    /// <param name="step">Every step-th query is taken.</param>
    /// <param name="candidateCount">Candidates of each query; at most as many as there are.</param>
    /// <param name="k">The one k at which recall is measured.</param>
    public PackedTuningSample Part(int step, int candidateCount, int k)
    {
        int count = (QueryCount + step - 1) / step;
        var queries = new float[count * _dimension];
        var exact = new int[count * candidateCount];
        for (int i = 0; i < count; i++)
        {
            Query(i * step).CopyTo(queries.AsSpan(i * _dimension));
            Exact(i * step, candidateCount).CopyTo(exact.AsSpan(i * candidateCount));
        }

        int[] rows = [.. exact.Distinct().Order()];
        int[] indices = [.. rows.Select(row => Array.BinarySearch(Rows, row))];
        return new PackedTuningSample(
            queries, _dimension, exact, candidateCount, [k], rows, _vectors, [.. indices.Select(index => Cells[index])],
            [.. indices.Select(index => _slots?[index] ?? index)]);
    }
}
