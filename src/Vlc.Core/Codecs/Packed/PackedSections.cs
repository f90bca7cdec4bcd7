using System.Buffers.Binary;
using System.Numerics;
using System.Numerics.Tensors;
using Vlc.Storage;

namespace Vlc.Codecs.Packed;

/// <summary>
/// The packed model as bytes: a header, and three streams in which every number is coded by a model of the numbers before it.
/// docs/format.md specifies them to the bit.
/// </summary>
internal static class PackedSections
{
    private const int HeaderBytes = 20;

    /// <summary>Version of the layout of these sections: 1 codes their numbers adaptively, 0 stored them in fixed widths.</summary>
    private const byte Layout = 1;

    /// <summary>
    /// Largest log2 of an amplitude of a spectrum, in eighths of an octave: 2^24, as components are below 2^10 in scaled units.
    /// </summary>
    private const int LargestAmplitude = 8 * 24;

    /// <summary>Largest coordinate of an anchor; squared distances to it stay finite in any dimension.</summary>
    private const float LargestCoordinate = 1L << 40;

    /// <summary>
    /// Numbers, and steps of work, that any index may take to open; and as many for each byte of its files. No index that was built comes
    /// near either.
    /// </summary>
    private const long FewNumbers = 1 << 23, NumbersPerByte = 256, LittleWork = 1L << 30, WorkPerByte = 1 << 15;

