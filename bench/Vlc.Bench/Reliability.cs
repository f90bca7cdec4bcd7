using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using Vlc.Anchors;
using Vlc.Codecs;
using Vlc.Core.Tests.Storage;
using Vlc.Formats;
using Vlc.Indexing;
using Vlc.Numerics.Randomness;
using Vlc.Search;
using Vlc.Storage;
using Vlc.Vectors;

namespace Vlc.Bench;

/// <summary>
/// Long runs of what docs/reliability.md promises: <c>reliability replace OPENS</c>, <c>reliability writers TRIES</c>, <c>reliability
/// hostile CASES</c>, and what checksums cost:
/// <c>reliability checks FILE</c>.
/// </summary>
internal static class Reliability
{
    private const int Dimension = 8;
    private const int Count = 400;

    public static int Run(string[] options) => options switch
    {
        ["replace", var opens] => Replace(Number(opens)),
        ["writers", var tries] => Write(Number(tries)),
        ["hostile", var cases] => Mutate(Number(cases)),
        ["checks", var file] => Check(file),
        _ => throw new ArgumentException("reliability replace OPENS | writers TRIES | hostile CASES | checks FILE"),
    };

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);

    /// <summary>Replaces an index without end while 8 readers open and search it, until they have opened it so often.</summary>
    private static int Replace(int opens)
    {
        using var folder = new Folder();
        float[][] rows = [Rows(1), Rows(2)];
        Build(folder.Base, rows[0], 1);
        var failures = new ConcurrentQueue<string>();
        int done = 0, replacements = 0;
        Thread[] readers = [.. Enumerable.Range(0, 8).Select(_ => new Thread(() =>
        {
            while (Volatile.Read(ref done) < opens)
            {
                try
                {
                    using VlcIndex index = VlcIndex.Open(folder.Base);
                    float[] own = rows[(int)index.Manifest.Seed - 1];
                    var found = new int[1];
                    index.Search(own.AsSpan(0, Dimension), found, new float[1], SearchOptions.Exhaustive);
                    if (found[0] != 0) failures.Enqueue($"state {index.Manifest.Seed}: row {found[0]}");
                }
                catch (Exception exception)
                {
                    failures.Enqueue(exception.Message);
                }

                Interlocked.Increment(ref done);
            }
        }))];
        foreach (Thread reader in readers) reader.Start();
        for (int state = 1; Volatile.Read(ref done) < opens; state = 1 - state, replacements++)
        {
            Build(folder.Base, rows[state], (ulong)state + 1);
        }

        foreach (Thread reader in readers) reader.Join();
        foreach (string failure in failures.Take(5)) Console.WriteLine(failure);
        Console.WriteLine($"{done} opens by 8 readers, {replacements} replacements, {failures.Count} failures");
        return failures.IsEmpty ? 0 : 1;
    }

    /// <summary>Two writers at once, again and again: one of them builds, or both one after the other, and the index is whole.</summary>
    private static int Write(int tries)
    {
        using var folder = new Folder();
        float[][] rows = [Rows(1), Rows(2)];
        int refused = 0, failures = 0;
        for (int attempt = 0; attempt < tries; attempt++)
        {
            int built = 0;
            Parallel.For(0, 2, writer =>
            {
                try
                {
                    Build(folder.Base, rows[writer], (ulong)writer + 1);
                    Interlocked.Increment(ref built);
                }
                catch (IndexInUseException)
                {
                    Interlocked.Increment(ref refused);
                }
            });
            ulong seed = IndexInfo.Verify(folder.Base).Manifest.Seed;
            if (built == 0 || seed is not (1 or 2) || Directory.GetFiles(folder.Path).Length > 6) failures++;
        }

        Console.WriteLine($"{tries} times two writers, {refused} refused, {failures} failures");
        return failures == 0 ? 0 : 1;
    }

    /// <summary>
    /// Extreme fields under right checksums: whatever is neither an answer nor a refusal, or takes more than 1 s or 256 MiB, is a failure.
    /// </summary>
    private static int Mutate(int cases)
    {
        int failures = 0, opened = 0;
        double longest = 0;
        foreach (CodecKind codec in (CodecKind[])[CodecKind.Packed, CodecKind.Int8, CodecKind.Float16])
        {
            using var folder = new Folder();
            Build(folder.Base, Rows(1), 1, codec);
            Dictionary<IndexFileId, byte[]> whole = IndexInfo.Read(folder.Base).Manifest.Files.Prepend(IndexFileId.Manifest)
                .ToDictionary(file => file, file => File.ReadAllBytes(IndexFiles.Final(folder.Base).Path(file)));
            for (int seed = 1; seed <= cases / 3; seed++)
            {
                long before = GC.GetAllocatedBytesForCurrentThread(), start = Stopwatch.GetTimestamp();
                string? problem = null;
                try
                {
                    var mutated = new MemoryContainer(HostileMutator.Mutate(whole, (ulong)seed));
                    OpenedIndex index = OpenedIndex.Open(SectionReader.Open(mutated));
                    index.Searcher.Search(
                        new float[index.Manifest.Dimension], new int[3], new float[3], SearchOptions.Exhaustive, observation: null,
                        CancellationToken.None);
                    index.Release();
                    opened++;
                }
                catch (VlcFormatException)
                {
                }
                catch (ArgumentException exception) when (exception.Message.Contains("no cosine", StringComparison.Ordinal))
                {
                    // A changed metric; the query is zero.
                }
                catch (Exception exception)
                {
                    problem = exception.GetType().Name + ": " + exception.Message;
                }

                double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
                longest = Math.Max(longest, seconds);
                long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
                if (allocated > 256L << 20) problem ??= $"{allocated} bytes";
                if (seconds > 1) problem ??= $"{seconds:F1} s";
                if (problem is null) continue;
                failures++;
                Console.WriteLine($"{codec}, seed {seed}: {problem}");
            }
        }

        Console.WriteLine($"{cases} cases, {opened} opened, {failures} failures, the longest {longest:F2} s");
        return failures == 0 ? 0 : 1;
    }

    /// <summary>
    /// Opens and searches an index of a file under each policy, in turns; prints times as ratios to those without checks.
    /// </summary>
    private static int Check(string file)
    {
        using var folder = new Folder();
        using VectorSource source = VectorFiles.Open(file);
        var training = new AnchorTrainingOptions { MaxIterations = 3 };
        IndexBuilder.Build(source, folder.Base, new IndexOptions { Codec = CodecKind.Int8, TuningRows = 100, Training = training });
        var queries = new float[200 * source.Dimension];
        source.Read(0, 200, queries);
        ChecksumPolicy[] policies = [ChecksumPolicy.Never, ChecksumPolicy.FirstTouch, ChecksumPolicy.AtOpen];
        var seconds = new List<double>[3, 3];
        for (int i = 0; i < 9; i++) seconds[i / 3, i % 3] = [];
        for (int round = 0; round < 15; round++)
        {
            for (int policy = 0; policy < 3; policy++)
            {
                long start = Stopwatch.GetTimestamp();
                using VlcIndex index = VlcIndex.Open(folder.Base, new OpenOptions { Checksums = policies[policy] });
                seconds[policy, 0].Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
                for (int pass = 1; pass <= 2; pass++)
                {
                    start = Stopwatch.GetTimestamp();
                    for (int query = 0; query < 200; query++)
                    {
                        index.Search(queries.AsSpan(query * source.Dimension, source.Dimension), new int[10], new float[10],
                            new SearchOptions { Probes = 20 });
                    }

                    seconds[policy, pass].Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
                }
            }
        }

        for (int policy = 0; policy < 3; policy++)
        {
            string Ratio(int what)
            {
                double least = Least(seconds[policy, what]);
                return $"{least * 1e3:F2} ms ({least / Least(seconds[0, what]):F2})";
            }

            Console.WriteLine($"{policies[policy],-10}  open {Ratio(0)}, first 200 queries {Ratio(1)}, the same again {Ratio(2)}");
        }

        return 0;
    }

    /// <summary>The least of several takings of turns: what others on the machine do can only add to it.</summary>
    private static double Least(List<double> values) => values.Min();

    private static float[] Rows(ulong seed)
    {
        var random = new SeededRandom(seed, 1);
        return [.. Enumerable.Range(0, Count * Dimension).Select(_ => random.NextGaussian())];
    }

    private static void Build(string path, float[] rows, ulong seed, CodecKind codec = CodecKind.Int8)
    {
        using var source = new InMemoryVectors(rows, Dimension);
        IndexBuilder.Build(source, path, new IndexOptions
        {
            Codec = codec, Jacobians = codec == CodecKind.Int8 ? seed == 1 : null, TuningRows = codec == CodecKind.Int8 ? 0 : 20,
            Training = new AnchorTrainingOptions { AnchorCount = 10, Seed = seed, Threads = 1 },
        });
    }

    private sealed class Folder : IDisposable
    {
        public string Path { get; } = Directory.CreateTempSubdirectory("vlc-reliability-").FullName;

        public string Base => System.IO.Path.Combine(Path, "index");

        public void Dispose() => Directory.Delete(Path, recursive: true);
    }
}
