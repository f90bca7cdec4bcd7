using Vlc.Vectors;

namespace Vlc.Search;

/// <summary>Reads the original vector of a row.</summary>
/// <param name="row">Row number.</param>
/// <param name="vector">Receives d floats.</param>
public delegate void ReadOriginal(int row, Span<float> vector);

/// <summary>
/// Ranks the best candidates of a scan again by exact distances to their originals. The originals are the caller's: an index does not hold
/// them, and recall that is reached with them is not recall of the codes.
/// </summary>
public sealed class Reranking
{
    private readonly ReadOriginal _read;

    /// <summary>Originals that are read by a callback.</summary>
    /// <param name="read">Called for each candidate, by several threads at once where a batch is searched.</param>
    public Reranking(ReadOriginal read)
    {
        ArgumentNullException.ThrowIfNull(read);
        _read = read;
    }

    /// <summary>Originals of a source whose rows are numbered as those of the index; one thread at a time reads from it.</summary>
    /// <param name="originals">The source, which must stay open.</param>
    public Reranking(VectorSource originals)
    {
        ArgumentNullException.ThrowIfNull(originals);
        var turn = new Lock();
        _read = (row, vector) =>
        {
            lock (turn) originals.Read(row, 1, vector);
        };
    }

    /// <summary>Candidates for each neighbour wanted; at least 1.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Less than 1.</exception>
    public int CandidatesPerNeighbor
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 1);
            field = value;
        }
    } = 4;

    /// <summary>Scores of the metric, exact but for rounding to float32, for candidates; sorted, best first, ties by row.</summary>
    /// <param name="query">d floats.</param>
    /// <param name="metric">The metric.</param>
    /// <param name="candidates">Row numbers; sorted alike.</param>
    /// <param name="scores">Receives as many scores.</param>
    internal void Rank(ReadOnlySpan<float> query, Metric metric, Span<int> candidates, Span<float> scores)
    {
        var vector = new float[query.Length];
        double querySquared = 0;
        foreach (float value in query) querySquared += (double)value * value;
        var keys = new (double Distance, int Row, float Score)[candidates.Length];
        for (int i = 0; i < keys.Length; i++)
        {
            _read(candidates[i], vector);
            double product = 0, squared = 0, distance = 0;
            for (int k = 0; k < vector.Length; k++)
            {
                product += (double)query[k] * vector[k];
                squared += (double)vector[k] * vector[k];
                distance += ((double)query[k] - vector[k]) * ((double)query[k] - vector[k]);
            }

            double score = metric switch
            {
                Metric.InnerProduct => product,
                Metric.Cosine => product / Math.Sqrt(squared * querySquared),
                _ => distance,
            };
            keys[i] = (metric == Metric.L2 ? score : -score, candidates[i], (float)score);
        }

        Array.Sort(keys);
        for (int i = 0; i < keys.Length; i++) (candidates[i], scores[i]) = (keys[i].Row, keys[i].Score);
    }
}
