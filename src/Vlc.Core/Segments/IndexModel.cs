using System.Numerics.Tensors;
using Vlc.Anchors;
using Vlc.Codecs;
using Vlc.Compute;
using Vlc.Numerics.Kernels;
using Vlc.Probing;
using Vlc.Scanning;
using Vlc.Storage;
using Vlc.Vectors;

namespace Vlc.Segments;

/// <summary>
/// What all segments of an index share: anchors, the codec's model, metric, scale and probing curve. It knows how rows are assigned and
/// coded, how a query is prepared, and how cells are ranked. Immutable.
/// </summary>
internal sealed class IndexModel : IDisposable
{
    private readonly float[] _anchors;
    private readonly PackedMatrix _packedAnchors;
    private readonly float[] _centre;
    private readonly float[] _halfNorms;

    /// <summary>Readies a model.</summary>
    /// <param name="manifest">Of the index.</param>
    /// <param name="codec">The codec's model; disposed of with this.</param>
    public IndexModel(Manifest manifest, CodecModel codec)
    {
        Codec = codec;
        Metric = manifest.Metric;
        ScaleExponent = manifest.ScaleExponent;
        Scale = MathF.ScaleB(1, manifest.ScaleExponent);
        Curve = manifest.Scan;
        TargetRecall = manifest.TargetRecall;
        _anchors = codec.DecodeAnchors();

        // Anchors are ranked by ½‖a‖² - q·a, around their centre: far from the origin the difference would drown in rounding. A product is
        // ranked as it is.
        _centre = new float[Dimension];
        _halfNorms = new float[AnchorCount];
        float[] ranked = _anchors;
        if (Metric != Metric.InnerProduct)
        {
            _centre = Mean(_anchors, Dimension);
            ranked = Centred(_anchors, _centre);
            NearestColumn.HalfSquaredNorms(ranked, Dimension, _halfNorms);
        }

        _packedAnchors = new PackedMatrix(ranked, AnchorCount, Dimension);
    }

    public CodecModel Codec { get; }

    public Metric Metric { get; }

    /// <summary>e: vectors are stored times 2^e.</summary>
    public int ScaleExponent { get; }

    /// <summary>2^e.</summary>
    public float Scale { get; }

    /// <summary>Recall against scanned rows, measured when the model was learned; null where it was not.</summary>
    public ProbingCurve? Curve { get; }

    /// <summary>Recall@10 that the model was learned for.</summary>
    public double TargetRecall { get; }

    /// <summary>d.</summary>
    public int Dimension => Codec.Dimension;

    /// <summary>m.</summary>
    public int AnchorCount => Codec.AnchorCount;

    /// <summary>Row-major, m x d, in scaled units.</summary>
    public ReadOnlyMemory<float> Anchors => _anchors;

    /// <summary>An anchor, in scaled units.</summary>
    public ReadOnlySpan<float> Anchor(int cell) => _anchors.AsSpan(cell * Dimension, Dimension);

    /// <summary>Memory for a running query.</summary>
    /// <param name="largestList">Rows of the longest list.</param>
    public QueryScratch CreateScratch(int largestList) => new(Metric, Dimension, AnchorCount, largestList, Codec.CreateQueryState());

    /// <summary>Brings a query to what rows were brought to: unit length for cosine, scaled units.</summary>
    /// <param name="query">d finite floats.</param>
    /// <param name="scratch">Receives it.</param>
    /// <exception cref="ArgumentException">Another dimension, a component that is not finite, or zeros under the cosine metric.</exception>
    public void Prepare(ReadOnlySpan<float> query, QueryScratch scratch)
    {
        if (query.Length != Dimension)
        {
            throw new ArgumentException($"The query has {query.Length} dimensions; the index has {Dimension}.", nameof(query));
        }

        if (!TensorPrimitives.IsFiniteAll(query))
        {
            throw new ArgumentException("The query has a component that is NaN or infinite.", nameof(query));
        }

        Span<float> vector = scratch.Vector;
        query.CopyTo(vector);
        if (Metric == Metric.Cosine && !UnitLength.TryNormalize(vector))
        {
            throw new ArgumentException("The query is zero: it has no direction, and so no cosine.", nameof(query));
        }

        TensorPrimitives.Multiply(vector, Scale, vector);
        scratch.CodecState?.Reset();
    }

    /// <summary>Scores every cell and queues them, nearest first.</summary>
    /// <param name="scratch">A prepared query.</param>
    public void RankCells(QueryScratch scratch)
    {
        TensorPrimitives.Subtract(scratch.Vector, _centre, scratch.Centred);
        Span<float> scores = scratch.Cells.Scores;
        scratch.CentredSquared = Distances.Dot(scratch.Centred, scratch.Centred);
        _packedAnchors.Multiply(scratch.Centred, scores);
        TensorPrimitives.Subtract(_halfNorms, scores, scores);
        scratch.Cells.Build();
    }

    /// <summary>From scaled internal distances to what the metric calls a score.</summary>
    public void ToScores(Span<float> distances)
    {
        // Applied twice: the square of a scale beyond 2^63 is no float32.
        float inverse = 1 / Scale;
        switch (Metric)
        {
            case Metric.InnerProduct:
                foreach (ref float value in distances) value = value * -inverse * inverse;
                break;
            case Metric.Cosine:
                foreach (ref float value in distances) value = 1 - (0.5f * value * inverse * inverse);
                break;
            default:
                foreach (ref float value in distances) value = value * inverse * inverse;
                break;
        }
    }

    /// <summary>From a score of the metric to the internal distance that has it: what a threshold means to a scan.</summary>
    public float ToDistance(float score) => Metric switch
    {
        Metric.InnerProduct => -score * Scale * Scale,
        Metric.Cosine => 2 * (1 - score) * Scale * Scale,
        _ => score * Scale * Scale,
    };

    /// <summary>Readies the assignment of rows to cells: each to the nearest anchor, of equally near ones to the lowest.</summary>
    /// <param name="backend">Where to compute.</param>
    /// <param name="threads">Threads to use.</param>
    public CellAssigner CreateAssigner(IComputeBackend backend, int threads) =>
        new(_anchors, Mean(_anchors, Dimension), Dimension, backend, threads);

    public void Dispose()
    {
        _packedAnchors.Dispose();
        Codec.Dispose();
    }

    private static float[] Mean(float[] rows, int dimension)
    {
        var sums = new double[dimension];
        for (int offset = 0; offset < rows.Length; offset += dimension) RowSums.Add(sums, rows.AsSpan(offset, dimension));
        return [.. sums.Select(sum => (float)(sum / (rows.Length / dimension)))];
    }

    private static float[] Centred(float[] rows, float[] centre)
    {
        var centred = new float[rows.Length];
        for (int offset = 0; offset < rows.Length; offset += centre.Length)
        {
            TensorPrimitives.Subtract(rows.AsSpan(offset, centre.Length), centre, centred.AsSpan(offset, centre.Length));
        }

        return centred;
    }
}
