using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Vlc.Numerics.Threading;

namespace Vlc.Anchors;

/// <summary>
/// Statistics of all residuals that codecs need before they code any: energy an axis, and the largest magnitude an axis and cell. Sums are
/// taken in fixed blocks and added in their order, and maxima do not depend on order, so the number of threads has no effect.
/// </summary>
internal sealed class ResidualStatistics
{
    private const int RowsPerTask = 256;

    private readonly int _dimension;
    private readonly int _cellCount;
    private readonly int _threads;
    private readonly float[][] _largest;
    private readonly double[] _energy;
    private float[]? _largestMerged;
    private long _rows;

    public ResidualStatistics(int dimension, int cellCount, int threads)
    {
        _dimension = dimension;
        _cellCount = cellCount;
        _threads = threads;
        _energy = new double[dimension];
        _largest = new float[threads][];
    }

    /// <summary>Sum of squared residuals on each axis.</summary>
    public ReadOnlySpan<double> Energy => _energy;

    /// <summary>Mean squared length of a residual.</summary>
    public double Distortion
    {
        get
        {
            double sum = 0;
            foreach (double value in _energy) sum += value;
            return sum / _rows;
        }
    }

    public void Add(ReadOnlyMemory<float> rows, ReadOnlyMemory<int> assignments, float[] anchors, CancellationToken cancellationToken)
    {
        int count = assignments.Length, tasks = BlockScheduler.BlockCount(count, RowsPerTask);
        var partial = new double[tasks][];
        BlockScheduler.Run(
            tasks, _threads,
            (task, worker) =>
            {
                float[] largest = _largest[worker] ??= new float[_cellCount * _dimension];
                var energy = new double[_dimension];
                var residual = new float[_dimension];
                int end = Math.Min((task + 1) * RowsPerTask, count);
                for (int row = task * RowsPerTask; row < end; row++)
                {
                    int cell = assignments.Span[row];
                    TensorPrimitives.Subtract(
                        rows.Span.Slice(row * _dimension, _dimension), anchors.AsSpan(cell * _dimension, _dimension), residual);
                    Span<float> cellLargest = largest.AsSpan(cell * _dimension, _dimension);
                    for (int k = 0; k < residual.Length; k++)
                    {
                        float value = residual[k];
                        energy[k] += (double)value * value;
                        cellLargest[k] = MathF.Max(cellLargest[k], MathF.Abs(value));
                    }
                }

                partial[task] = energy;
            },
            cancellationToken);
        foreach (double[] energy in partial) TensorPrimitives.Add(_energy, energy, _energy);
        _rows += count;
        _largestMerged = null;
    }

    /// <summary>Largest magnitude on an axis of a cell.</summary>
    public float Largest(int cell, int axis) => Merged()[(cell * _dimension) + axis];

    /// <summary>Largest magnitude on an axis.</summary>
    public float Largest(int axis)
    {
        float[] merged = Merged();
        float largest = 0;
        for (int index = axis; index < merged.Length; index += _dimension) largest = MathF.Max(largest, merged[index]);
        return largest;
    }

    /// <summary>Writes the state, so that a later run can continue from it.</summary>
    public void Save(BinaryWriter writer)
    {
        writer.Write(_rows);
        writer.Write(MemoryMarshal.AsBytes(_energy.AsSpan()));
        writer.Write(MemoryMarshal.AsBytes(Merged().AsSpan()));
    }

    /// <summary>Restores the state that <see cref="Save"/> wrote.</summary>
    public void Restore(BinaryReader reader)
    {
        _rows = reader.ReadInt64();
        reader.BaseStream.ReadExactly(MemoryMarshal.AsBytes(_energy.AsSpan()));
        _largest[0] = new float[_cellCount * _dimension];
        reader.BaseStream.ReadExactly(MemoryMarshal.AsBytes(_largest[0].AsSpan()));
    }

    private float[] Merged()
    {
        if (_largestMerged is not null) return _largestMerged;
        var merged = new float[_cellCount * _dimension];
        foreach (float[] largest in _largest)
        {
            if (largest is not null) TensorPrimitives.Max(merged, largest, merged);
        }

        return _largestMerged = merged;
    }
}
