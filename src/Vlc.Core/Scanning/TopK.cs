namespace Vlc.Scanning;

/// <summary>
/// The k nearest of the rows pushed, by (distance, row): a bounded heap with the farthest on top. Equal distances are ordered by row, so
/// that the result does not depend on the order of the rows. A limit keeps rows beyond a distance out; with k as large as the index, that
/// is a range search.
/// </summary>
public sealed class TopK
{
    /// <summary>Entries for which there is memory at once; a range search grows beyond.</summary>
    private const int FirstCapacity = 1 << 14;

    private float[] _distances;
    private int[] _rows;
    private int _count;
    private float _limit = float.PositiveInfinity;

    /// <summary>An empty heap.</summary>
    /// <param name="k">Most entries; at least 1.</param>
    public TopK(int k)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(k, 1);
        K = k;
        _distances = new float[Math.Min(k, FirstCapacity)];
        _rows = new int[_distances.Length];
    }

    /// <summary>Most entries kept.</summary>
    public int K { get; }

    /// <summary>Entries kept so far.</summary>
    public int Count => _count;

    /// <summary>Distance beyond which a row is useless: the k-th so far, or the limit while there are fewer than k.</summary>
    public float Bound => _count < K ? _limit : _distances[0];

    /// <summary>Forgets everything.</summary>
    /// <param name="limit">Largest distance of a row that is kept.</param>
    public void Clear(float limit = float.PositiveInfinity) => (_count, _limit) = (0, limit);

    /// <summary>Takes a row in if it is among the nearest so far and within the limit.</summary>
    /// <param name="distance">Smaller is nearer.</param>
    /// <param name="row">The row's number.</param>
    public void Push(float distance, int row)
    {
        if (!(distance <= _limit)) return;
        if (_count < K)
        {
            if (_count == _rows.Length) Grow();
            int place = _count++;
            while (place > 0)
            {
                int parent = (place - 1) / 2;
                if (!Farther(distance, row, _distances[parent], _rows[parent])) break;
                _distances[place] = _distances[parent];
                _rows[place] = _rows[parent];
                place = parent;
            }

            _distances[place] = distance;
            _rows[place] = row;
        }
        else if (Farther(_distances[0], _rows[0], distance, row))
        {
            SiftDown(distance, row, _count);
        }
    }

    /// <summary>Takes many rows in.</summary>
    /// <param name="distances">Smaller is nearer.</param>
    /// <param name="rows">The rows' numbers, as many.</param>
    /// <param name="firstRow">What is added to each number.</param>
    public void Push(ReadOnlySpan<float> distances, ReadOnlySpan<int> rows, int firstRow = 0)
    {
        for (int i = 0; i < distances.Length; i++)
        {
            if (distances[i] <= Bound) Push(distances[i], rows[i] + firstRow);
        }
    }

    /// <summary>Empties the heap into spans, nearest first.</summary>
    /// <param name="rows">Receives <see cref="Count"/> rows.</param>
    /// <param name="distances">Receives as many distances.</param>
    /// <returns>How many.</returns>
    public int Drain(Span<int> rows, Span<float> distances)
    {
        int count = _count;
        for (int place = count - 1; place >= 0; place--)
        {
            rows[place] = _rows[0];
            distances[place] = _distances[0];
            float lastDistance = _distances[place];
            int lastRow = _rows[place];
            SiftDown(lastDistance, lastRow, place);
        }

        _count = 0;
        return count;
    }

    /// <summary>Copies the entries, nearest first, and keeps them.</summary>
    /// <param name="rows">Receives <see cref="Count"/> rows.</param>
    /// <returns>How many.</returns>
    public int CopyTo(Span<int> rows)
    {
        var keys = new (float Distance, int Row)[_count];
        for (int i = 0; i < _count; i++) keys[i] = (_distances[i], _rows[i]);
        Array.Sort(keys);
        for (int i = 0; i < keys.Length; i++) rows[i] = keys[i].Row;
        return _count;
    }

    private void Grow()
    {
        int capacity = (int)Math.Min(K, 2L * _rows.Length);
        Array.Resize(ref _distances, capacity);
        Array.Resize(ref _rows, capacity);
    }

    private static bool Farther(float distance, int row, float otherDistance, int otherRow) =>
        distance > otherDistance || (distance == otherDistance && row > otherRow);

    /// <summary>Puts an entry in at the top of a heap of <paramref name="count"/> places and lets it sink.</summary>
    private void SiftDown(float distance, int row, int count)
    {
        int place = 0;
        while (true)
        {
            int child = (2 * place) + 1;
            if (child >= count) break;
            if (child + 1 < count && Farther(_distances[child + 1], _rows[child + 1], _distances[child], _rows[child])) child++;
            if (!Farther(_distances[child], _rows[child], distance, row)) break;
            _distances[place] = _distances[child];
            _rows[place] = _rows[child];
            place = child;
        }

        _distances[place] = distance;
        _rows[place] = row;
    }
}
