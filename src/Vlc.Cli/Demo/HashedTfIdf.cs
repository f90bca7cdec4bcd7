using System.Numerics.Tensors;
using System.Text;

namespace Vlc.Cli.Demo;

/// <summary>A part of a document and how much its terms count.</summary>
internal readonly record struct TextField(string Text, float Weight);

/// <summary>
/// Term weights with hashed features: a term's bucket is its hash, so there is no dictionary of words to keep, and
/// of the buckets only those seen in at least two documents become columns. An entry is idf * sum over fields of
/// weight * (1 + ln tf), with idf = ln((1 + n) / (1 + df)) to the power of <see cref="IdfExponent"/>; a row has unit length.
/// </summary>
internal sealed class HashedTfIdf
{
    /// <summary>
    /// Squared, so that "json" tells members apart where "object" and "convert" do not: the documentation of
    /// programs repeats a small vocabulary, and a plain idf leaves its common words the upper hand.
    /// </summary>
    public const float IdfExponent = 2f;

    /// <summary>The packs' 10,000 terms or so share these; one in forty shares its bucket.</summary>
    private const int BucketCount = 1 << 18;

    /// <summary>A term of one document places that document nowhere among the others.</summary>
    private const int MinDocumentFrequency = 2;

    private readonly int[] _columnOfBucket;
    private readonly float[] _inverseDocumentFrequency;

    private HashedTfIdf(int[] columnOfBucket, float[] inverseDocumentFrequency) =>
        (_columnOfBucket, _inverseDocumentFrequency) = (columnOfBucket, inverseDocumentFrequency);

    /// <summary>Columns of every row: the buckets in use.</summary>
    public int ColumnCount => _inverseDocumentFrequency.Length;

    /// <summary>Learns document frequencies and weighs the documents by them.</summary>
    /// <param name="count">Number of documents.</param>
    /// <param name="fieldsOf">The fields of a document; called once for each, from several threads.</param>
    /// <param name="parallel">Thread count and cancellation; the result does not depend on them.</param>
    public static (HashedTfIdf Model, SparseMatrix Rows) Fit(int count, Func<int, TextField[]> fieldsOf, ParallelOptions parallel)
    {
        TermCounts[] documents = new TermCounts[count];
        Parallel.For(0, count, parallel, static () => new TermCounter(), (i, _, counter) =>
        {
            documents[i] = counter.Count(fieldsOf(i));
            return counter;
        }, static _ => { });

        int[] documentFrequency = new int[BucketCount];
        foreach (TermCounts document in documents)
        {
            foreach (int bucket in document.Buckets) documentFrequency[bucket]++;
        }

        int[] columnOfBucket = new int[BucketCount];
        List<float> idf = [];
        for (int bucket = 0; bucket < BucketCount; bucket++)
        {
            int frequency = documentFrequency[bucket];
            columnOfBucket[bucket] = frequency < MinDocumentFrequency ? -1 : idf.Count;
            if (frequency >= MinDocumentFrequency) idf.Add(MathF.Pow(MathF.Log((1f + count) / (1f + frequency)), IdfExponent));
        }

        HashedTfIdf model = new(columnOfBucket, [.. idf]);
        return (model, model.Assemble(documents));
    }

    /// <summary>Weighs one document by the learned frequencies; an empty row when none of its terms is known.</summary>
    public SparseMatrix Transform(params ReadOnlySpan<TextField> fields) => Assemble([new TermCounter().Count(fields)]);

    /// <summary>The bucket of a term.</summary>
    public static int Bucket(ReadOnlySpan<char> term)
    {
        Span<byte> utf8 = stackalloc byte[EnglishTerms.MaxLength * 3];
        ulong hash = Fnv1a(utf8[..Encoding.UTF8.GetBytes(term, utf8)]);
        return (int)((hash ^ (hash >> 32)) & (BucketCount - 1));
    }

    /// <summary>64-bit FNV-1a: the same on every machine and run, which string.GetHashCode is not.</summary>
    public static ulong Fnv1a(ReadOnlySpan<byte> bytes)
    {
        ulong hash = 0xcbf29ce484222325;
        foreach (byte b in bytes) hash = unchecked((hash ^ b) * 0x100000001b3);
        return hash;
    }

    private SparseMatrix Assemble(TermCounts[] documents)
    {
        int[] starts = new int[documents.Length + 1];
        for (int i = 0; i < documents.Length; i++)
        {
            starts[i + 1] = starts[i];
            foreach (int bucket in documents[i].Buckets) starts[i + 1] += _columnOfBucket[bucket] >= 0 ? 1 : 0;
        }

        int[] columns = new int[starts[^1]];
        float[] values = new float[starts[^1]];
        int next = 0;
        for (int i = 0; i < documents.Length; i++)
        {
            TermCounts document = documents[i];
            for (int t = 0; t < document.Buckets.Length; t++)
            {
                int column = _columnOfBucket[document.Buckets[t]];
                if (column < 0) continue;
                columns[next] = column;
                values[next++] = document.Weights[t] * _inverseDocumentFrequency[column];
            }

            Span<float> row = values.AsSpan(starts[i]..next);
            float norm = row.IsEmpty ? 0f : TensorPrimitives.Norm<float>(row);
            if (norm > 0f) TensorPrimitives.Divide(row, norm, row);
        }

        return new SparseMatrix(starts, columns, values, ColumnCount);
    }

    private readonly record struct TermCounts(int[] Buckets, float[] Weights);

    /// <summary>Counts the terms of one document after another, in arrays over all buckets that it leaves clean.</summary>
    private sealed class TermCounter
    {
        private readonly int[] _frequency = new int[BucketCount];
        private readonly float[] _weight = new float[BucketCount];
        private readonly List<int> _ofField = [];
        private readonly List<int> _ofDocument = [];

        public TermCounts Count(ReadOnlySpan<TextField> fields)
        {
            _ofDocument.Clear();
            foreach (TextField field in fields) Add(field);

            int[] buckets = [.. _ofDocument];
            Array.Sort(buckets);
            float[] weights = new float[buckets.Length];
            for (int i = 0; i < buckets.Length; i++)
            {
                weights[i] = _weight[buckets[i]];
                _weight[buckets[i]] = 0f;
            }

            return new TermCounts(buckets, weights);
        }

        private void Add(TextField field)
        {
            _ofField.Clear();
            foreach (ReadOnlySpan<char> term in new EnglishTerms(field.Text, stackalloc char[EnglishTerms.MaxLength]))
            {
                int bucket = Bucket(term);
                if (_frequency[bucket]++ == 0) _ofField.Add(bucket);
            }

            foreach (int bucket in _ofField)
            {
                if (_weight[bucket] == 0f) _ofDocument.Add(bucket);
                _weight[bucket] += field.Weight * (1f + MathF.Log(_frequency[bucket]));
                _frequency[bucket] = 0;
            }
        }
    }
}
