using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using Vlc.Numerics.Kernels;
using Vlc.Numerics.Randomness;
using Vlc.Numerics.Threading;

namespace Vlc.Bench;

/// <summary>
/// Synthetic vectors of any number and dimension, in clusters of clusters, whose spectrum falls like that of embeddings. They measure
/// growth where no real set is large enough. Row i depends on the seed and i alone.
/// </summary>
/// <remarks>
/// A row is topic + subtopic + noise, each Gaussian with variance 1 / (k + 3) on axis k and a share of 0.35, 0.35 and 0.3 of it. Subtopics
/// follow Zipf's law. The noise of a row is scaled by a factor of its own from 0.5 to 1.5. A product of reflections rotates the axes, so
/// that no coordinate is better than another. Recall on such data shows how a codec grows, not what it reaches on embeddings.
/// </remarks>
internal sealed class EmbeddingLikeVectors
{
    private const int RowsPerBlock = 4096, SubtopicsPerTopic = 64, Reflections = 3;
    private const double TopicShare = 0.35, SubtopicShare = 0.35;
    private const ulong ModelStream = 0xE3B, RowStream = 0x1_0000_0000, QueryStream = 0x2_0000_0000;

    private readonly ulong _seed;
    private readonly int _dimension;
    private readonly float[] _subtopics;
    private readonly double[] _cumulative;
    private readonly float[] _deviations;
    private readonly float[][] _normals;

    /// <param name="rows">Rows of the base; there is a subtopic for every 256 of them, 64 to 16,384.</param>
    /// <param name="dimension">Components of a row.</param>
    /// <param name="seed">The same seed gives the same vectors.</param>
    public EmbeddingLikeVectors(long rows, int dimension, ulong seed)
    {
        _seed = seed;
        _dimension = dimension;
        int subtopics = (int)Math.Clamp(rows / 256, SubtopicsPerTopic, 16_384);
        var random = new SeededRandom(seed, ModelStream);
        double total = Enumerable.Range(0, dimension).Sum(axis => 1.0 / (axis + 3));
        _deviations = [.. Enumerable.Range(0, dimension).Select(axis => (float)Math.Sqrt(1.0 / ((axis + 3) * total)))];
        _subtopics = new float[subtopics * dimension];
        var topic = new float[dimension];
        for (int subtopic = 0; subtopic < subtopics; subtopic++)
        {
            if (subtopic % SubtopicsPerTopic == 0) Draw(random, Math.Sqrt(TopicShare), topic);
            Span<float> centre = _subtopics.AsSpan(subtopic * dimension, dimension);
            Draw(random, Math.Sqrt(SubtopicShare), centre);
            for (int axis = 0; axis < dimension; axis++) centre[axis] += topic[axis];
        }

        _cumulative = new double[subtopics];
        double mass = 0;
        for (int subtopic = 0; subtopic < subtopics; subtopic++) _cumulative[subtopic] = mass += 1.0 / (subtopic + 10);
        _normals = new float[Reflections][];
        for (int i = 0; i < Reflections; i++)
        {
            _normals[i] = new float[dimension];
            foreach (ref float value in _normals[i].AsSpan()) value = random.NextGaussian();
        }
    }

    /// <summary>Writes a base, and queries of the same distribution that are not in it, as fbin.</summary>
    /// <param name="arguments">--rows N --dim D --out FILE.fbin [--queries FILE.fbin] [--query-rows N] [--seed S].</param>
    public static int Run(string[] arguments)
    {
        var named = new Dictionary<string, string>();
        for (int i = 0; i + 1 < arguments.Length; i += 2) named[arguments[i]] = arguments[i + 1];
        if (!named.TryGetValue("--rows", out string? rows) || !named.TryGetValue("--dim", out string? dimension)
            || !named.TryGetValue("--out", out string? path))
        {
            Console.Error.WriteLine("usage: generate --rows N --dim D --out FILE.fbin [--queries FILE.fbin] [--query-rows N] [--seed S]");
            return 2;
        }

        int count = int.Parse(rows, CultureInfo.InvariantCulture);
        var vectors = new EmbeddingLikeVectors(
            count, int.Parse(dimension, CultureInfo.InvariantCulture),
            ulong.Parse(named.GetValueOrDefault("--seed", "1"), CultureInfo.InvariantCulture));
        vectors.Write(path, count, queries: false);
        if (named.TryGetValue("--queries", out string? queryPath))
        {
            vectors.Write(
                queryPath, int.Parse(named.GetValueOrDefault("--query-rows", "1000"), CultureInfo.InvariantCulture), queries: true);
        }

        return 0;
    }

    /// <summary>Writes <paramref name="count"/> rows of the base or of the queries as fbin, block by block.</summary>
    public void Write(string path, int count, bool queries)
    {
        using FileStream stream = File.Create(path, bufferSize: 1 << 20);
        Span<byte> header = stackalloc byte[2 * sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(header, (uint)count);
        BinaryPrimitives.WriteUInt32LittleEndian(header[sizeof(uint)..], (uint)_dimension);
        stream.Write(header);
        int blocksAtOnce = 2 * Environment.ProcessorCount;
        var rows = new float[blocksAtOnce * RowsPerBlock * _dimension];
        for (int first = 0; first < count; first += blocksAtOnce * RowsPerBlock)
        {
            int rowsHere = Math.Min(blocksAtOnce * RowsPerBlock, count - first), firstBlock = first / RowsPerBlock;
            BlockScheduler.Run(
                BlockScheduler.BlockCount(rowsHere, RowsPerBlock), Environment.ProcessorCount,
                (block, _) => Fill(
                    new SeededRandom(_seed, (queries ? QueryStream : RowStream) + (ulong)(firstBlock + block)),
                    rows.AsSpan(
                        block * RowsPerBlock * _dimension, Math.Min(RowsPerBlock, rowsHere - (block * RowsPerBlock)) * _dimension)));
            stream.Write(MemoryMarshal.AsBytes(rows.AsSpan(0, rowsHere * _dimension)));
        }
    }

    private void Fill(SeededRandom random, Span<float> rows)
    {
        for (int offset = 0; offset < rows.Length; offset += _dimension)
        {
            Span<float> row = rows.Slice(offset, _dimension);
            int position = Array.BinarySearch(_cumulative, random.NextDouble() * _cumulative[^1]);
            int subtopic = Math.Min(position < 0 ? ~position : position, _cumulative.Length - 1);
            Draw(random, Math.Sqrt(1 - TopicShare - SubtopicShare) * (0.5 + random.NextDouble()), row);
            ReadOnlySpan<float> centre = _subtopics.AsSpan(subtopic * _dimension, _dimension);
            for (int axis = 0; axis < _dimension; axis++) row[axis] += centre[axis];
            foreach (float[] normal in _normals)
            {
                float factor = 2 * Distances.Dot(row, normal) / Distances.Dot(normal, normal);
                for (int axis = 0; axis < _dimension; axis++) row[axis] -= factor * normal[axis];
            }
        }
    }

    private void Draw(SeededRandom random, double scale, Span<float> vector)
    {
        for (int axis = 0; axis < vector.Length; axis++) vector[axis] = (float)scale * _deviations[axis] * random.NextGaussian();
    }
}
