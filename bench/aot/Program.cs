using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using Vlc.Indexing;
using Vlc.Numerics;
using Vlc.Numerics.Randomness;
using Vlc.Search;
using Vlc.Vectors;

// One index built and searched in one process, as a line of tab-separated fields. bench/aot.sh publishes this program in several ways.
const int Rows = 20_000, Dimension = 128, Clusters = 64, Queries = 500, K = 10;

float[] centres = Gaussians(new SeededRandom(1), Clusters, 0.8f);
var random = new SeededRandom(2);
float[] rows = Clustered(random, Rows), queries = Clustered(random, Queries);
string folder = Directory.CreateTempSubdirectory("vlc-aot-").FullName;
try
{
    string basePath = Path.Combine(folder, "index");
    long clock = Stopwatch.GetTimestamp();
    IndexBuilder.Build(new InMemoryVectors(rows, Dimension), basePath, new IndexOptions());
    double build = Stopwatch.GetElapsedTime(clock).TotalSeconds;
    using VlcIndex index = VlcIndex.Open(basePath);
    double planned = Microseconds(index, null), exhaustive = Microseconds(index, SearchOptions.Exhaustive);
    Console.WriteLine(string.Create(
        CultureInfo.InvariantCulture, $"{InstructionSets.Level}\t{build:F3}\t{planned:F2}\t{exhaustive:F2}\t{Digest(folder)}"));
}
finally
{
    Directory.Delete(folder, recursive: true);
}

// Time of one search, by the best of five passes over the queries: compilation and page faults are in the first ones alone.
double Microseconds(VlcIndex index, SearchOptions? options)
{
    int[] ids = new int[K];
    float[] scores = new float[K];
    double best = double.PositiveInfinity;
    for (int pass = 0; pass < 5; pass++)
    {
        long clock = Stopwatch.GetTimestamp();
        for (int i = 0; i < Queries; i++) index.Search(queries.AsSpan(i * Dimension, Dimension), ids, scores, options);
        best = Math.Min(best, Stopwatch.GetElapsedTime(clock).TotalMicroseconds / Queries);
    }

    return best;
}

// Rows around random centres, with a variance that falls along the axes as that of embeddings does.
float[] Clustered(SeededRandom source, int count)
{
    float[] values = Gaussians(source, count, 0.6f);
    for (int row = 0; row < count; row++)
    {
        int centre = (int)source.NextInt64(Clusters);
        for (int axis = 0; axis < Dimension; axis++) values[(row * Dimension) + axis] += centres[(centre * Dimension) + axis];
    }

    return values;
}

static float[] Gaussians(SeededRandom source, int count, float scale)
{
    float[] values = new float[count * Dimension];
    for (int i = 0; i < values.Length; i++) values[i] = scale * source.NextGaussian() / MathF.Sqrt((i % Dimension) + 3);
    return values;
}

static string Digest(string folder)
{
    using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    foreach (string path in Directory.GetFiles(folder).Order(StringComparer.Ordinal)) hash.AppendData(File.ReadAllBytes(path));
    return Convert.ToHexStringLower(hash.GetHashAndReset())[..12];
}
