using System.Runtime.InteropServices;
using Vlc.Numerics.Kernels;
using Vlc.Numerics.Memory;
using Vlc.Tests;

namespace Vlc.Numerics.Tests.Kernels;

public sealed class Int8ScanTests
{
    [Fact]
    public void Scans_have_the_bits_of_their_references_at_every_width()
    {
        using TemporaryFolder folder = new();
        foreach (int width in KernelInputs.Lengths)
        {
            sbyte[] codes = KernelInputs.Codes(23 * width, (ulong)width);
            Check(folder, codes, offset: 0, rowCount: 23, width, [.. Enumerable.Range(0, 23)]);
            Check(folder, codes, offset: 0, rowCount: 23, width, [22, 0, 22, 7, 7, 1]);
        }
    }

    [Theory]
    [InlineData(4096, 1)]
    [InlineData(4096, 10)]
    [InlineData(4096, 33)]
    [InlineData(8192, 127)]
    [InlineData(4096, 129)]
    public void The_last_rows_of_a_file_that_ends_on_a_page_are_scanned(int fileLength, int width)
    {
        using TemporaryFolder folder = new();
        foreach (int rowCount in (int[])[1, 2, 9])
        {
            int offset = fileLength - (rowCount * width);
            Check(folder, KernelInputs.Codes(fileLength, 5), offset, rowCount, width, [.. Enumerable.Range(0, rowCount).Reverse()]);
        }
    }

    [Fact]
    public void A_row_counts_as_readable_only_where_whole_vectors_stay_in_the_file()
    {
        using TemporaryFolder folder = new();
        using var file = new MappedFile(folder.Write("codes", new byte[4096]));
        foreach (int width in KernelInputs.Lengths)
        {
            int padded = Int8Scan.PaddedLength(width);
            for (int rowCount = 1; rowCount <= 20; rowCount++)
            {
                int offset = 4096 - (rowCount * width);
                int readable = new CodeRows(file, offset, rowCount, width).RowsReadable(padded);
                int expected = Enumerable.Range(0, rowCount).Count(row => offset + (row * width) + padded <= 4096);
                Assert.Equal(expected, readable);
            }
        }
    }

    [Fact]
    public void Bytes_behind_a_row_count_for_nothing()
    {
        using TemporaryFolder folder = new();
        byte[] content = [1, 2, 3, .. Enumerable.Repeat((byte)127, 61)];
        using var file = new MappedFile(folder.Write("codes", content));
        var distances = new float[1];
        float[] target = [1, 2, 3, .. new float[13]], scale = [1, 1, 1, .. new float[13]];
        Int8Scan.SquaredDistances(new CodeRows(file, 0, 1, 3), [0], target, scale, 0.25f, distances);
        Assert.Equal(0.25f, distances[0]);
    }

    [Fact]
    public void Rows_and_spans_that_do_not_fit_are_refused()
    {
        using TemporaryFolder folder = new();
        using var file = new MappedFile(folder.Write("codes", new byte[40]));
        var codes = new CodeRows(file, 0, 2, 20);
        Assert.Equal(32, Int8Scan.PaddedLength(20));
        float[] padded = new float[32];
        Assert.Throws<ArgumentOutOfRangeException>(() => Int8Scan.SquaredDistances(codes, [2], padded, padded, 0, new float[1]));
        Assert.Throws<ArgumentOutOfRangeException>(() => Int8Scan.SquaredDistances(codes, [-1], padded, padded, 0, new float[1]));
        Assert.Throws<ArgumentOutOfRangeException>(() => Int8Scan.SquaredDistances(codes, [0], padded.AsSpan(1), padded, 0, new float[1]));
        Assert.Throws<ArgumentOutOfRangeException>(() => Int8Scan.SquaredDistances(codes, [0], padded, padded.AsSpan(1), 0, new float[1]));
        Assert.Throws<ArgumentOutOfRangeException>(() => Int8Scan.DotProducts(codes, [0, 1], padded, 0, new float[1]));
    }

    private static void Check(TemporaryFolder folder, sbyte[] codes, int offset, int rowCount, int width, int[] rows)
    {
        using var file = new MappedFile(folder.Write("codes", MemoryMarshal.AsBytes<sbyte>(codes).ToArray()));
        int padded = Int8Scan.PaddedLength(width);
        var target = new float[padded];
        var scale = new float[padded];
        KernelInputs.Values(width, 1).CopyTo(target, 0);
        KernelInputs.Values(width, 2).CopyTo(scale, 0);
        var matrix = new CodeRows(file, offset, rowCount, width);
        float[] distances = new float[rows.Length], products = new float[rows.Length];
        Int8Scan.SquaredDistances(matrix, rows, target, scale, 1.5f, distances);
        Int8Scan.DotProducts(matrix, rows, target, -0.75f, products);
        for (int i = 0; i < rows.Length; i++)
        {
            ReadOnlySpan<sbyte> code = codes.AsSpan(offset + (rows[i] * width), width);
            KernelInputs.AssertSameBits(
                [Int8Scan.SquaredDistanceReference(code, target, scale, 1.5f), Int8Scan.DotProductReference(code, target, -0.75f)],
                [distances[i], products[i]]);
        }
    }
}
