namespace Vlc.Anchors;

/// <summary>
/// The inverted lists: the rows of each cell, in ascending order. They are a stable counting sort of the assignments, so they need not be
/// stored.
/// </summary>
internal sealed class InvertedLists
{
    private readonly int[] _starts;
    private readonly int[] _rows;

    public InvertedLists(ReadOnlySpan<int> assignments, int cellCount)
    {
        _starts = new int[cellCount + 1];
        _rows = new int[assignments.Length];
        foreach (int cell in assignments) _starts[cell + 1]++;
        for (int cell = 0; cell < cellCount; cell++) _starts[cell + 1] += _starts[cell];
        int[] next = _starts[..cellCount];
        for (int row = 0; row < assignments.Length; row++) _rows[next[assignments[row]]++] = row;
    }

    /// <summary>Lists of rows whose cells are not resident but read twice, block by block.</summary>
    /// <param name="cellCount">m.</param>
    /// <param name="rowCount">n.</param>
    /// <param name="forEachBlock">
    /// Calls its argument with the cells of each block of rows, in order, and the number of the block's first row.
    /// </param>
    public InvertedLists(int cellCount, int rowCount, Action<Action<ReadOnlySpan<int>, int>> forEachBlock)
    {
        _starts = new int[cellCount + 1];
        _rows = new int[rowCount];
        forEachBlock((cells, _) =>
        {
            foreach (int cell in cells) _starts[cell + 1]++;
        });
        for (int cell = 0; cell < cellCount; cell++) _starts[cell + 1] += _starts[cell];
        int[] next = _starts[..cellCount];
        forEachBlock((cells, first) =>
        {
            for (int i = 0; i < cells.Length; i++) _rows[next[cells[i]]++] = first + i;
        });
    }

    /// <summary>Lists of some rows only.</summary>
    /// <param name="assignments">Cell of each of them.</param>
    /// <param name="cellCount">m.</param>
    /// <param name="numbers">Their row numbers, ascending.</param>
    public InvertedLists(ReadOnlySpan<int> assignments, int cellCount, ReadOnlySpan<int> numbers)
        : this(assignments, cellCount)
    {
        foreach (ref int row in _rows.AsSpan()) row = numbers[row];
    }

    public int CellCount => _starts.Length - 1;

    public int RowCount => _rows.Length;

    /// <summary>The rows of all cells, cell after cell.</summary>
    public ReadOnlyMemory<int> Order => _rows;

    /// <summary>The start of each cell in <see cref="Order"/>, and the end of the last.</summary>
    public ReadOnlyMemory<int> Starts => _starts;

    public ReadOnlySpan<int> Rows(int cell) => _rows.AsSpan(_starts[cell], _starts[cell + 1] - _starts[cell]);

    public int Count(int cell) => _starts[cell + 1] - _starts[cell];

    /// <summary>Entropy of the cells' shares over log2 of their number; 1 for a single cell.</summary>
    public double NormalizedEntropy()
    {
        if (CellCount == 1) return 1;
        double entropy = 0;
        for (int cell = 0; cell < CellCount; cell++)
        {
            double share = (double)Count(cell) / RowCount;
            if (share > 0) entropy -= share * Math.Log2(share);
        }

        return entropy / Math.Log2(CellCount);
    }
}
