using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Vlc.Numerics.Kernels;

/// <summary>
/// The micro-kernel of assignment, exact search and every other matrix product: a tile of dot products between a few rows and 32 packed
/// columns.
/// </summary>
/// <remarks>
/// <para>
/// Layout. <c>rows</c> is a packed group: for each of the <c>depth</c> components, one float of each of <see cref="RowCount"/> rows.
/// <c>panel</c> is a panel of <see cref="PackedMatrix"/>: for each component, 32 floats, one of each column. <c>tile</c> is RowCount x 32,
/// row-major.
/// </para>
/// <para>
/// Instruction sets. AVX-512 computes 14 x 32 in 28 of its 32 registers, with two for the panel and one for the broadcast. AVX2 computes
/// 6 x 16, twice, in 12 of 16 registers. 128 bits compute 4 x 8, four times, in 8 registers. Every element is one chain of fused
/// multiply-adds over ascending components, so all shapes and the scalar reference give the same bits.
/// </para>
/// <para>Speed. See docs/architecture.md, "Hot paths"; guarded by bench/Vlc.Bench, AssignmentBenchmarks.</para>
/// </remarks>
internal static unsafe class DotTile
{
    /// <summary>Rows of a tile at this process's instruction set.</summary>
    public static readonly int RowCount = RowCountAt(InstructionSets.Level);

    /// <summary>Most rows that a tile has at any level, for scratch memory.</summary>
    public const int MaxRowCount = 14;

    /// <summary>Rows of a tile at <paramref name="level"/>.</summary>
    public static int RowCountAt(InstructionSetLevel level) => level switch
    {
        InstructionSetLevel.Vector512 => 14,
        InstructionSetLevel.Vector256 => 6,
        _ => 4,
    };

    /// <summary>Computes a tile with the shape of this process's instruction set.</summary>
    public static void Compute(float* rows, float* panel, int depth, float* tile)
    {
        switch (InstructionSets.Level)
        {
            case InstructionSetLevel.Vector512:
                Tile<Shape14x32, Vector512<float>>(rows, panel, depth, tile);
                break;
            case InstructionSetLevel.Vector256:
                Tile<Shape6x16, Vector256<float>>(rows, panel, depth, tile);
                Tile<Shape6x16, Vector256<float>>(rows, panel + 16, depth, tile + 16);
                break;
            case InstructionSetLevel.Vector128:
                for (int column = 0; column < PackedMatrix.PanelWidth; column += 8)
                {
                    Tile<Shape4x8, Vector128<float>>(rows, panel + column, depth, tile + column);
                }

                break;
            default:
                Reference(rows, RowCount, panel, depth, tile);
                break;
        }
    }

    /// <summary>The scalar reference of a tile.</summary>
    public static void Reference(float* rows, int rowCount, float* panel, int depth, float* tile)
    {
        for (int i = 0; i < rowCount; i++)
        {
            for (int j = 0; j < PackedMatrix.PanelWidth; j++)
            {
                float sum = 0;
                for (int k = 0; k < depth; k++)
                {
                    sum = MathF.FusedMultiplyAdd(rows[(k * rowCount) + i], panel[(k * PackedMatrix.PanelWidth) + j], sum);
                }

                tile[(i * PackedMatrix.PanelWidth) + j] = sum;
            }
        }
    }

