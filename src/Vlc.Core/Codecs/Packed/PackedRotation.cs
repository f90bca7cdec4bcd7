using System.Numerics.Tensors;
using Vlc.Numerics.Kernels;

namespace Vlc.Codecs.Packed;

/// <summary>The rotation: turns rows into residuals in the basis of their group, y = B·(x - μ) - z.</summary>
internal sealed class PackedRotation : IDisposable
{
    private readonly PackedParameters _parameters;
    private readonly PackedMatrix[] _bases;

    public PackedRotation(PackedParameters parameters)
    {
        _parameters = parameters;
        _bases = [.. parameters.Groups.Select(group => new PackedMatrix(group.Basis, group.Rank, parameters.Dimension))];
    }

    /// <summary>The residual of a row, rank floats.</summary>
    /// <param name="row">d floats, in scaled units.</param>
    /// <param name="cell">Its cell.</param>
    /// <param name="energy">Squared length of the residual over all d axes, with those outside the basis.</param>
    public float[] Residual(ReadOnlySpan<float> row, int cell, out double energy)
    {
        int group = _parameters.CellGroups[cell];
        var centred = new float[_parameters.Dimension];
        TensorPrimitives.Subtract(row, _parameters.Mean, centred);
        var residual = new float[_bases[group].ColumnCount];
        _bases[group].Multiply(centred, residual);
        energy = TakeAnchor(centred, residual, _parameters.CellAnchors[cell]);
        return residual;
    }

    /// <summary>From coordinates to a residual; returns its energy over all axes.</summary>
    private static double TakeAnchor(ReadOnlySpan<float> centred, Span<float> rotated, ReadOnlySpan<float> anchor)
    {
        double outside = Math.Max(0, (double)Distances.Dot(centred, centred) - Distances.Dot(rotated, rotated));
        TensorPrimitives.Subtract(rotated, anchor, rotated);
        return outside + Distances.Dot(rotated, rotated);
    }

    public void Dispose()
    {
        foreach (PackedMatrix basis in _bases) basis.Dispose();
    }

    /// <summary>
    /// One thread's residuals of consecutive rows. A basis is read once for all of them. The bits are those of <see cref="Residual"/>.
    /// </summary>
    internal sealed class Block(PackedRotation rotation)
    {
        /// <summary>Most bytes of the rows of a block, which stay in the second-level cache.</summary>
        private const int MostBytes = 512 << 10;

        /// <summary>With fewer rows of one basis, row by row is faster: the tile kernel always computes whole tiles.</summary>
        private const int LeastRows = 6;

        private float[] _centred = [], _rotated = [];
        private readonly double[] _energies = new double[RowsFor(rotation._parameters.Dimension)];
        private readonly int[] _order = new int[RowsFor(rotation._parameters.Dimension)];
        private readonly int[] _starts = new int[RowsFor(rotation._parameters.Dimension)];
        private readonly int[] _ranks = new int[RowsFor(rotation._parameters.Dimension)];

        /// <summary>Most rows of a block.</summary>
        public int Capacity => _order.Length;

        /// <summary>Residual of a row of the block, rank floats.</summary>
        public ReadOnlySpan<float> Residual(int row) => _rotated.AsSpan(_starts[row], _ranks[row]);

        /// <summary>Squared length of a row's residual over all d axes, with those outside the basis.</summary>
        public double Energy(int row) => _energies[row];

        /// <summary>Computes the residuals of <paramref name="count"/> rows, the first of them number <paramref name="first"/>.</summary>
        /// <param name="first">Number of the first row.</param>
        /// <param name="count">At most <see cref="Capacity"/>.</param>
        /// <param name="row">Returns a row by its number.</param>
        /// <param name="cells">Cell of each row of the block.</param>
        public void Rotate(int first, int count, Func<int, ReadOnlySpan<float>> row, ReadOnlySpan<int> cells)
        {
            PackedParameters p = rotation._parameters;
            int d = p.Dimension, placed = 0, used = 0;
            if (_centred.Length < count * d) (_centred, _rotated) = (new float[count * d], new float[count * d]);
            for (int group = 0; group < rotation._bases.Length && placed < count; group++)
            {
                int begin = placed, rank = rotation._bases[group].ColumnCount;
                for (int i = 0; i < count; i++)
                {
                    if (p.CellGroups[cells[i]] == group) _order[placed++] = i;
                }

                int members = placed - begin;
                if (members == 0) continue;
                for (int i = 0; i < members; i++)
                {
                    TensorPrimitives.Subtract(row(first + _order[begin + i]), p.Mean, _centred.AsSpan(i * d, d));
                }

                Span<float> rotated = _rotated.AsSpan(used, members * rank);
                if (members >= LeastRows)
                {
                    MatrixProduct.Multiply(_centred, members, rotation._bases[group], rotated, threads: 1);
                }
                else
                {
                    for (int i = 0; i < members; i++) rotation._bases[group].Multiply(_centred.AsSpan(i * d, d), rotated[(i * rank)..]);
                }

                for (int i = 0; i < members; i++)
                {
                    int number = _order[begin + i];
                    _energies[number] = TakeAnchor(_centred.AsSpan(i * d, d), rotated.Slice(i * rank, rank), p.CellAnchors[cells[number]]);
                    (_starts[number], _ranks[number]) = (used + (i * rank), rank);
                }

                used += members * rank;
            }
        }

        private static int RowsFor(int dimension) => Math.Clamp(MostBytes / (dimension * sizeof(float)), 16, 256);
    }
}
