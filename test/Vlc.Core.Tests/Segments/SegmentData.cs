using Vlc.Codecs.Packed;
using Vlc.Indexing;
using Vlc.Numerics.Randomness;
using Vlc.Search;
using Vlc.Segments;
using Vlc.Tests;
using Vlc.Vectors;

namespace Vlc.Core.Tests.Segments;

/// <summary>Indexes of several segments, and what searches answer.</summary>
internal static class SegmentData
{
    public const int K = 10;

    /// <summary>Every codec with every metric.</summary>
    public static TheoryData<CodecKind, Metric> CodecsAndMetrics
    {
        get
        {
            var data = new TheoryData<CodecKind, Metric>();
            foreach (CodecKind codec in Enum.GetValues<CodecKind>())
            {
                foreach (Metric metric in Enum.GetValues<Metric>()) data.Add(codec, metric);
            }

            return data;
        }
    }

    /// <summary>Rows of a packed list whose codes have more axes than the prefix of a scan, and few for the others.</summary>
    public static int Dimension(CodecKind codec) => codec == CodecKind.Packed ? 72 : 12;

    /// <summary>Builds an index of one segment.</summary>
    public static string Build(
        TemporaryFolder folder, float[] rows, int dimension, CodecKind codec, Metric metric = Metric.L2, KeyColumn? keys = null,
        int tuningRows = 0, int threads = 1, string name = "index") => Datasets.Build(
        folder, rows, dimension,
        new IndexOptions
        {
            Codec = codec, Metric = metric, Keys = keys, TuningRows = tuningRows, Packed = new PackedOptions { GroupCount = 2, Level = 0 },
            Training = Datasets.Training(16, threads: threads),
        },
        name);

    /// <summary>Keys: numbers that follow one another.</summary>
    public static KeyColumn Numbers(int first, int count) =>
        KeyColumn.Of([.. Enumerable.Range(first, count).Select(number => (long)number)]);

    /// <summary>Adds rows as one segment.</summary>
    public static AddReport Add(string path, ReadOnlySpan<float> rows, int dimension, KeyColumn? keys = null, int? threads = 2)
    {
        using var source = new InMemoryVectors(rows.ToArray(), dimension);
        return IndexUpdater.Add(path, source, new AddOptions { Keys = keys, Threads = threads });
    }

    /// <summary>Adds rows as so many segments, the first of one row alone.</summary>
    public static void AddParts(string path, float[] rows, int dimension, int parts)
    {
        int count = rows.Length / dimension, first = 0;
        for (int part = 0; part < parts; part++)
        {
            int end = part == parts - 1 ? count : 1 + (int)((long)(count - 1) * part * part / (parts * parts));
            Add(path, rows.AsSpan(first * dimension, (end - first) * dimension), dimension);
            first = end;
        }
    }

    /// <summary>The files of an index by what follows BASE in their names.</summary>
    public static SortedDictionary<string, byte[]> Files(string path)
    {
        var files = new SortedDictionary<string, byte[]>(StringComparer.Ordinal);
        foreach (string file in Directory.GetFiles(Path.GetDirectoryName(path)!, Path.GetFileName(path) + ".*"))
        {
            files[Path.GetFileName(file)[Path.GetFileName(path).Length..]] = File.ReadAllBytes(file);
        }

        return files;
    }

    /// <summary>The files of an index that searches read, but for the manifest.</summary>
    public static SortedDictionary<string, byte[]> SearchedFiles(string path)
    {
        SortedDictionary<string, byte[]> files = Files(path);
        files.Remove(".idx");
        files.Remove(".encoder.bin");
        return files;
    }

    /// <summary>Copies an index to another base in the same folder.</summary>
    public static string Copy(string path, string name)
    {
        string target = Path.Combine(Path.GetDirectoryName(path)!, name);
        foreach ((string suffix, byte[] content) in Files(path)) File.WriteAllBytes(target + suffix, content);
        return target;
    }

    /// <summary>The rows in another order.</summary>
    public static float[] Shuffled(float[] rows, int dimension, ulong seed)
    {
        var random = new SeededRandom(seed, 9);
        int[] order = [.. Enumerable.Range(0, rows.Length / dimension)];
        for (int i = order.Length - 1; i > 0; i--)
        {
            int other = (int)random.NextInt64(i + 1);
            (order[i], order[other]) = (order[other], order[i]);
        }

        return [.. order.SelectMany(row => Datasets.Row(rows, dimension, row).ToArray())];
    }

    /// <summary>What single searches and a batch find: row numbers, and the bits of the scores.</summary>
    public static (int[] Ids, int[] ScoreBits) Answers(VlcIndex index, float[] queries, SearchOptions? options)
    {
        int count = queries.Length / index.Dimension;
        int[] ids = new int[2 * count * K];
        float[] scores = new float[ids.Length];
        for (int query = 0; query < count; query++)
        {
            Span<int> ownIds = ids.AsSpan(query * K, K);
            Span<float> ownScores = scores.AsSpan(query * K, K);
            int found = index.Search(queries.AsSpan(query * index.Dimension, index.Dimension), ownIds, ownScores, options);
            ownIds[found..].Fill(-1);
            ownScores[found..].Fill(float.NaN);
        }

        index.SearchBatch(queries, K, ids.AsMemory(count * K), scores.AsMemory(count * K), options);
        return (ids, [.. scores.Select(BitConverter.SingleToInt32Bits)]);
    }

    /// <summary>Asserts that two indexes answer alike, and each query of a batch as a search of its own.</summary>
    public static void AssertSame(
        VlcIndex expected, VlcIndex found, float[] queries, SearchOptions? options, SearchOptions? optionsOfFound = null)
    {
        (int[] expectedIds, int[] expectedBits) = Answers(expected, queries, options);
        (int[] ids, int[] bits) = Answers(found, queries, optionsOfFound ?? options);
        Assert.Equal(expectedIds, ids);
        Assert.Equal(expectedBits, bits);
        Assert.Equal(ids[..(ids.Length / 2)], ids[(ids.Length / 2)..]);
        Assert.Equal(bits[..(bits.Length / 2)], bits[(bits.Length / 2)..]);
    }

    /// <summary>Asserts that range searches of two indexes answer alike.</summary>
    public static void AssertSameRanges(
        VlcIndex expected, VlcIndex found, float[] queries, float threshold, SearchOptions? options, SearchOptions? optionsOfFound = null)
    {
        for (int query = 0; query < queries.Length / expected.Dimension; query++)
        {
            ReadOnlySpan<float> vector = Datasets.Row(queries, expected.Dimension, query);
            Assert.Equal(expected.SearchRange(vector, threshold, options), found.SearchRange(vector, threshold, optionsOfFound ?? options));
        }
    }

    /// <summary>A score that about half of the nearest rows of the queries reach.</summary>
    public static float MiddleScore(VlcIndex index, float[] queries)
    {
        float[] scores = [.. Answers(index, queries, SearchOptions.Exhaustive).ScoreBits.Select(BitConverter.Int32BitsToSingle).Order()];
        return scores[scores.Length / 2];
    }
}
