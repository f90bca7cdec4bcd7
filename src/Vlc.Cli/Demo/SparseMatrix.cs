namespace Vlc.Cli.Demo;

/// <summary>Compressed sparse rows: row r has entries [<c>RowStarts[r]</c>, <c>RowStarts[r + 1]</c>), columns ascending.</summary>
internal sealed record SparseMatrix(int[] RowStarts, int[] Columns, float[] Values, int ColumnCount)
{
    /// <summary>Number of rows.</summary>
    public int RowCount => RowStarts.Length - 1;

    /// <summary>The columns and values of one row.</summary>
    public SparseRow Row(int row)
    {
        int start = RowStarts[row], length = RowStarts[row + 1] - start;
        return new SparseRow(Columns.AsSpan(start, length), Values.AsSpan(start, length));
    }
}

/// <summary>One row of a <see cref="SparseMatrix"/>.</summary>
internal readonly ref struct SparseRow(ReadOnlySpan<int> columns, ReadOnlySpan<float> values)
{
    public ReadOnlySpan<int> Columns { get; } = columns;

    public ReadOnlySpan<float> Values { get; } = values;
}
