using System.Text.Json;
using PureHDF;
using Vlc.Formats;
using Vlc.Tests;
using Vlc.Vectors;

namespace Vlc.Cli.Tests.Commands;

/// <summary>What the commands do and print, on small files.</summary>
public sealed class EndToEndTests
{
    [Theory]
    [InlineData("none", "l2")]
    [InlineData("f16", "ip")]
    [InlineData("int8", "cosine")]
    [InlineData("packed", "cosine")]
    public async Task Index_reports_what_info_finds_on_disk(string codec, string metric)
    {
        using var samples = new SampleVectors();
        JsonElement index = (await samples.Build("--codec", codec, "--metric", metric, "--seed", "5", "--json")).Json();
        JsonElement info = (await CommandRun.Succeeding("info", "--idx", samples.Index, "--json")).Json();

        long onDisk = Directory.GetFiles(Path.GetDirectoryName(samples.Index)!).Sum(path => new FileInfo(path).Length);
        Assert.Equal(onDisk, info.GetProperty("sections").EnumerateArray().Sum(section => section.GetProperty("bytes").GetInt64()));
        // What only updates need is on disk too, and counts in no ratio.
        long searched = info.GetProperty("bytes").GetInt64();
        Assert.Equal(onDisk, searched + info.GetProperty("encoderBytes").GetInt64() + info.GetProperty("keysBytes").GetInt64());
        Assert.Equal(new FileInfo($"{samples.Index}.encoder.bin").Length, info.GetProperty("encoderBytes").GetInt64());
        double ratio = searched / (double)(SampleVectors.Count * SampleVectors.Dimension * sizeof(float));
        Assert.Equal(ratio, info.GetProperty("ratio").GetDouble(), 12);
        Assert.Equal(ratio, index.GetProperty("ratio").GetDouble(), 12);
        Assert.Equal((double)searched / SampleVectors.Count, info.GetProperty("bytesPerVector").GetDouble(), 9);
        foreach (JsonElement document in new[] { index, info })
        {
            Assert.Equal(SampleVectors.Count, document.GetProperty("n").GetInt32());
            Assert.Equal(SampleVectors.Dimension, document.GetProperty("d").GetInt32());
            Assert.Equal(SampleVectors.Anchors, document.GetProperty("m").GetInt32());
            Assert.Equal(metric, document.GetProperty("metric").GetString());
            Assert.Equal(codec, document.GetProperty("codec").GetString());
            Assert.Equal(5, document.GetProperty("seed").GetInt32());
        }

        Assert.All(["train", "assign", "total"], phase => Assert.True(index.GetProperty("seconds").GetProperty(phase).GetDouble() >= 0));
        Assert.All(["iterations", "energy", "distortion"], name => Assert.True(index.GetProperty(name).GetDouble() > 0));
        JsonElement measured = index.GetProperty("measured");
        Assert.Equal((10, 60), (measured.GetProperty("k").GetInt32(), measured.GetProperty("queries").GetInt32()));
        Assert.InRange(measured.GetProperty("recallExhaustive").GetDouble(), codec == "none" ? 0.1 : 0.9, 1);
        Assert.InRange(measured.GetProperty("recallExhaustiveStdErr").GetDouble(), 0, 0.05);
        Assert.InRange(measured.GetProperty("recallStdErr").GetDouble(), 0, 0.05);
        Assert.Equal("heldOutRows", index.GetProperty("tunedOn").GetString());
        // Only packed promises a recall before it writes; on 60 rows the two differ by a neighbour or so of those beyond the candidates.
        Assert.Equal(codec == "packed", index.TryGetProperty("predicted", out JsonElement predicted));
        if (codec == "packed")
        {
            Assert.Equal(measured.GetProperty("recallExhaustive").GetDouble(), predicted.GetProperty("recall").GetDouble(), 0.01);
        }

        Assert.Contains("a search needs", (await CommandRun.Succeeding("info", "--idx", samples.Index)).Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("packed", "--seed", "1")]
    [InlineData("packed", "--jacobians", "auto")]
    [InlineData("int8", "--dims", "9")]
    [InlineData("int8", "--jacobians", "true")]
    [InlineData("int8", "--jacobians", "false")]
    public async Task The_codec_is_packed_unless_an_option_asks_for_the_classic_layout(string codec, string option, string value)
    {
        using var samples = new SampleVectors();
        JsonElement index = (await samples.Build(option, value, "--json")).Json();
        Assert.Equal(codec, index.GetProperty("codec").GetString());
    }

    [Fact]
    public async Task Queries_of_the_users_take_the_place_of_held_out_rows()
    {
        using var samples = new SampleVectors();
        CommandRun run = await samples.Build("--queries", samples.Query, "--json");
        JsonElement measured = run.Json().GetProperty("measured");
        Assert.Equal(samples.Query, run.Json().GetProperty("tunedOn").GetString());
        Assert.Equal(SampleVectors.Queries, measured.GetProperty("queries").GetInt32());
        // Measured on those very queries: eval of the same index says the same, exhaustive and with automatic probes.
        JsonElement eval =
            (await CommandRun.Succeeding("eval", "--idx", samples.Index, "--queries", samples.Query, "--emb", samples.Base, "--json"))
            .Json();
        Assert.Equal(eval.GetProperty("recallExhaustive").GetDouble(), measured.GetProperty("recallExhaustive").GetDouble(), 9);
        Assert.Equal(eval.GetProperty("recall").GetDouble(), measured.GetProperty("recall").GetDouble(), 9);
        Assert.Equal(eval.GetProperty("recallStdErr").GetDouble(), measured.GetProperty("recallStdErr").GetDouble(), 9);
        Assert.Contains("queries of", (await samples.Build("--queries", samples.Query)).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_bound_of_an_index_is_below_its_bytes()
    {
        using var samples = new SampleVectors();
        JsonElement packed = (await samples.Build("--json")).Json().GetProperty("packed");
        double code = packed.GetProperty("codeBytes").GetDouble(), bound = packed.GetProperty("boundCodeBytes").GetDouble();
        double axes = packed.GetProperty("codedAxes").GetDouble(), distance = packed.GetProperty("bitsToBound").GetDouble();
        Assert.InRange(bound, 0.5 * code, code);
        Assert.Equal((code - bound) * 8 / axes, distance, 9);
        // An unbiased code is never nearer than the nearest.
        Assert.True(packed.GetProperty("storedBitsToBound").GetDouble() >= distance - 1e-6);
        Assert.Contains("Gaussian bound", (await samples.Build()).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_options_of_training_are_carried_out()
    {
        using var samples = new SampleVectors();
        JsonElement index = (await samples.Build(
            "--codec", "int8", "--dims", "9", "--jacobians", "--cooling", "inverse", "--temperature", "0.4", "--cooling-rate", "1",
            "--mean", "huber", "--mean-parameter", "2", "--maintenance", "0", "--lambda", "0", "--iterations", "2", "--sample", "300",
            "--threads", "1", "--json")).Json();
        Assert.Equal(9, index.GetProperty("codedDimensions").GetInt32());
        Assert.True(index.GetProperty("jacobians").GetBoolean());
        Assert.Equal(2, index.GetProperty("iterations").GetInt32());
        Assert.Equal(300, index.GetProperty("trainingRows").GetInt32());
    }

    [Fact]
    public async Task The_same_seed_gives_the_same_files_on_any_number_of_threads()
    {
        using var samples = new SampleVectors();
        await samples.Build("--threads", "1");
        byte[][] one = Files();
        await samples.Build("--threads", "3");
        Assert.Equal(one, Files());

        byte[][] Files() =>
            [.. Directory.GetFiles(Path.GetDirectoryName(samples.Index)!).Order(StringComparer.Ordinal).Select(File.ReadAllBytes)];
    }

    [Fact]
    public async Task Query_writes_the_same_neighbours_in_every_form()
    {
        const int K = 7;
        using var samples = new SampleVectors();
        await samples.Build();
        string[] query = ["query", "--idx", samples.Index, "--queries", samples.Query, "-k", $"{K}", "--probes", "all"];
        foreach (string extension in new[] { "ivecs", "npy", "jsonl" })
        {
            CommandRun run = await CommandRun.Succeeding([.. query, "--out", samples.File($"found.{extension}"), "--json"]);
            Assert.Equal(SampleVectors.Queries, run.Json().GetProperty("queries").GetInt32());
        }

        int[][] printed =
            [.. (await CommandRun.Succeeding([.. query, "--json"])).Json().GetProperty("results").EnumerateArray().Select(Ids)];
        NeighborTable ivecs = NeighborTable.Read(samples.File("found.ivecs")), npy = NeighborTable.Read(samples.File("found.npy"));
        int[][] lines = [.. File.ReadLines(samples.File("found.jsonl")).Select(line => Ids(JsonDocument.Parse(line).RootElement))];
        Assert.Equal(SampleVectors.Queries, printed.Length);
        Assert.Equal(printed, lines);
        for (int i = 0; i < printed.Length; i++)
        {
            Assert.Equal(printed[i], ivecs[i].ToArray());
            Assert.Equal(printed[i], npy[i].ToArray());
        }

        // What was found is the truth by which eval then judges the same search.
        JsonElement eval = (await CommandRun.Succeeding(
            "eval", "--idx", samples.Index, "--queries", samples.Query, "--truth", samples.File("found.npy"), "-k", "5",
            "--probes", "all", "--json")).Json();
        Assert.Equal(1, eval.GetProperty("recall").GetDouble());
        Assert.Contains(" row", (await CommandRun.Succeeding(query)).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Lists_of_ids_restrict_what_is_found()
    {
        using var samples = new SampleVectors();
        await samples.Build();
        string list = samples.Write("ids.txt", "3", "", "17", "599");
        string[] query = ["query", "--idx", samples.Index, "--queries", samples.Query, "--probes", "all", "--json"];
        int[][] allowed = await Run("--allow"), denied = await Run("--deny");
        Assert.All(allowed, ids => Assert.Equal([3, 17, 599], ids.Order()));
        Assert.All(denied, ids => Assert.Empty(ids.Intersect([3, 17, 599])));

        CommandRun ivecs = await CommandRun.Succeeding([.. query, "--allow", list, "--out", samples.File("few.ivecs")]);
        Assert.False(ivecs.Json().TryGetProperty("results", out _));
        Assert.Equal(10, new FileInfo(samples.File("few.ivecs")).Length / sizeof(int) / SampleVectors.Queries - 1);

        async Task<int[][]> Run(string option) =>
            [.. (await CommandRun.Succeeding([.. query, option, list])).Json().GetProperty("results").EnumerateArray().Select(Ids)];
    }

    [Fact]
    public async Task Eval_measures_everything_it_promises()
    {
        using var samples = new SampleVectors();
        await samples.Build();
        JsonElement eval = (await CommandRun.Succeeding(
            "eval", "--idx", samples.Index, "--queries", samples.Query, "--emb", samples.Base, "-k", "10", "--json")).Json();
        string[] promised =
        [
            "recall", "recallStdErr", "recallExhaustive", "k", "queries", "n", "d", "probes", "bytesPerVector", "ratio",
            "qps", "p50Ms", "p99Ms",
            "scannedShare", "batchQps", "exactQps", "speedup",
        ];
        Assert.All(promised, name => Assert.Equal(JsonValueKind.Number, eval.GetProperty(name).ValueKind));
        Assert.InRange(eval.GetProperty("recallExhaustive").GetDouble(), 0.95, 1);
        Assert.InRange(eval.GetProperty("scannedShare").GetDouble(), 0.01, 1);
        Assert.InRange(eval.GetProperty("p99Ms").GetDouble(), eval.GetProperty("p50Ms").GetDouble(), 1000);
    }

    [Fact]
    public async Task One_HDF5_file_of_ann_benchmarks_is_base_queries_and_truth()
    {
        using var folder = new TemporaryFolder();
        string path = folder.File("set.hdf5"), basePath = folder.File("set");
        float[,] train = new float[50, 2];
        for (int i = 0; i < 50; i++) train[i, 0] = i * i;
        float[,] test = { { 100.2f, 0 }, { 401, 0 } };
        int[,] neighbors = { { 10 }, { 20 } };
        new H5File { ["train"] = train, ["test"] = test, ["neighbors"] = neighbors }.Write(path);
        await CommandRun.Succeeding("index", "--emb", path, "--out", basePath, "--m", "2", "--codec", "f16");
        string[] eval = ["eval", "--idx", basePath, "--queries", path, "-k", "1", "--probes", "all", "--min-recall", "1"];
        CommandRun judged = await CommandRun.Succeeding([.. eval, "--truth", path]);
        Assert.Contains("Beside dataset 'neighbors': ", judged.Error, StringComparison.Ordinal);
        await CommandRun.Succeeding([.. eval, "--emb", path]);
        await CommandRun.Succeeding([.. eval, "--dataset", "train", "--truth", folder.Write("own.ivecs", Rows(50))]);

        static byte[] Rows(int count) =>
            [.. Enumerable.Range(0, count).SelectMany(row => BitConverter.GetBytes(1).Concat(BitConverter.GetBytes(row)))];
    }

    [Fact]
    public async Task Keys_are_part_of_the_index_and_not_counted_in_its_ratio()
    {
        using var samples = new SampleVectors();
        string[] keys = [.. Enumerable.Range(0, 40).Select(i => $"key \\ {i}\nof row")];
        string emb = samples.Write(
            "keyed.jsonl", [.. keys.Select((key, i) => $$"""{"id":{{JsonSerializer.Serialize(key)}},"embedding":[{{i}},{{i * i}},1]}""")]);
        string basePath = samples.File("keyed");
        // Float16 keeps even the first rows apart, which lie close together.
        await CommandRun.Succeeding("index", "--emb", emb, "--out", basePath, "--m", "2", "--codec", "f16");
        JsonElement info = (await CommandRun.Succeeding("info", "--idx", basePath, "--json")).Json();
        Assert.Equal(new FileInfo($"{basePath}.keys.bin").Length, info.GetProperty("keysBytes").GetInt64());
        Assert.Equal(
            info.GetProperty("bytes").GetInt64(),
            Directory.GetFiles(samples.Folder, "keyed.*").Where(
                path => !path.EndsWith(".jsonl", StringComparison.Ordinal) && !path.EndsWith(".keys.bin", StringComparison.Ordinal)
                    && !path.EndsWith(".encoder.bin", StringComparison.Ordinal))
                .Sum(path => new FileInfo(path).Length));
        Assert.Contains("all files", (await CommandRun.Succeeding("info", "--idx", basePath)).Output, StringComparison.Ordinal);

        JsonElement found = (await CommandRun.Succeeding(
            "query", "--idx", basePath, "--queries", emb, "-k", "1", "--probes", "all", "--json")).Json();
        Assert.Equal(
            keys,
            found.GetProperty("results").EnumerateArray()
                .Select(result => result.GetProperty("neighbors")[0].GetProperty("key").GetString()));

        // An index of vectors without keys must not keep those of the one before.
        await CommandRun.Succeeding("index", "--emb", samples.Base, "--out", basePath, "--m", "2");
        Assert.False(File.Exists($"{basePath}.keys.bin"));
    }

    [Fact]
    public async Task Rows_are_added_removed_and_compacted_away()
    {
        using var samples = new SampleVectors();
        string[] Rows(int first, int count) =>
            [.. Enumerable.Range(first, count).Select(i => $$"""{"id":"k{{i}}","embedding":[{{i}},{{i * i}},1]}""")];
        string basePath = samples.File("changing"), all = samples.Write("all.jsonl", Rows(0, 60));
        await CommandRun.Succeeding(
            "index", "--emb", samples.Write("first.jsonl", Rows(0, 40)), "--out", basePath, "--m", "2", "--codec", "f16");
        JsonElement added = (await CommandRun.Succeeding(
            "add", "--idx", basePath, "--emb", samples.Write("more.jsonl", Rows(40, 20)), "--json")).Json();
        Assert.Equal((20, 40, 2), (Int(added, "added"), Int(added, "firstRow"), Int(added, "segments")));
        Assert.Equal(Enumerable.Range(0, 60).Select(i => $"k{i}"), await Nearest());

        JsonElement removed = (await CommandRun.Succeeding(
            "remove", "--idx", basePath, "--keys", samples.Write("gone.txt", "k3", "k50", "no such key"), "--json")).Json();
        Assert.Equal((2, 2, 60), (Int(removed, "removed"), Int(removed, "deleted"), Int(removed, "n")));
        removed = (await CommandRun.Succeeding("remove", "--idx", basePath, "--ids", samples.Write("ids.txt", "7"), "--json")).Json();
        Assert.Equal(1, Int(removed, "removed"));
        string[] left = await Nearest();
        Assert.Empty(left.Intersect(["k3", "k50", "k7"]));

        JsonElement compacted = (await CommandRun.Succeeding("compact", "--idx", basePath, "--json")).Json();
        Assert.Equal((57, 3), (Int(compacted, "n"), Int(compacted, "removed")));
        Assert.Equal(left, await Nearest());
        await CommandRun.Succeeding("verify", "--idx", basePath);
        CommandRun refused = await CommandRun.Of("remove", "--idx", basePath, "--ids", samples.Write("ids.txt", "57"));
        Assert.Equal(ExitCode.BadInput, refused.ExitCode);

        static int Int(JsonElement document, string name) => document.GetProperty(name).GetInt32();

        async Task<string[]> Nearest() =>
        [
            .. (await CommandRun.Succeeding("query", "--idx", basePath, "--queries", all, "-k", "1", "--probes", "all", "--json")).Json()
                .GetProperty("results").EnumerateArray()
                .Select(result => result.GetProperty("neighbors")[0].GetProperty("key").GetString()!),
        ];
    }

    [Fact]
    public async Task Auto_is_a_word_that_every_option_that_names_it_takes()
    {
        using var samples = new SampleVectors();
        string basePath = samples.File("auto");
        await CommandRun.Succeeding("index", "--emb", samples.Base, "--out", basePath, "--m", "auto", "--bases", "auto");
        CommandRun without = await CommandRun.Succeeding("query", "--idx", basePath, "--queries", samples.Base, "-k", "3", "--json");
        CommandRun with = await CommandRun.Succeeding(
            "query", "--idx", basePath, "--queries", samples.Base, "-k", "3", "--probes", "auto", "--json");
        Assert.Equal(without.Output, with.Output);
        await CommandRun.Succeeding("eval", "--idx", basePath, "--queries", samples.Base, "--emb", samples.Base, "--probes", "auto");
    }

    [Fact]
    public async Task Deleted_rows_are_no_true_neighbours()
    {
        using var samples = new SampleVectors();
        await samples.Build("--codec", "f16");
        string gone = samples.Write("gone.txt", [.. Enumerable.Range(0, SampleVectors.Count / 2).Select(row => $"{2 * row}")]);
        await CommandRun.Succeeding("remove", "--idx", samples.Index, "--ids", gone);
        JsonElement result = (await CommandRun.Succeeding(
            "eval", "--idx", samples.Index, "--queries", samples.Base, "--emb", samples.Base, "-k", "5", "--probes", "all", "--json"))
            .Json();
        Assert.InRange(result.GetProperty("recall").GetDouble(), 0.99, 1);
    }

    [Fact]
    public async Task Reconstruct_writes_vectors_close_to_the_originals()
    {
        using var samples = new SampleVectors();
        await samples.Build("--codec", "f16");
        await CommandRun.Succeeding("reconstruct", "--idx", samples.Index, "--out", samples.File("back.npy"));
        using VectorSource originals = VectorFiles.Open(samples.Base), back = VectorFiles.Open(samples.File("back.npy"));
        Assert.Equal((originals.Count, originals.Dimension), (back.Count, back.Dimension));
        float[] expected = new float[originals.Count * originals.Dimension], actual = new float[expected.Length];
        originals.Read(0, (int)originals.Count, expected);
        back.Read(0, (int)back.Count, actual);
        for (int i = 0; i < expected.Length; i++) Assert.Equal(expected[i], actual[i], 0.01f);
    }

    [Theory]
    [InlineData("--codec", "int8", "--dims", "7")]
    [InlineData("--codec", "f16", "--jacobians")]
    public async Task Verify_finds_a_flipped_byte_anywhere(params string[] options)
    {
        using var samples = new SampleVectors();
        await samples.Build(options);
        Assert.True((await CommandRun.Succeeding("verify", "--idx", samples.Index, "--json")).Json().GetProperty("ok").GetBoolean());
        foreach (string path in Directory.GetFiles(Path.GetDirectoryName(samples.Index)!))
        {
            byte[] whole = await File.ReadAllBytesAsync(path);
            foreach (int place in new[] { 0, 5, whole.Length / 3, whole.Length / 2, whole.Length - 5, whole.Length - 1 })
            {
                byte[] damaged = [.. whole];
                damaged[place] ^= 0x10;
                await File.WriteAllBytesAsync(path, damaged);
                CommandRun run = await CommandRun.Of("verify", "--idx", samples.Index, "--json");
                Assert.True(run.ExitCode == ExitCode.BadInput, $"{Path.GetFileName(path)}, byte {place}: {run.ExitCode} {run.Error}");
                Assert.Equal("badInput", run.Json().GetProperty("error").GetProperty("code").GetString());
            }

            await File.WriteAllBytesAsync(path, whole[..^1]);
            Assert.Equal(ExitCode.BadInput, (await CommandRun.Of("verify", "--idx", samples.Index)).ExitCode);
            await File.WriteAllBytesAsync(path, whole);
        }

        await CommandRun.Succeeding("verify", "--idx", samples.Index);
    }

    [Fact]
    public async Task Commands_without_an_index_explain_themselves()
    {
        JsonElement environment = (await CommandRun.Succeeding("info", "--json")).Json();
        Assert.All(["version", "runtime", "instructionSet", "processors"], name => Assert.True(environment.TryGetProperty(name, out _)));
        JsonElement demonstration = (await CommandRun.Succeeding("query", "--json")).Json();
        Assert.InRange(demonstration.GetProperty("recall").GetDouble(), 0.9, 1);
        Assert.Contains("true neighbours", (await CommandRun.Succeeding("query")).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_self_test_passes()
    {
        JsonElement test = (await CommandRun.Succeeding("test", "--json")).Json();
        Assert.True(test.GetProperty("passed").GetBoolean());
        Assert.Contains("PASS", (await CommandRun.Succeeding("test")).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Quiet_says_nothing_but_the_result()
    {
        using var samples = new SampleVectors();
        Assert.Empty((await samples.Build("--quiet")).Error);
    }

    [Fact]
    public async Task Real_words_keep_their_neighbours()
    {
        string emb = RepositoryPaths.SharedData("words-64k-200d.base.npy");
        string queries = RepositoryPaths.SharedData("words-64k-200d.query.npy");
        using var folder = new TemporaryFolder();
        await CommandRun.Succeeding(
            "index", "--emb", emb, "--out", folder.File("words"), "--metric", "cosine", "--m", "128", "--iterations", "3",
            "--max-ratio", "0.3");
        JsonElement eval = (await CommandRun.Succeeding(
            "eval", "--idx", folder.File("words"), "--queries", queries, "--emb", emb, "--probes", "all", "--min-recall", "0.95",
            "--json")).Json();
        Assert.Equal(1000, eval.GetProperty("queries").GetInt32());
    }

    private static int[] Ids(JsonElement result) =>
        [.. result.GetProperty("neighbors").EnumerateArray().Select(neighbor => neighbor.GetProperty("id").GetInt32())];
}
