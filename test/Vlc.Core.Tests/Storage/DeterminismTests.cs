using System.Security.Cryptography;
using Vlc.Anchors;
using Vlc.Indexing;
using Vlc.Codecs;
using Vlc.Codecs.Packed;
using Vlc.Tests;

namespace Vlc.Core.Tests.Storage;

public sealed class DeterminismTests
{
    /// <summary>Where a child process writes the hash of what it built.</summary>
    private const string HashFileVariable = "VLC_HASH_FILE";

    private const int Dimension = 37;
    private const int Count = 1500;

    [Fact]
    public void A_seed_gives_the_same_files_on_any_number_of_threads()
    {
        if (Environment.GetEnvironmentVariable(HashFileVariable) is { } path)
        {
            // A lane is slow: one build, which its parent compares with its own.
            Assert.Equal(InstructionSetLane.ExpectedLevel, Numerics.InstructionSets.Level.ToString());
            File.WriteAllText(path, Hash(seed: 1, threads: 2));
            return;
        }

        string one = Hash(seed: 1, threads: 1);
        Assert.Equal(one, Hash(seed: 1, threads: 2));
        Assert.Equal(one, Hash(seed: 1, threads: 3));
        Assert.NotEqual(one, Hash(seed: 2, threads: 1));
    }

    private static string Hash(ulong seed, int threads)
    {
        using TemporaryFolder folder = new();
        float[] rows = Datasets.Clusters(Count, Dimension, 12, 1);
        var training = new AnchorTrainingOptions
        {
            AnchorCount = 40, Seed = seed, Threads = threads, Cooling = new CoolingSchedule(CoolingShape.Exponential, 0.2, 0.5),
        };
        foreach (Metric metric in Enum.GetValues<Metric>())
        {
            foreach (CodecKind codec in (CodecKind[])[CodecKind.Int8, CodecKind.Float16])
            {
                Datasets.Build(
                    folder, rows, Dimension,
                    new IndexOptions { Metric = metric, Codec = codec, CodedDimension = 30, Training = training },
                    $"{metric}-{codec}");
            }
        }

        // Few rows: without vectors the search for a code is slow. One build chooses its level, which every held-out row has a say in.
        float[] few = rows[..(300 * Dimension)];
        foreach (Metric metric in Enum.GetValues<Metric>())
        {
            int? level = metric == Metric.L2 ? null : 0;
            var packed = new PackedOptions { GroupCount = 2, Level = level, TargetRecall = 0.8, Unbiased = level is not null };
            foreach (CodecKind codec in (CodecKind[])[CodecKind.Packed, CodecKind.Parity])
            {
                Datasets.Build(
                    folder, few, Dimension,
                    new IndexOptions { Metric = metric, Codec = codec, Packed = packed, Training = training },
                    $"{metric}-{codec}");
            }
        }

        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (string path in Directory.GetFiles(folder.Path).Order(StringComparer.Ordinal)) hash.AppendData(File.ReadAllBytes(path));
        return Convert.ToHexString(hash.GetHashAndReset());
    }

    /// <summary>The same builds in child processes with instruction sets switched off.</summary>
    public sealed class Lanes
    {
        [Fact]
        public void A_seed_gives_the_same_files_at_every_instruction_set()
        {
            Assert.SkipUnless(
                Numerics.InstructionSets.Level >= Numerics.InstructionSetLevel.Vector256, "the lanes are those of x64 with AVX2");
            string expected = Hash(seed: 1, threads: 2);
            foreach ((string knob, string level) in ((string, string)[])
                [("DOTNET_EnableAVX512", "Vector256"), ("DOTNET_EnableAVX2", "Vector128"), ("DOTNET_EnableHWIntrinsic", "Scalar")])
            {
                using TemporaryFolder folder = new();
                int tests = InstructionSetLane.Run(
                    ["-class", typeof(DeterminismTests).FullName!], (knob, "0"), (InstructionSetLane.ExpectedLevelVariable, level),
                    (HashFileVariable, folder.File("hash")));
                Assert.Equal(1, tests);
                Assert.Equal(expected, File.ReadAllText(folder.File("hash")));
            }
        }
    }
}