    /// <summary>Bits of the numbers from 0 to <paramref name="count"/> - 1; 0 for a count of one.</summary>
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
        bytes[16] = Layout;
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(18), (ushort)p.EqualStride);
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

    /// <summary>Bases and spectra: one stream of <see cref="AdaptiveCoder"/>.</summary>
    public static byte[] WriteBases(PackedParameters p)
    {
        var coder = new AdaptiveWriter();
        foreach (PackedGroup group in p.Groups)
        {
            CodeBasis(coder, p.Dimension, group.Stored.StepQuarters, group.Stored.Coefficients, group.Spectrum);
        }

        return coder.ToArray();
    }

    /// <summary>Coordinates of the anchors in steps: one stream.</summary>
    public static byte[] WriteAnchors(PackedParameters p)
    {
        var coder = new AdaptiveWriter();
        var anchors = new AnchorModel(p.Groups.Select(group => group.Rank));
        for (int cell = 0; cell < p.CellCount; cell++)
        {
            int[] steps = [.. p.CellAnchors[cell].Select(value => p.AnchorStep > 0 ? (int)MathF.Round(value / p.AnchorStep) : 0)];
            anchors.Code(coder, p.CellGroups[cell], steps);
        }

        return coder.ToArray();
    }

    /// <summary>For each cell: group, level, scales, gains of its classes: one stream.</summary>
    public static byte[] WriteScales(PackedParameters p)
    {
        var coder = new AdaptiveWriter();
        var scales = new ScaleModel(p.Groups.Length, p.ClassCount);
        for (int cell = 0; cell < p.CellCount; cell++)
        {
            scales.Group(coder, p.CellGroups[cell]);
            int level = p.CellLevels[cell];
            scales.Cell(coder, ref level, p.CellScales[cell], p.ClassGains.AsSpan(cell * p.ClassCount, p.ClassCount));
        }

        return coder.ToArray();
    }

    /// <summary>Reads a model, with another design than that of codec packed if one is given.</summary>
    /// <exception cref="VlcFormatException">Sections contradict one another or the manifest.</exception>
    public static PackedParameters Read(
        Manifest manifest, IndexFiles files, ReadOnlySpan<byte> header, ReadOnlySpan<byte> bases, ReadOnlySpan<byte> anchors,
        ReadOnlySpan<byte> scales, PackedDesign? design = null)
    {
        int d = manifest.Dimension, m = manifest.AnchorCount;
        if (header.Length < HeaderBytes) throw Bad(IndexFile.Manifest, "codec model", $"at least {HeaderBytes} bytes", $"{header.Length}");
        int groupCount = BinaryPrimitives.ReadUInt16LittleEndian(header), classes = header[2];
        if (groupCount < 1 || groupCount > m || header.Length != HeaderBytes + (2 * groupCount) + (2 * d))
        {
            throw Bad(IndexFile.Manifest, "codec model", $"1 to {m} groups in {header.Length} bytes", $"{groupCount}");
        }

        if (header[16] != Layout)
        {
            throw new VlcFormatException(
                files.Path(IndexFile.Manifest), "codec model", $"layout {Layout}", $"{header[16]}",
                "Another version of VLC wrote the index: rebuild it with this one, or read it with that one.");
        }

        if (classes is < 1 or > 8) throw Bad(IndexFile.Manifest, "codec model", "1 to 8 classes", $"{classes}");
        float meanEnergy = BinaryPrimitives.ReadSingleLittleEndian(header[8..]);
        float anchorStep = BinaryPrimitives.ReadSingleLittleEndian(header[12..]);
        if (!(meanEnergy > 0 && float.IsFinite(meanEnergy) && anchorStep >= 0 && float.IsFinite(anchorStep)))
        {
            throw Bad(IndexFile.Manifest, "codec model", "finite energies and steps", $"{meanEnergy} and {anchorStep}");
        }

        var ranks = new int[groupCount];
        for (int group = 0; group < groupCount; group++)
        {
            ranks[group] = BinaryPrimitives.ReadUInt16LittleEndian(header[(HeaderBytes + (2 * group))..]);
            if (ranks[group] < 1 || ranks[group] > d)
            {
                throw Bad(IndexFile.Manifest, "codec model", $"a rank of 1 to {d}", $"{ranks[group]}");
            }
        }

        var mean = new float[d];
        for (int k = 0; k < d; k++)
        {
            mean[k] = (float)BinaryPrimitives.ReadHalfLittleEndian(header[(HeaderBytes + (2 * groupCount) + (2 * k))..]);
        }

        if (mean.Any(value => !float.IsFinite(value))) throw Bad(IndexFile.Manifest, "codec model", "a finite mean", "another");

        // Memory and time follow from the length of the files, not from what they claim.
        long bytesOfIndex = manifest.Sections.Sum(section => section.Length);
        long mostNumbers = Math.Max(FewNumbers, NumbersPerByte * bytesOfIndex), mostWork = Math.Max(LittleWork, WorkPerByte * bytesOfIndex);
        // At least a level, a scale and the gains of each cell.
        Require(IndexFile.Jacobians, "scales", scales, (2L + classes) * m);
        PackedGroup[] groups = ReadBases(bases, ranks, d);
        int[] cellGroups = new int[m], levels = new int[m], gains = new int[m * classes];
        var cellScales = new sbyte[m][];
        var coder = new AdaptiveReader(scales);
        var model = new ScaleModel(groupCount, classes);
        for (int cell = 0; cell < m && coder.Position <= scales.Length; cell++)
        {
            int group = cellGroups[cell] = model.Group(coder, 0);
            if (group >= groupCount) throw Bad(IndexFile.Jacobians, "scales", $"a group below {groupCount}", $"{group}");
            cellScales[cell] = new sbyte[ranks[group]];
            Span<int> own = gains.AsSpan(cell * classes, classes);
            model.Cell(coder, ref levels[cell], cellScales[cell], own);
            const int LargestGain = 1 << (PackedModel.GainBits - 1);
            if (levels[cell] is < sbyte.MinValue or > sbyte.MaxValue || own.ContainsAnyExceptInRange(-LargestGain, LargestGain - 1))
            {
                throw Bad(IndexFile.Jacobians, "scales", "levels and gains in their ranges", "others");
            }
        }

        RequireAll(IndexFile.Jacobians, "scales", coder, scales.Length);
        long axes = cellGroups.Sum(group => (long)ranks[group]);
        Bound(IndexFile.Anchors, "anchors", "floats", (long)m * d, mostNumbers);
        Bound(IndexFile.Anchors, "anchors", "steps of work", axes * d, mostWork);
        Bound(IndexFile.Jacobians, "scales", "axes of lists", axes * classes, mostNumbers);
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
            Design = design ?? PackedDesign.Default,
            EqualStride = BinaryPrimitives.ReadUInt16LittleEndian(header[18..]),
        };

        PackedGroup[] ReadBases(ReadOnlySpan<byte> bytes, int[] ranks, int d)
        {
            Require(IndexFile.Jacobians, "bases", bytes, ranks.Sum(rank => (long)rank * (d + 2)));
            Bound(IndexFile.Jacobians, "bases", "coefficients", ranks.Sum(rank => (long)rank * d), mostNumbers);
            var coder = new AdaptiveReader(bytes);
            var groups = new PackedGroup[ranks.Length];
            for (int group = 0; group < groups.Length; group++)
            {
                var stored = new QuantizedBasis { StepQuarters = new sbyte[ranks[group]], Coefficients = new short[ranks[group] * d] };
                var spectrum = new int[ranks[group]];
                if (!CodeBasis(coder, d, stored.StepQuarters, stored.Coefficients, spectrum))
                {
                    throw Bad(IndexFile.Jacobians, "bases", "coefficients of 15 bits", "others");
                }

                if (spectrum.Any(value => value is < -1000 or > LargestAmplitude))
                {
                    throw Bad(IndexFile.Jacobians, "bases", "amplitudes of 2^-125 to 2^24", "others");
                }

                if (coder.Position > bytes.Length) break;
                float[] basis = stored.TryRestore(d, mostWork / groups.Length) ?? throw Bad(
                    IndexFile.Jacobians, "bases", $"bases that take at most {mostWork} steps of work, by the bytes of the index", "more");
                groups[group] = new PackedGroup { Basis = basis, Rank = ranks[group], Spectrum = spectrum, Stored = stored };
            }

            RequireAll(IndexFile.Jacobians, "bases", coder, bytes.Length);
            return groups;
        }

        float[][] ReadAnchors(ReadOnlySpan<byte> bytes, int[] ranks, int[] cellGroups, float step)
        {
            Require(IndexFile.Anchors, "anchors", bytes, cellGroups.Sum(group => (long)ranks[group]));
            var coder = new AdaptiveReader(bytes);
            var model = new AnchorModel(ranks);
            var anchors = new float[cellGroups.Length][];
            for (int cell = 0; cell < anchors.Length && coder.Position <= bytes.Length; cell++)
            {
                var steps = new int[ranks[cellGroups[cell]]];
                model.Code(coder, cellGroups[cell], steps);
                float[] anchor = anchors[cell] = Array.ConvertAll(steps, coordinate => coordinate * step);
                if (!(TensorPrimitives.MaxMagnitude<float>(anchor) is >= -LargestCoordinate and <= LargestCoordinate))
                {
                    throw Bad(IndexFile.Anchors, "anchors", "coordinates within 2^40", "others");
                }
            }

            RequireAll(IndexFile.Anchors, "anchors", coder, bytes.Length);
            return anchors;
        }

        // Every number takes at least one decision, so the count is checked before memory is allocated.
        void Require(IndexFile file, string where, ReadOnlySpan<byte> bytes, long numbers)
        {
            if (numbers > (long)bytes.Length * AdaptiveBit.MostPerByte)
            {
                throw Bad(file, where, $"{numbers} numbers", $"{bytes.Length} bytes");
            }
        }

        void Bound(IndexFile file, string where, string what, long claimed, long most)
        {
            if (claimed > most) throw Bad(file, where, $"at most {most} {what}, by the bytes of the index", $"{claimed}");
        }

        void RequireAll(IndexFile file, string where, AdaptiveReader coder, int length)
        {
            if (coder.Position != length)
            {
                throw Bad(file, where, coder.Position < length ? $"{coder.Position} bytes" : "more bytes", $"{length}");
            }
        }

        VlcFormatException Bad(IndexFile file, string where, string expected, string found) =>
            new(files.Path(file), where, expected, found, "The file is damaged; rebuild the index.");
    }

    /// <summary>
    /// For each axis: the difference of its step to the one before; its coefficients; the difference of its amplitude to the one before.
    /// Coefficients of equal steps share a model, since unit rows over equal steps are of equal size.
    /// </summary>
    /// <returns>False where a number is out of range.</returns>
    private static bool CodeBasis(AdaptiveCoder coder, int dimension, Span<sbyte> steps, Span<short> coefficients, Span<int> spectrum)
    {
        NumberModel stepModel = new(), spectrumModel = new();
        var models = new NumberModel?[256];
        int step = 0, amplitude = 0;
        for (int axis = 0; axis < steps.Length; axis++)
        {
            step += coder.Number(steps[axis] - step, stepModel);
            if (step is < sbyte.MinValue or > sbyte.MaxValue) return false;
            steps[axis] = (sbyte)step;
            NumberModel model = models[(byte)step] ??= new NumberModel();
            foreach (ref short coefficient in coefficients.Slice(axis * dimension, dimension))
            {
                int coded = coder.Number(coefficient, model);
                if (coded is < -short.MaxValue or > short.MaxValue) return false;
                coefficient = (short)coded;
            }

            amplitude += coder.Number(spectrum[axis] - amplitude, spectrumModel);
            if (amplitude is < short.MinValue or > short.MaxValue) return false;
            spectrum[axis] = amplitude;
        }

        return true;
    }

    /// <summary>
    /// Coordinates of anchors. The model depends on the size of the coordinates of the axis and of its neighbours in the group's cells so
    /// far, and on the coordinate before.
    /// </summary>
    private sealed class AnchorModel(IEnumerable<int> ranks)
    {
        private readonly long[][] _sums = [.. ranks.Select(rank => new long[rank + 2])];
        private readonly Dictionary<int, int> _cells = [];
        private readonly NumberModel?[] _models = new NumberModel?[64];

        public void Code(AdaptiveCoder coder, int group, Span<int> steps)
        {
            // Sums are shifted by one, so that the axes at the ends have neighbours.
            long[] sums = _sums[group];
            int cells = _cells.GetValueOrDefault(group);
            long before = 0;
            for (int axis = 0; axis < steps.Length; axis++)
            {
                long size = ((4 * (sums[axis] + (2 * sums[axis + 1]) + sums[axis + 2])) + (16 * before)) / (cells + 1);
                NumberModel model = _models[HalfOctave(size)] ??= new NumberModel();
                steps[axis] = coder.Number(steps[axis], model);
                before = Math.Abs(steps[axis]);
            }

            for (int axis = 0; axis < steps.Length; axis++) sums[axis + 1] += Math.Abs(steps[axis]);
            _cells[group] = cells + 1;
        }

        /// <summary>
        /// 0 for 0, else twice the position of the leading bit plus the bit below it. It is 0 to 63 for the mean of the coordinates of up
        /// to 2^31 cells.
        /// </summary>
        private static int HalfOctave(long size)
        {
            if (size < 2) return (int)size;
            int position = 63 - BitOperations.LeadingZeroCount((ulong)size);
            return Math.Min((2 * position) + (int)((size >> (position - 1)) & 1), 63);
        }
    }

    /// <summary>The numbers of cells; the model of a scale depends on the mean of the two before it.</summary>
    private sealed class ScaleModel(int groups, int classes)
    {
        private const int Half = 1 << (PackedModel.ScaleBits - 1);

        private readonly int _groupBits = BitsFor(groups);
        private readonly AdaptiveBit[] _groups = new AdaptiveBit[1 << BitsFor(groups)];
        private readonly NumberModel _level = new();
        private readonly AdaptiveBit[] _scales = new AdaptiveBit[4 * Half * Half];
        private readonly NumberModel[] _gains = [.. Enumerable.Range(0, classes).Select(_ => new NumberModel())];
        private readonly int[] _lastGains = new int[classes];

        public int Group(AdaptiveCoder coder, int group) => coder.Symbol(group, _groupBits, _groups);

        public void Cell(AdaptiveCoder coder, ref int level, Span<sbyte> scales, Span<int> gains)
        {
            level = coder.Number(level, _level);
            int before = 0, beforeThat = 0;
            foreach (ref sbyte scale in scales)
            {
                int context = ((before + beforeThat) >> 1) + Half;
                (before, beforeThat) = (
                    coder.Symbol(scale + Half, PackedModel.ScaleBits, _scales.AsSpan(context * 2 * Half, 2 * Half)) - Half, before);
                scale = (sbyte)before;
            }

            for (int c = 0; c < gains.Length; c++) gains[c] = _lastGains[c] += coder.Number(gains[c] - _lastGains[c], _gains[c]);
        }
    }
}
