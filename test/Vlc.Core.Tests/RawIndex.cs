using System.Buffers.Binary;

namespace Vlc.Core.Tests;

/// <summary>
/// A second reader of files from version 2 on, of one segment, written from the description of the format with nothing of the library: what
/// the library writes is compared with what this one reads.
/// </summary>
internal sealed class RawIndex
{
    private readonly Dictionary<int, (int File, int Element, long Offset, long Length)> _sections = [];
    private readonly byte[][] _files;

    public RawIndex(string basePath)
    {
        _files = [.. Paths(basePath).Select(path => File.Exists(path) ? File.ReadAllBytes(path) : [])];
        ReadOnlySpan<byte> idx = _files[0];
        M = (int)BinaryPrimitives.ReadUInt32LittleEndian(idx[6..]);
        D = (int)BinaryPrimitives.ReadUInt32LittleEndian(idx[10..]);
        N = (int)BinaryPrimitives.ReadUInt32LittleEndian(idx[14..]);
        Codec = idx[21];
        Scale = Math.ScaleB(1, BinaryPrimitives.ReadInt16LittleEndian(idx[22..]));
        CodedCount = (int)BinaryPrimitives.ReadUInt32LittleEndian(idx[24..]);
        for (int i = 0; i < BinaryPrimitives.ReadUInt16LittleEndian(idx[40..]); i++)
        {
            ReadOnlySpan<byte> entry = idx.Slice(64 + (32 * i), 32);
            _sections[entry[0]] = (
                entry[1], entry[2],
                BinaryPrimitives.ReadInt64LittleEndian(entry[8..]), BinaryPrimitives.ReadInt64LittleEndian(entry[16..]));
        }

        Anchors = Numbers(1);
        Assignments = [.. Numbers(2).Select(value => (int)value)];
        Axes = _sections.ContainsKey(6) ? [.. Numbers(6).Select(value => (int)value)] : [.. Enumerable.Range(0, D)];
    }

    public int M { get; }

    public int D { get; }

    public int N { get; }

    public int Codec { get; }

    public int CodedCount { get; }

    /// <summary>2^e: what is stored is this many times what was given.</summary>
    public double Scale { get; }

    public double[] Anchors { get; }

    public int[] Assignments { get; }

    public int[] Axes { get; }

    public bool HasJacobians => _sections.ContainsKey(3);

    public static string[] Paths(string basePath) =>
        [
            basePath + ".idx", basePath + ".anchors.bin", basePath + ".assign.bin", basePath + ".jacobians.bin",
            basePath + ".residuals.bin", basePath + ".encoder.bin",
        ];

    /// <summary>n x d_r codes as numbers.</summary>
    public double[] Codes() => Numbers(4);

    /// <summary>Value of code 1 on the i-th coded axis of a cell, in stored units.</summary>
    public Func<int, int, double> Steps()
    {
        if (HasJacobians)
        {
            double[] jacobians = Numbers(3);
            return (cell, i) => jacobians[(cell * D) + Axes[i]];
        }

        if (!_sections.ContainsKey(5)) return (_, _) => 1;
        double[] scales = Numbers(5);
        return (_, i) => scales[i];
    }

    /// <summary>anchor + J · code for every row, in the units that were given.</summary>
    public double[] Reconstruct()
    {
        double[] codes = Codes(), rows = new double[N * D];
        Func<int, int, double> steps = Steps();
        for (int row = 0; row < N; row++)
        {
            int cell = Assignments[row];
            for (int k = 0; k < D; k++) rows[(row * D) + k] = Anchors[(cell * D) + k];
            for (int i = 0; i < Axes.Length; i++) rows[(row * D) + Axes[i]] += steps(cell, i) * codes[(row * Axes.Length) + i];
        }

        return [.. rows.Select(value => value / Scale)];
    }

    private double[] Numbers(int kind)
    {
        (int file, int element, long offset, long length) = _sections[kind];
        ReadOnlySpan<byte> bytes = _files[file].AsSpan((int)offset, (int)length);
        int size = element switch { 1 => 2, 2 or 3 => 4, _ => 1 };
        var numbers = new double[bytes.Length / size];
        for (int i = 0; i < numbers.Length; i++)
        {
            ReadOnlySpan<byte> place = bytes[(i * size)..];
            numbers[i] = element switch
            {
                1 => (double)BinaryPrimitives.ReadHalfLittleEndian(place),
                2 => BinaryPrimitives.ReadSingleLittleEndian(place),
                3 => BinaryPrimitives.ReadUInt32LittleEndian(place),
                _ => (sbyte)place[0],
            };
        }

        return numbers;
    }
}