    /// <summary>
    /// A tile of <see cref="IShape{TVector}.Rows"/> rows and two vectors of columns, whose sums stay in registers. The runtime compiles a
    /// body for each shape, in which the rows that a shape lacks are absent.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile<TShape, TVector>(float* rows, float* panel, int depth, float* tile)
        where TShape : struct, IShape<TVector>
        where TVector : struct
    {
        TVector c00 = default, c01 = default;
        TVector c10 = default, c11 = default;
        TVector c20 = default, c21 = default;
        TVector c30 = default, c31 = default;
        TVector c40 = default, c41 = default;
        TVector c50 = default, c51 = default;
        TVector c60 = default, c61 = default;
        TVector c70 = default, c71 = default;
        TVector c80 = default, c81 = default;
        TVector c90 = default, c91 = default;
        TVector ca0 = default, ca1 = default;
        TVector cb0 = default, cb1 = default;
        TVector cc0 = default, cc1 = default;
        TVector cd0 = default, cd1 = default;
        float* end = rows + ((nint)depth * TShape.Rows);
        while (rows < end)
        {
            TVector b0 = TShape.Load(panel), b1 = TShape.Load(panel + TShape.Width), a;
            a = TShape.Broadcast(rows[0]);
            c00 = TShape.MultiplyAdd(a, b0, c00);
            c01 = TShape.MultiplyAdd(a, b1, c01);
            a = TShape.Broadcast(rows[1]);
            c10 = TShape.MultiplyAdd(a, b0, c10);
            c11 = TShape.MultiplyAdd(a, b1, c11);
            a = TShape.Broadcast(rows[2]);
            c20 = TShape.MultiplyAdd(a, b0, c20);
            c21 = TShape.MultiplyAdd(a, b1, c21);
            a = TShape.Broadcast(rows[3]);
            c30 = TShape.MultiplyAdd(a, b0, c30);
            c31 = TShape.MultiplyAdd(a, b1, c31);
            if (TShape.Rows > 4)
            {
                a = TShape.Broadcast(rows[4]);
                c40 = TShape.MultiplyAdd(a, b0, c40);
                c41 = TShape.MultiplyAdd(a, b1, c41);
                a = TShape.Broadcast(rows[5]);
                c50 = TShape.MultiplyAdd(a, b0, c50);
                c51 = TShape.MultiplyAdd(a, b1, c51);
            }

            if (TShape.Rows > 6)
            {
                a = TShape.Broadcast(rows[6]);
                c60 = TShape.MultiplyAdd(a, b0, c60);
                c61 = TShape.MultiplyAdd(a, b1, c61);
                a = TShape.Broadcast(rows[7]);
                c70 = TShape.MultiplyAdd(a, b0, c70);
                c71 = TShape.MultiplyAdd(a, b1, c71);
                a = TShape.Broadcast(rows[8]);
                c80 = TShape.MultiplyAdd(a, b0, c80);
                c81 = TShape.MultiplyAdd(a, b1, c81);
                a = TShape.Broadcast(rows[9]);
                c90 = TShape.MultiplyAdd(a, b0, c90);
                c91 = TShape.MultiplyAdd(a, b1, c91);
                a = TShape.Broadcast(rows[10]);
                ca0 = TShape.MultiplyAdd(a, b0, ca0);
                ca1 = TShape.MultiplyAdd(a, b1, ca1);
                a = TShape.Broadcast(rows[11]);
                cb0 = TShape.MultiplyAdd(a, b0, cb0);
                cb1 = TShape.MultiplyAdd(a, b1, cb1);
                a = TShape.Broadcast(rows[12]);
                cc0 = TShape.MultiplyAdd(a, b0, cc0);
                cc1 = TShape.MultiplyAdd(a, b1, cc1);
                a = TShape.Broadcast(rows[13]);
                cd0 = TShape.MultiplyAdd(a, b0, cd0);
                cd1 = TShape.MultiplyAdd(a, b1, cd1);
            }

            rows += TShape.Rows;
            panel += PackedMatrix.PanelWidth;
        }

        Store<TShape, TVector>(tile, 0, c00, c01);
        Store<TShape, TVector>(tile, 1, c10, c11);
        Store<TShape, TVector>(tile, 2, c20, c21);
        Store<TShape, TVector>(tile, 3, c30, c31);
        if (TShape.Rows > 4)
        {
            Store<TShape, TVector>(tile, 4, c40, c41);
            Store<TShape, TVector>(tile, 5, c50, c51);
        }

        if (TShape.Rows > 6)
        {
            Store<TShape, TVector>(tile, 6, c60, c61);
            Store<TShape, TVector>(tile, 7, c70, c71);
            Store<TShape, TVector>(tile, 8, c80, c81);
            Store<TShape, TVector>(tile, 9, c90, c91);
            Store<TShape, TVector>(tile, 10, ca0, ca1);
            Store<TShape, TVector>(tile, 11, cb0, cb1);
            Store<TShape, TVector>(tile, 12, cc0, cc1);
            Store<TShape, TVector>(tile, 13, cd0, cd1);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store<TShape, TVector>(float* tile, int row, TVector first, TVector second)
        where TShape : struct, IShape<TVector>
        where TVector : struct
    {
        TShape.Store(first, tile + (row * PackedMatrix.PanelWidth));
        TShape.Store(second, tile + (row * PackedMatrix.PanelWidth) + TShape.Width);
    }

    /// <summary>The shape of a tile: rows, and the vectors that hold its columns.</summary>
    private interface IShape<TVector>
        where TVector : struct
    {
        /// <summary>4, 6 or 14.</summary>
        static abstract int Rows { get; }

        /// <summary>Floats of a vector.</summary>
        static abstract int Width { get; }

        static abstract TVector Load(float* source);

        static abstract TVector Broadcast(float value);

        /// <summary>x·y + sum, rounded once.</summary>
        static abstract TVector MultiplyAdd(TVector x, TVector y, TVector sum);

        static abstract void Store(TVector vector, float* target);
    }

    /// <summary>14 rows x 32 columns in 28 accumulators.</summary>
    private readonly struct Shape14x32 : IShape<Vector512<float>>
    {
        public static int Rows => 14;

        public static int Width => 16;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector512<float> Load(float* source) => Vector512.Load(source);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector512<float> Broadcast(float value) => Vector512.Create(value);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector512<float> MultiplyAdd(Vector512<float> x, Vector512<float> y, Vector512<float> sum) =>
            Vector512.FusedMultiplyAdd(x, y, sum);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Store(Vector512<float> vector, float* target) => vector.Store(target);
    }

    /// <summary>6 rows x 16 columns in 12 accumulators.</summary>
    private readonly struct Shape6x16 : IShape<Vector256<float>>
    {
        public static int Rows => 6;

        public static int Width => 8;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector256<float> Load(float* source) => Vector256.Load(source);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector256<float> Broadcast(float value) => Vector256.Create(value);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector256<float> MultiplyAdd(Vector256<float> x, Vector256<float> y, Vector256<float> sum) =>
            Vector256.FusedMultiplyAdd(x, y, sum);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Store(Vector256<float> vector, float* target) => vector.Store(target);
    }

    /// <summary>4 rows x 8 columns in 8 accumulators.</summary>
    private readonly struct Shape4x8 : IShape<Vector128<float>>
    {
        public static int Rows => 4;

        public static int Width => 4;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector128<float> Load(float* source) => Vector128.Load(source);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector128<float> Broadcast(float value) => Vector128.Create(value);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector128<float> MultiplyAdd(Vector128<float> x, Vector128<float> y, Vector128<float> sum) =>
            Vector128.FusedMultiplyAdd(x, y, sum);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Store(Vector128<float> vector, float* target) => vector.Store(target);
    }
}
