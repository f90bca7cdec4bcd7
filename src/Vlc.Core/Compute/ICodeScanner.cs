namespace Vlc.Compute;

/// <summary>A backend that can search: it loads the codes of an index and scans them for batches of queries.</summary>
/// <remarks>Used by one thread at a time. Its scanners are disposed of before it.</remarks>
public interface ICodeScanBackend
{
    /// <summary>The device for display, such as "cuda, NVIDIA H200".</summary>
    string Name { get; }

    /// <summary>Copies codes to the device, or prepares to stream them at every scan where they do not fit.</summary>
    /// <param name="codes">The codes of an open index, which must stay open as long as the result.</param>
    ICodeScanner LoadCodes(TrellisCodes codes);

    /// <inheritdoc cref="LoadCodes(TrellisCodes)"/>
    ICodeScanner LoadCodes(ScalarCodes codes);
}

/// <summary>Codes that a backend scans.</summary>
public interface ICodeScanner : IDisposable
{
    /// <summary>Most neighbours of a query, which the device's selection limits.</summary>
    int MostNeighbors { get; }

    /// <summary>Bytes of code that an exhaustive scan reads, without what the device's layout adds.</summary>
    long CodeBytes { get; }

    /// <summary>True where the codes do not fit the device, so that every batch copies them.</summary>
    bool IsStreamed { get; }

    /// <summary>
    /// Finds the nearest rows of each query by (distance, row number). Distances have the bits of the processor's kernels, so the rows are
    /// those of a search there.
    /// </summary>
    /// <param name="queries">The queries in the form that the codes need, and the lists that each of them probes.</param>
    /// <param name="k">Neighbours of each, 1 to <see cref="MostNeighbors"/>.</param>
    /// <param name="rows">Receives q x k row numbers, nearest first; -1 where fewer were found.</param>
    /// <param name="distances">Receives q x k distances in scaled units, smaller is nearer; undefined where there is no row.</param>
    /// <param name="cancellationToken">Checked between launches.</param>
    /// <exception cref="ArgumentOutOfRangeException">k is out of range, or a span is too short.</exception>
    void Scan(QueryBatch queries, int k, Span<int> rows, Span<float> distances, CancellationToken cancellationToken = default);
}
