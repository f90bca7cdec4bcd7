using Vlc.Codecs.Packed;
using Vlc.Numerics.Kernels;

namespace Vlc.Codecs.Parity;

/// <summary>
/// What a query of codec <c>parity</c> keeps: its coordinates, and what it has prepared for the list last scanned, which other segments may
/// have, too.
/// </summary>
internal sealed class ParityQuery(PackedParameters parameters) : LocalBasesQuery(parameters)
{
    private ushort[] _sums = [], _chosenSums = [];
    private float[] _target = [];

    /// <summary>The list for which rows can be measured; -1 for none.</summary>
    public int List { get; set; } = -1;

    /// <summary>As the list's preparation has it.</summary>
    public float Offset { get; set; }

    /// <summary>The list that the tables are for; -1 for none.</summary>
    public int TablesList { get; set; } = -1;

    /// <summary>
    /// Query minus the anchor of a cell, where lengths count as one; its squared length; and the cell. The classes of a cell share them.
    /// </summary>
    public float[] Differences { get; } = new float[parameters.Dimension];

    public float DifferencesSquared { get; set; }

    public int DifferencesCell { get; set; } = -1;

    /// <summary>Tables of the first stage.</summary>
    public FastScanTables Tables { get; } = new();

    /// <summary>Room for the sums of so many rows, and a block beyond.</summary>
    public Span<ushort> Sums(int rows) => Room(ref _sums, rows + (2 * ParityLayout.BlockRows));

    /// <summary>Room for the sums of the rows that are asked for.</summary>
    public Span<ushort> ChosenSums(int rows) => Room(ref _chosenSums, rows + (2 * ParityLayout.BlockRows));

    /// <summary>Room for query minus anchor on the coded axes.</summary>
    public Span<float> Target(int axes) => Room(ref _target, axes);

    public override void Reset()
    {
        base.Reset();
        (List, TablesList, DifferencesCell) = (-1, -1, -1);
    }

    public override void Dispose()
    {
        base.Dispose();
        Tables.Dispose();
    }

    private static Span<T> Room<T>(ref T[] array, int length)
    {
        if (array.Length < length) array = new T[length];
        return array.AsSpan(0, length);
    }
}
