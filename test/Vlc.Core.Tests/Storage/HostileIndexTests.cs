using System.Diagnostics;
using Vlc.Codecs;
using Vlc.Codecs.Packed;
using Vlc.Indexing;
using Vlc.Numerics.Kernels;
using Vlc.Search;
using Vlc.Storage;
using Vlc.Tests;

namespace Vlc.Core.Tests.Storage;

/// <summary>Small files with right checksums that claim much: they open or are refused, and cost little either way.</summary>
public sealed class HostileIndexTests
{
    /// <summary>Managed bytes that opening a small index may allocate.</summary>
    private const long MostBytes = 256L << 20;

    /// <summary>Stands for the minutes that such files once took; it is no measurement.</summary>
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(20);

    [Theory]
    [InlineData(256)]
    [InlineData(1024)]
    public void Bases_of_zeros_open_at_once(int dimension) => AssertCheap(Packed(dimension, cells: 1, classes: 1, count: 4), opens: true);

    [Fact]
    public void A_basis_of_axes_opens_at_once() => AssertCheap(Packed(2048, cells: 1, classes: 1, count: 4, onDiagonal: 64), opens: true);

    [Fact]
    public void Rows_that_no_byte_stands_for_are_refused_before_memory_is_taken() =>
        AssertCheap(Packed(16, cells: 1, classes: 1, count: 600_000_000), opens: false);

    [Fact]
    public void Lists_that_few_bytes_stand_for_are_refused_before_memory_is_taken() =>
        AssertCheap(Packed(128, cells: 60_000, classes: 8, count: 4), opens: false);

    /// <summary>Dense rows that depend on one another: each takes the work of an independent one, and no axis is tried twice.</summary>
    [Fact]
    public void Equal_rows_of_a_basis_are_made_orthonormal_in_bounded_time()
    {
        const int Dimension = 256;
        var rows = new float[Dimension * Dimension];
        rows.AsSpan().Fill(1);
        Assert.True(Vlc.Numerics.LinearAlgebra.SymmetricEigen.TryOrthonormalize(rows, Dimension, Dimension,
            4L * Dimension * Dimension * Dimension));
        for (int row = 0; row < Dimension; row += 51)
        {
            for (int other = 0; other < Dimension; other += 17)
            {
                double expected = row == other ? 1 : 0;
                Assert.Equal(expected, Distances.Dot(rows.AsSpan(row * Dimension, Dimension), rows.AsSpan(other * Dimension, Dimension)),
                    1e-4);
            }
        }

        rows.AsSpan().Fill(1);
        Assert.False(Vlc.Numerics.LinearAlgebra.SymmetricEigen.TryOrthonormalize(rows, Dimension, Dimension, 1000));
    }

    /// <summary>
    /// Fields of sections and of the manifest changed to extremes, checksums repaired: an index opens and can be searched, or is refused as
    /// damaged; no other failure, and no more than the stated memory.
    /// </summary>
    [Theory]
    [InlineData(CodecKind.Packed, 400)]
    [InlineData(CodecKind.Int8, 300)]
    [InlineData(CodecKind.Float16, 200)]
    public void A_file_with_extreme_fields_and_right_checksums_opens_or_is_refused_at_little_cost(CodecKind codec, int cases)
    {
        using TemporaryFolder folder = new();
        string path = Datasets.Build(
            folder, Datasets.Clusters(150, 7, 4, 1), 7,
            new IndexOptions { Codec = codec, Jacobians = codec == CodecKind.Int8 ? true : null, TuningRows = 20,
                Training = Datasets.Training(6) });
        Dictionary<IndexFileId, byte[]> whole = IndexInfo.Read(path).Manifest.Files.Prepend(IndexFileId.Manifest)
            .ToDictionary(file => file, file => File.ReadAllBytes(IndexFiles.Final(path).Path(file)));
        int opened = 0, refused = 0;
        for (ulong seed = 1; seed <= (ulong)cases; seed++)
        {
            Dictionary<IndexFileId, byte[]> mutated = HostileMutator.Mutate(whole, seed);
            if (TryOpen(new MemoryContainer(mutated), $"seed {seed}")) opened++;
            else refused++;
        }

        Assert.InRange(opened, 1, cases - 1);
        Assert.InRange(refused, 1, cases - 1);
    }

