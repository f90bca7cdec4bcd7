using System.Collections.Concurrent;
using Vlc.Codecs.Packed;
using Vlc.Numerics.Kernels;

namespace Vlc.Codecs.Parity;

/// <summary>
/// The code of codec <c>parity</c> (<see cref="ParityTrellis"/>): axes in the order of their weighted variances, in groups of 8 that have
/// the same bits; a last group that is not full is padded with axes of scale 0.
/// </summary>
/// <param name="tables">The codebooks; must outlive the code.</param>
/// <param name="nibbles">Nibbles of a row that the first stage of a scan reads; 0 for none.</param>
internal sealed class ParityCode(ParityTables tables, int nibbles) : TrellisCode
{
    /// <summary>64 · log2(D(b - 1) - D(b)) of the codebooks, D(0) = 1: what bit b of an axis of variance 1 gains.</summary>
    private static readonly int[] GainOfBit = [0, -30, -146, -271, -394, -515, -639, -771];

    /// <summary>64 · log2 of the share of a group's axes that are there, by their number.</summary>
    private static readonly int[] PartialGroup = [0, -192, -128, -91, -64, -43, -27, -12, 0];

    private readonly ConcurrentDictionary<PackedModel.List, ParityLayout> _ofLists = new(ReferenceEqualityComparer.Instance);
    private readonly ConcurrentDictionary<string, ParityLayout> _ofBits = new();

    /// <summary>With the codebooks that indexes are built with, for models that are not scanned.</summary>
    public static ParityCode Designed { get; } = new(ParityTables.Designed, nibbles: 0);

    /// <summary>The codebooks.</summary>
    public ParityTables Tables => tables;

    public override int Allocate(ReadOnlySpan<int> variances, int level, int equalStride, Span<byte> bits, out int[] order)
    {
        int rank = variances.Length, groups = (rank + ParityTrellis.GroupAxes - 1) / ParityTrellis.GroupAxes;

        // Most variance first, of equal ones the lowest number.
        var keys = new long[rank];
        for (int axis = 0; axis < rank; axis++) keys[axis] = (-(long)variances[axis] << 32) | (uint)axis;
        Array.Sort(keys);
        var means = new int[groups];
        for (int group = 0; group < groups; group++)
        {
            int first = group * ParityTrellis.GroupAxes, count = Math.Min(ParityTrellis.GroupAxes, rank - first);
            long sum = 0;
            foreach (long key in keys.AsSpan(first, count)) sum += variances[(int)(uint)key];
            means[group] = (int)(sum / count) + PartialGroup[count];
        }

        var groupBits = new byte[groups];
        int stride = equalStride > 0
            ? BitAllocation.AllocateGroupBytes(means, GainOfBit, equalStride, groupBits)
            : BitAllocation.AllocateGroups(means, GainOfBit, level, groupBits);
        bits.Clear();
        int coded = Math.Min(rank, ParityTrellis.GroupAxes * (groupBits.AsSpan().IndexOf((byte)0) is var end && end >= 0 ? end : groups));
        order = new int[coded];
        for (int i = 0; i < coded; i++) bits[order[i] = (int)(uint)keys[i]] = groupBits[i / ParityTrellis.GroupAxes];
        return stride;
    }

    public override double MeanSquaredError(int bits) => ParityTables.MeanSquaredError[bits];

    public override int Symbols(int axes) => (axes + ParityTrellis.GroupAxes - 1) & -ParityTrellis.GroupAxes;

    public override StringSearch CreateSearch(int axes) => new Search(tables, Symbols(axes));

    public override void Pack(PackedModel.List coded, ReadOnlySpan<byte> symbols, Span<byte> code)
    {
        if (coded.Stride > 0) Layout(coded).PackRow(symbols, code);
    }

    /// <summary>How the rows of a list lie: one object for all lists of the same bits.</summary>
    public ParityLayout Layout(PackedModel.List coded) => _ofLists.GetOrAdd(coded, list =>
    {
        Span<byte> bits = stackalloc byte[Groups(list)];
        GroupBits(list, bits);
        Span<char> key = stackalloc char[bits.Length];
        for (int group = 0; group < bits.Length; group++) key[group] = (char)bits[group];
        return _ofBits.GetOrAdd(key.ToString(), MakeLayout);
    });

    private ParityLayout MakeLayout(string groupBits)
    {
        byte[] bits = [.. groupBits.Select(b => (byte)b)], coarse = new byte[bits.Length];
        ParityLayout.ChooseCoarseBits(bits, nibbles, coarse);
        return new ParityLayout(bits, coarse);
    }

    private static int Groups(PackedModel.List coded) => (coded.Axes.Length + ParityTrellis.GroupAxes - 1) / ParityTrellis.GroupAxes;

    private static void GroupBits(PackedModel.List coded, Span<byte> bits)
    {
        for (int group = 0; group < bits.Length; group++) bits[group] = coded.Bits[group * ParityTrellis.GroupAxes];
    }

    private sealed class Search(ParityTables tables, int symbols) : StringSearch
    {
        private readonly ParityEncoder _encoder = new(tables, symbols);
        private readonly float[] _target = new float[symbols], _scale = new float[symbols];
        private readonly byte[] _bits = new byte[symbols / ParityTrellis.GroupAxes];

        public override float Encode(
            ReadOnlySpan<float> target, ReadOnlySpan<float> scale, PackedModel.List coded, Span<byte> symbols, Span<float> values)
        {
            Span<byte> bits = _bits.AsSpan(0, Groups(coded));
            GroupBits(coded, bits);
            int padded = bits.Length * ParityTrellis.GroupAxes;
            target.CopyTo(_target);
            scale.CopyTo(_scale);
            _target.AsSpan(target.Length..padded).Clear();
            _scale.AsSpan(target.Length..padded).Clear();
            return _encoder.Encode(_target.AsSpan(0, padded), _scale.AsSpan(0, padded), bits, symbols, values);
        }

        public override void Dispose() => _encoder.Dispose();
    }
}
