using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Vlc.Indexing;
using Vlc.Numerics;
using Vlc.Codecs.Packed;
using Vlc.Search;
using Vlc.Tests;

namespace Vlc.Core.Tests.Packed;

/// <summary>What a search finds, with the first stages of each instruction set and without one.</summary>
public sealed class FilterLaneTests
{
    /// <summary>Where a child process finds the indexes, one a metric, and leaves the hash of what it found.</summary>
    private const string FolderVariable = "VLC_FILTER_FOLDER";

    private const string HashFile = "hash";
    private const int Queries = 60;

    private static readonly CodecKind[] s_codecs = [CodecKind.Packed, CodecKind.Parity];

    [Fact]
    public void Batches_find_what_single_searches_find()
    {
        if (Environment.GetEnvironmentVariable(FolderVariable) is { } path)
        {
            Assert.Equal(InstructionSetLane.ExpectedLevel, InstructionSets.Level.ToString());
            File.WriteAllText(Path.Combine(path, HashFile), Hash(path));
            return;
        }

        using TemporaryFolder folder = new();
        Build(folder);
        Hash(folder.Path);
    }

    private static void Build(TemporaryFolder folder)
    {
        foreach (Metric metric in Enum.GetValues<Metric>())
        {
            foreach (CodecKind codec in s_codecs)
            {
                PackedData.Build(folder, metric, new PackedOptions { GroupCount = 2, Level = 0 }, $"{metric}{codec}", codec);
            }
        }
    }

    /// <summary>Of ids and scores of all searches; asserts on the way that batches find the same.</summary>
    private static string Hash(string folder)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        float[] queries = PackedData.Rows(Queries, 5);
        foreach ((Metric metric, CodecKind codec) in Enum.GetValues<Metric>()
            .SelectMany(metric => s_codecs.Select(codec => (metric, codec))))
        {
            using VlcIndex index = VlcIndex.Open(Path.Combine(folder, $"{metric}{codec}"));
            foreach (int k in new[] { 1, 10, 100 })
            {
                foreach (SearchOptions? options in (SearchOptions?[])[null, SearchOptions.Exhaustive, new() { Probes = 3 }])
                {
                    int[] ids = new int[Queries * k], single = new int[k];
                    float[] scores = new float[Queries * k], singleScores = new float[k];
                    index.SearchBatch(queries, k, ids, scores, options);
                    for (int query = 0; query < Queries; query++)
                    {
                        int found = index.Search(
                            queries.AsSpan(query * PackedData.Dimension, PackedData.Dimension), single, singleScores, options);
                        Assert.Equal(single[..found], ids[(query * k)..((query * k) + found)]);
                        Assert.Equal(singleScores[..found], scores[(query * k)..((query * k) + found)]);
                        hash.AppendData(MemoryMarshal.AsBytes(single.AsSpan(0, found)));
                        hash.AppendData(MemoryMarshal.AsBytes(singleScores.AsSpan(0, found)));
                    }
                }
            }
        }

        return Convert.ToHexString(hash.GetHashAndReset());
    }

    /// <summary>
    /// The same searches in child processes: with the filters of AVX2 and of 128 bits, on AVX-512 without VBMI, and with every row
    /// measured.
    /// </summary>
    public sealed class Lanes
    {
        [Theory]
        [InlineData("DOTNET_EnableAVX512", InstructionSetLevel.Vector256)]
        [InlineData("DOTNET_EnableAVX512v2", InstructionSetLevel.Vector512)]
        [InlineData("DOTNET_EnableAVX2", InstructionSetLevel.Vector128)]
        [InlineData("DOTNET_EnableHWIntrinsic", InstructionSetLevel.Scalar)]
        public void Searches_find_the_same_with_any_filter_and_with_none(string knob, InstructionSetLevel level)
        {
            Assert.SkipUnless(
                InstructionSets.Level >= InstructionSetLevel.Vector256 && InstructionSets.Level >= level,
                $"the lane needs x64 with AVX2, and {level}");
            using TemporaryFolder folder = new();
            Build(folder);
            int tests = InstructionSetLane.Run(
                ["-class", typeof(FilterLaneTests).FullName!],
                (knob, "0"), (InstructionSetLane.ExpectedLevelVariable, level.ToString()), (FolderVariable, folder.Path));
            Assert.Equal(1, tests);
            Assert.Equal(Hash(folder.Path), File.ReadAllText(folder.File(HashFile)));
        }
    }
}
