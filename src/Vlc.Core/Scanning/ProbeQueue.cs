namespace Vlc.Scanning;

/// <summary>
/// Cells in the order in which they are scanned, nearest first, ties by number: a binary heap, since a search looks at a small part
/// of them.
/// </summary>
internal sealed class ProbeQueue(int cellCount)
{
    private readonly int[] _cells = new int[cellCount];
    private int _count;

    /// <summary>A score for each cell, smaller is nearer; filled by the caller before <see cref="Build"/>.</summary>
    public float[] Scores { get; } = new float[cellCount];

    /// <summary>Takes in every cell with its score.</summary>
    public void Build()
    {
        _count = _cells.Length;
        for (int cell = 0; cell < _count; cell++) _cells[cell] = cell;
        for (int place = (_count / 2) - 1; place >= 0; place--) SiftDown(place);
    }

    /// <summary>Takes out the nearest cell; false when none is left.</summary>
    public bool TryNext(out int cell)
    {
        if (_count == 0)
        {
            cell = -1;
            return false;
        }

        cell = _cells[0];
        _cells[0] = _cells[--_count];
        if (_count > 0) SiftDown(0);
        return true;
    }

    private void SiftDown(int place)
    {
        int cell = _cells[place];
        while (true)
        {
            int child = (2 * place) + 1;
            if (child >= _count) break;
            if (child + 1 < _count && Nearer(_cells[child + 1], _cells[child])) child++;
            if (!Nearer(_cells[child], cell)) break;
            _cells[place] = _cells[child];
            place = child;
        }

        _cells[place] = cell;
    }

    private bool Nearer(int cell, int other) => Scores[cell] < Scores[other] || (Scores[cell] == Scores[other] && cell < other);
}
