namespace Vlc.Search;

/// <summary>
/// The k nearest of what was offered, by (distance, row): a bounded heap with the farthest on top. Equal distances are ordered by row, so
/// that the result does not depend on the order of offers.
/// </summary>
public sealed class TopK
{
    private readonly float[] _distances;
    private readonly int[] _rows;
    private int _count;

    /// <summary>Makes room for <paramref name="k"/> entries.</summary>
    /// <param name="k">At least 1.</param>
    public TopK(int k)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(k, 1);
        _distances = new float[k];
        _rows = new int[k];
    }

    /// <summary>Most entries kept.</summary>
    public int K => _distances.Length;

    /// <summary>Entries kept so far.</summary>
    public int Count => _count;

    /// <summary>Distance beyond which an offer is useless: the k-th so far, or infinity while there are fewer than k.</summary>
    public float Bound => _count < K ? float.PositiveInfinity : _distances[0];

    /// <summary>Forgets everything.</summary>
    public void Clear() => _count = 0;

    /// <summary>Offers a row.</summary>
    /// <param name="distance">Smaller is nearer.</param>
    /// <param name="row">The row's number.</param>
    public void Offer(float distance, int row)
    {
        if (_count < K)
        {
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

    /// <summary>Offers many rows.</summary>
    /// <param name="distances">Smaller is nearer.</param>
    /// <param name="rows">The rows' numbers, as many.</param>
    public void Offer(ReadOnlySpan<float> distances, ReadOnlySpan<int> rows)
    {
        for (int i = 0; i < distances.Length; i++)
        {
            if (distances[i] <= Bound) Offer(distances[i], rows[i]);
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