    private static void AssertCheap(MemoryContainer container, bool opens) => Assert.Equal(opens, TryOpen(container, "case"));

    /// <summary>Opens an index, searches and reconstructs, all within the limits; false where it is refused.</summary>
    private static bool TryOpen(MemoryContainer container, string name)
    {
        long before = GC.GetAllocatedBytesForCurrentThread(), start = Stopwatch.GetTimestamp();
        bool opens = false;
        try
        {
            OpenedIndex index = OpenedIndex.Open(SectionReader.Open(container));
            try
            {
                var query = new float[index.Manifest.Dimension];
                query.AsSpan().Fill(1);
                var scores = new float[3];
                int found = index.Searcher.Search(query, new int[3], scores, SearchOptions.Exhaustive, observation: null,
                    CancellationToken.None);
                for (int i = 0; i < found; i++) Assert.False(float.IsNaN(scores[i]), name);
                opens = true;
            }
            finally
            {
                index.Release();
            }
        }
        catch (VlcFormatException)
        {
        }

        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.True(allocated < MostBytes, $"{name}: {allocated} bytes");
        Assert.True(Stopwatch.GetElapsedTime(start) < Longest, $"{name}: {Stopwatch.GetElapsedTime(start)}");
        return opens;
    }

    /// <summary>An index of one group of full rank whose coefficients are zeros, or one number on the diagonal.</summary>
    private static MemoryContainer Packed(int dimension, int cells, int classes, int count, short onDiagonal = 0)
    {
        var stored = new QuantizedBasis { StepQuarters = new sbyte[dimension], Coefficients = new short[dimension * dimension] };
        for (int k = 0; k < dimension; k++) stored.Coefficients[(k * dimension) + k] = onDiagonal;
        var none = new float[dimension];
        var noScales = new sbyte[dimension];
        var parameters = new PackedParameters
        {
            Dimension = dimension,
            CellCount = cells,
            ClassCount = classes,
            Level = 1 << 20,
            MeanEnergy = 1,
            UnitLength = false,
            Mean = new float[dimension],
            Groups = [new PackedGroup { Basis = [], Rank = dimension, Spectrum = new int[dimension], Stored = stored }],
            CellGroups = new int[cells],
            CellAnchors = [.. Enumerable.Repeat(none, cells)],
            AnchorStep = 1,
            CellLevels = new int[cells],
            CellScales = [.. Enumerable.Repeat(noScales, cells)],
            ClassGains = new int[cells * classes],
            EqualStride = 0,
        };
        var container = new MemoryContainer();
        using var writer = new SectionWriter(container);
        writer.AddInline<byte>(SectionKind.CodecModel, SectionElement.Bytes, PackedSections.WriteHeader(parameters), 0, 0);
        writer.AddInline(SectionKind.TrellisTables, SectionElement.Bytes, TrellisTables.Designed.Values, 0, 0);
        writer.WriteFile(new IndexFileId(IndexFile.Anchors), (SectionKind.Anchors, PackedSections.WriteAnchors(parameters)));
        writer.WriteFile(
            new IndexFileId(IndexFile.Jacobians), (SectionKind.Bases, PackedSections.WriteBases(parameters)),
            (SectionKind.CellScales, PackedSections.WriteScales(parameters)));
        int bits = PackedSections.BitsFor(cells * classes);
        writer.WriteFile(new IndexFileId(IndexFile.Assignments), (SectionKind.Assignments, new byte[CodecModel.AssignmentBytes(count,
            bits)]));
        writer.WriteFile(new IndexFileId(IndexFile.Residuals), (SectionKind.Residuals, []));
        writer.Commit(new Manifest
        {
            Version = Manifest.CurrentVersion, AnchorCount = cells, Dimension = dimension, Count = count, Metric = Metric.L2,
                Codec = CodecKind.Packed,
            CodedDimension = dimension, ScaleExponent = 0, Seed = 1, Sections = [.. writer.Sections], Segments = [new SegmentEntry(count,
                0)], Scan = null,
        });
        return container;
    }
}
