using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;
using Vlc.Storage;

namespace Vlc.Residuals.Packed;

/// <summary>
/// The packed model as bytes: four sections, each a stream of bits, most significant first. docs/format.md gives them to the bit.
/// </summary>
internal static class PackedSections
{
    private const int HeaderBytes = 20;

    /// <summary>Largest log2 of an amplitude of a spectrum, in eighths of an octave: 2^24, as components are below 2^10 in scaled units.</summary>
    private const int LargestAmplitude = 8 * 24;

    /// <summary>Largest coordinate of an anchor: squared distances to it are finite in any dimension.</summary>
    private const float LargestCoordinate = 1L << 40;

    /// <summary>Bits that number <paramref name="count"/> things; 0 for one.</summary>
    public static int BitsFor(int count) => count <= 1 ? 0 : 32 - BitOperations.LeadingZeroCount((uint)(count - 1));

    /// <summary>Header: numbers of groups and classes, level, energies, steps, ranks, mean.</summary>
    public static byte[] WriteHeader(PackedParameters p)
    {
        var bytes = new byte[HeaderBytes + (2 * p.Groups.Length) + (2 * p.Dimension)];
        BinaryPrimitives.WriteUInt16LittleEndian(bytes, (ushort)p.Groups.Length);
        bytes[2] = (byte)p.ClassCount;
        bytes[3] = (byte)(p.UnitLength ? 1 : 0);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(4), p.Level);
        BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(8), p.MeanEnergy);
        BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(12), p.AnchorStep);
        Span<byte> next = bytes.AsSpan(HeaderBytes);
        foreach (PackedGroup group in p.Groups)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(next, (ushort)group.Rank);
            next = next[2..];
        }

        foreach (float value in p.Mean)
        {
            BinaryPrimitives.WriteHalfLittleEndian(next, (Half)value);
            next = next[2..];
        }

        return bytes;
    }

    /// <summary>
    /// For each group: for each axis the step in quarter octaves (8 bits), the largest magnitude M (15 bits), and d coefficients plus M in as many bits as number 2M + 1
    /// values; then the spectrum (16 bits an axis).
    /// </summary>
    public static byte[] WriteBases(PackedParameters p)
    {
        var bits = new BitWriter();
        foreach (PackedGroup group in p.Groups)
        {
            for (int axis = 0; axis < group.Rank; axis++)
            {
                ReadOnlySpan<short> row = group.Stored.Coefficients.AsSpan(axis * p.Dimension, p.Dimension);
                int largest = 0;
                foreach (short value in row) largest = Math.Max(largest, Math.Abs((int)value));
                int width = BitsFor((2 * largest) + 1);
                bits.Write((byte)group.Stored.StepQuarters[axis], 8);
                bits.Write((uint)largest, 15);
                foreach (short value in row) bits.Write((uint)(value + largest), width);
            }

            foreach (int value in group.Spectrum) bits.Write((ushort)(short)value, 16);
        }

        return bits.ToArray();
    }

    /// <summary>For each group and axis: least coordinate (32 bits) and width w (5 bits); then each cell's coordinates less that, w bits each.</summary>
    public static byte[] WriteAnchors(PackedParameters p)
    {
        var bits = new BitWriter();
        var steps = p.CellAnchors.Select(anchor => anchor.Select(value => p.AnchorStep > 0 ? (int)MathF.Round(value / p.AnchorStep) : 0).ToArray()).ToArray();
        var least = new int[p.Groups.Length][];
        var widths = new int[p.Groups.Length][];
        for (int group = 0; group < p.Groups.Length; group++)
        {
            int rank = p.Groups[group].Rank;
            least[group] = new int[rank];
            widths[group] = new int[rank];
            int[][] members = [.. steps.Where((_, cell) => p.CellGroups[cell] == group)];
            for (int axis = 0; axis < rank; axis++)
            {
                least[group][axis] = members.Length == 0 ? 0 : members.Min(anchor => anchor[axis]);
                widths[group][axis] = members.Length == 0 ? 0 : BitsFor(members.Max(anchor => anchor[axis]) - least[group][axis] + 1);
                bits.Write((uint)least[group][axis], 32);
                bits.Write((uint)widths[group][axis], 5);
            }
        }

        for (int cell = 0; cell < p.CellCount; cell++)
        {
            int group = p.CellGroups[cell];
            for (int axis = 0; axis < steps[cell].Length; axis++) bits.Write((uint)(steps[cell][axis] - least[group][axis]), widths[group][axis]);
        }

        return bits.ToArray();
    }

    /// <summary>For each cell: group, level (8 bits), scales (4 bits an axis), gains of its classes (6 bits each).</summary>
    public static byte[] WriteScales(PackedParameters p)
    {
        var bits = new BitWriter();
        int groupBits = BitsFor(p.Groups.Length);
        for (int cell = 0; cell < p.CellCount; cell++)
        {
            bits.Write((uint)p.CellGroups[cell], groupBits);
            bits.Write((byte)(sbyte)p.CellLevels[cell], 8);
            foreach (sbyte scale in p.CellScales[cell]) bits.Write((uint)scale, PackedModel.ScaleBits);
            for (int c = 0; c < p.ClassCount; c++) bits.Write((uint)p.ClassGains[(cell * p.ClassCount) + c], PackedModel.GainBits);
        }

        return bits.ToArray();
    }

    /// <summary>List of each vector, in the fewest bits that number the lists.</summary>
    public static byte[] WriteAssignments(ReadOnlySpan<int> lists, int listCount)
    {
        int width = BitsFor(listCount);
        var bits = new BitWriter();
        foreach (int list in lists) bits.Write((uint)list, width);
        return bits.ToArray();
    }

    /// <summary>Bytes of the assignments of <paramref name="count"/> vectors to <paramref name="listCount"/> lists.</summary>
    public static long AssignmentBytes(long count, int listCount) => ((count * BitsFor(listCount)) + 7) / 8;

    /// <summary>Reads a model.</summary>
    /// <exception cref="VlcFormatException">Sections that do not fit one another or the manifest.</exception>
    public static PackedParameters Read(
        Manifest manifest, IndexFiles files, ReadOnlySpan<byte> header, ReadOnlySpan<byte> bases, ReadOnlySpan<byte> anchors, ReadOnlySpan<byte> scales)
    {
        int d = manifest.Dimension, m = manifest.AnchorCount;
        if (header.Length < HeaderBytes) throw Bad(IndexFile.Manifest, "codec model", $"at least {HeaderBytes} bytes", $"{header.Length}");
        int groupCount = BinaryPrimitives.ReadUInt16LittleEndian(header), classes = header[2];
        if (groupCount < 1 || groupCount > m || header.Length != HeaderBytes + (2 * groupCount) + (2 * d))
        {
            throw Bad(IndexFile.Manifest, "codec model", $"1 to {m} groups in {header.Length} bytes", $"{groupCount}");
        }

        if (classes is < 1 or > 8) throw Bad(IndexFile.Manifest, "codec model", "1 to 8 classes", $"{classes}");
        float meanEnergy = BinaryPrimitives.ReadSingleLittleEndian(header[8..]), anchorStep = BinaryPrimitives.ReadSingleLittleEndian(header[12..]);
        if (!(meanEnergy > 0 && float.IsFinite(meanEnergy) && anchorStep >= 0 && float.IsFinite(anchorStep)))
        {
            throw Bad(IndexFile.Manifest, "codec model", "finite energies and steps", $"{meanEnergy} and {anchorStep}");
        }

        var ranks = new int[groupCount];
        for (int group = 0; group < groupCount; group++)
        {
            ranks[group] = BinaryPrimitives.ReadUInt16LittleEndian(header[(HeaderBytes + (2 * group))..]);
            if (ranks[group] < 1 || ranks[group] > d) throw Bad(IndexFile.Manifest, "codec model", $"a rank of 1 to {d}", $"{ranks[group]}");
        }

        var mean = new float[d];
        for (int k = 0; k < d; k++) mean[k] = (float)BinaryPrimitives.ReadHalfLittleEndian(header[(HeaderBytes + (2 * groupCount) + (2 * k))..]);
        if (mean.Any(value => !float.IsFinite(value))) throw Bad(IndexFile.Manifest, "codec model", "a finite mean", "another");

        // Every cell takes at least a level, a scale and its gains: checked before memory is taken for it.
        long leastBits = m * (8L + PackedModel.ScaleBits + (classes * PackedModel.GainBits));
        if (scales.Length < leastBits / 8) throw Bad(IndexFile.Jacobians, "scales", $"at least {leastBits / 8} bytes for {m} cells", $"{scales.Length}");
        PackedGroup[] groups = ReadBases(bases, ranks, d);
        int[] cellGroups = new int[m], levels = new int[m], gains = new int[m * classes];
        var cellScales = new sbyte[m][];
        var bits = new BitReader(scales);
        for (int cell = 0; cell < m; cell++)
        {
            int group = cellGroups[cell] = (int)bits.Read(BitsFor(groupCount));
            if (group >= groupCount) throw Bad(IndexFile.Jacobians, "scales", $"a group below {groupCount}", $"{group}");
            levels[cell] = (sbyte)bits.Read(8);
            cellScales[cell] = new sbyte[ranks[group]];
            foreach (ref sbyte scale in cellScales[cell].AsSpan()) scale = (sbyte)Signed(bits.Read(PackedModel.ScaleBits), PackedModel.ScaleBits);
            for (int c = 0; c < classes; c++) gains[(cell * classes) + c] = Signed(bits.Read(PackedModel.GainBits), PackedModel.GainBits);
        }

        if (bits.Overrun || (bits.Position + 7) / 8 != scales.Length) throw Bad(IndexFile.Jacobians, "scales", $"{(bits.Position + 7) / 8} bytes", $"{scales.Length}");
        return new PackedParameters
        {
            Dimension = d,
            CellCount = m,
            ClassCount = classes,
            Level = Math.Clamp(BinaryPrimitives.ReadInt32LittleEndian(header[4..]), -1 << 20, 1 << 20),
            MeanEnergy = meanEnergy,
            UnitLength = (header[3] & 1) != 0,
            Mean = mean,
            Groups = groups,
            CellGroups = cellGroups,
            CellAnchors = ReadAnchors(anchors, ranks, cellGroups, anchorStep),
            AnchorStep = anchorStep,
            CellLevels = levels,
            CellScales = cellScales,
            ClassGains = gains,
        };

        PackedGroup[] ReadBases(ReadOnlySpan<byte> bytes, int[] ranks, int d)
        {
            // Every axis takes at least 39 bits: checked before memory is taken for it.
            if (bytes.Length < ranks.Sum(rank => (long)rank) * 39 / 8) throw Bad(IndexFile.Jacobians, "bases", "a header for each axis", $"{bytes.Length} bytes");
            var bits = new BitReader(bytes);
            var groups = new PackedGroup[ranks.Length];
            for (int group = 0; group < groups.Length; group++)
            {
                var steps = new sbyte[ranks[group]];
                var coefficients = new short[ranks[group] * d];
                for (int axis = 0; axis < steps.Length; axis++)
                {
                    steps[axis] = (sbyte)bits.Read(8);
                    int largest = (int)bits.Read(15), width = BitsFor((2 * largest) + 1);
                    for (int k = 0; k < d; k++) coefficients[(axis * d) + k] = (short)Math.Min((int)bits.Read(width) - largest, short.MaxValue);
                }

                var stored = new QuantizedBasis { StepQuarters = steps, Coefficients = coefficients };
                var spectrum = new int[ranks[group]];
                foreach (ref int value in spectrum.AsSpan()) value = (short)bits.Read(16);
                if (spectrum.Any(value => value is < -1000 or > LargestAmplitude)) throw Bad(IndexFile.Jacobians, "bases", "amplitudes of 2^-125 to 2^24", "others");
                groups[group] = new PackedGroup { Basis = stored.Restore(d), Rank = ranks[group], Spectrum = spectrum, Stored = stored };
            }

            if (bits.Overrun || (bits.Position + 7) / 8 != bytes.Length) throw Bad(IndexFile.Jacobians, "bases", $"{(bits.Position + 7) / 8} bytes", $"{bytes.Length}");
            return groups;
        }

        float[][] ReadAnchors(ReadOnlySpan<byte> bytes, int[] ranks, int[] cellGroups, float step)
        {
            var bits = new BitReader(bytes);
            var least = new int[ranks.Length][];
            var widths = new int[ranks.Length][];
            for (int group = 0; group < ranks.Length; group++)
            {
                least[group] = new int[ranks[group]];
                widths[group] = new int[ranks[group]];
                for (int axis = 0; axis < ranks[group]; axis++)
                {
                    least[group][axis] = (int)bits.Read(32);
                    widths[group][axis] = (int)bits.Read(5);
                }
            }

            var anchors = new float[cellGroups.Length][];
            for (int cell = 0; cell < anchors.Length; cell++)
            {
                int group = cellGroups[cell];
                anchors[cell] = new float[ranks[group]];
                for (int axis = 0; axis < ranks[group]; axis++)
                {
                    anchors[cell][axis] = unchecked(least[group][axis] + (int)bits.Read(widths[group][axis])) * step;
                    if (!(MathF.Abs(anchors[cell][axis]) <= LargestCoordinate)) throw Bad(IndexFile.Anchors, "anchors", "coordinates within 2^40", "others");
                }
            }

            if (bits.Overrun || (bits.Position + 7) / 8 != bytes.Length) throw Bad(IndexFile.Anchors, "anchors", $"{(bits.Position + 7) / 8} bytes", $"{bytes.Length}");
            return anchors;
        }

        VlcFormatException Bad(IndexFile file, string where, string expected, string found) =>
            new(files.Path(file), where, expected, found, "The file is damaged; rebuild the index.");
    }

    private static int Signed(uint value, int bits) => (int)(value << (32 - bits)) >> (32 - bits);
}
