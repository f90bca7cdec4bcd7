using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Vlc.Numerics.Kernels;

/// <summary>
/// The micro-kernel under assignment, exact search and every other matrix product: a tile of dot products between a few rows and 32
/// packed columns.
/// </summary>
/// <remarks>
/// <para>
/// Layout. <c>rows</c> is a packed group: for each of the <c>depth</c> components, one float of each of <see cref="RowCount"/> rows. <c>panel</c> is
/// a panel of <see cref="PackedMatrix"/>: for each component, 32 floats, one of each column. <c>tile</c> is RowCount x 32, row-major.
/// </para>
/// <para>
/// Instruction sets. 14 x 32 in 28 of the 32 registers of AVX-512, with two for the panel and one for the broadcast; 6 x 16, twice, in 12
/// of 16 registers of AVX2; 4 x 8, four times, in 8 registers of 128 bits. Every element is one chain of fused multiply-adds over ascending components, so that all
/// twins and the scalar reference give the same bits.
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

    /// <summary>Computes a tile with the fastest twin.</summary>
    public static void Compute(float* rows, float* panel, int depth, float* tile)
    {
        switch (InstructionSets.Level)
        {
            case InstructionSetLevel.Vector512:
                Tile14x32(rows, panel, depth, tile);
                break;
            case InstructionSetLevel.Vector256:
                Tile6x16(rows, panel, depth, tile);
                Tile6x16(rows, panel + 16, depth, tile + 16);
                break;
            case InstructionSetLevel.Vector128:
                for (int column = 0; column < PackedMatrix.PanelWidth; column += 8) Tile4x8(rows, panel + column, depth, tile + column);
                break;
            default:
                Reference(rows, RowCount, panel, depth, tile);
                break;
        }
    }

    /// <summary>What a tile is: the specification of the twins below, written for reading.</summary>
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

    /// <summary>14 rows x 32 columns in 28 accumulators of 512 bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile14x32(float* rows, float* panel, int depth, float* tile)
    {
        Vector512<float> c00 = default, c01 = default;
        Vector512<float> c10 = default, c11 = default;
        Vector512<float> c20 = default, c21 = default;
        Vector512<float> c30 = default, c31 = default;
        Vector512<float> c40 = default, c41 = default;
        Vector512<float> c50 = default, c51 = default;
        Vector512<float> c60 = default, c61 = default;
        Vector512<float> c70 = default, c71 = default;
        Vector512<float> c80 = default, c81 = default;
        Vector512<float> c90 = default, c91 = default;
        Vector512<float> ca0 = default, ca1 = default;
        Vector512<float> cb0 = default, cb1 = default;
        Vector512<float> cc0 = default, cc1 = default;
        Vector512<float> cd0 = default, cd1 = default;
        float* end = rows + ((nint)depth * 14);
        while (rows < end)
        {
            Vector512<float> b0 = Vector512.Load(panel);
            Vector512<float> b1 = Vector512.Load(panel + 16);
            Vector512<float> a = Vector512.Create(rows[0]);
            c00 = Vector512.FusedMultiplyAdd(a, b0, c00);
            c01 = Vector512.FusedMultiplyAdd(a, b1, c01);
            a = Vector512.Create(rows[1]);
            c10 = Vector512.FusedMultiplyAdd(a, b0, c10);
            c11 = Vector512.FusedMultiplyAdd(a, b1, c11);
            a = Vector512.Create(rows[2]);
            c20 = Vector512.FusedMultiplyAdd(a, b0, c20);
            c21 = Vector512.FusedMultiplyAdd(a, b1, c21);
            a = Vector512.Create(rows[3]);
            c30 = Vector512.FusedMultiplyAdd(a, b0, c30);
            c31 = Vector512.FusedMultiplyAdd(a, b1, c31);
            a = Vector512.Create(rows[4]);
            c40 = Vector512.FusedMultiplyAdd(a, b0, c40);
            c41 = Vector512.FusedMultiplyAdd(a, b1, c41);
            a = Vector512.Create(rows[5]);
            c50 = Vector512.FusedMultiplyAdd(a, b0, c50);
            c51 = Vector512.FusedMultiplyAdd(a, b1, c51);
            a = Vector512.Create(rows[6]);
            c60 = Vector512.FusedMultiplyAdd(a, b0, c60);
            c61 = Vector512.FusedMultiplyAdd(a, b1, c61);
            a = Vector512.Create(rows[7]);
            c70 = Vector512.FusedMultiplyAdd(a, b0, c70);
            c71 = Vector512.FusedMultiplyAdd(a, b1, c71);
            a = Vector512.Create(rows[8]);
            c80 = Vector512.FusedMultiplyAdd(a, b0, c80);
            c81 = Vector512.FusedMultiplyAdd(a, b1, c81);
            a = Vector512.Create(rows[9]);
            c90 = Vector512.FusedMultiplyAdd(a, b0, c90);
            c91 = Vector512.FusedMultiplyAdd(a, b1, c91);
            a = Vector512.Create(rows[10]);
            ca0 = Vector512.FusedMultiplyAdd(a, b0, ca0);
            ca1 = Vector512.FusedMultiplyAdd(a, b1, ca1);
            a = Vector512.Create(rows[11]);
            cb0 = Vector512.FusedMultiplyAdd(a, b0, cb0);
            cb1 = Vector512.FusedMultiplyAdd(a, b1, cb1);
            a = Vector512.Create(rows[12]);
            cc0 = Vector512.FusedMultiplyAdd(a, b0, cc0);
            cc1 = Vector512.FusedMultiplyAdd(a, b1, cc1);
            a = Vector512.Create(rows[13]);
            cd0 = Vector512.FusedMultiplyAdd(a, b0, cd0);
            cd1 = Vector512.FusedMultiplyAdd(a, b1, cd1);
            rows += 14;
            panel += PackedMatrix.PanelWidth;
        }

        c00.Store(tile);
        c01.Store(tile + 16);
        c10.Store(tile + 32);
        c11.Store(tile + 48);
        c20.Store(tile + 64);
        c21.Store(tile + 80);
        c30.Store(tile + 96);
        c31.Store(tile + 112);
        c40.Store(tile + 128);
        c41.Store(tile + 144);
        c50.Store(tile + 160);
        c51.Store(tile + 176);
        c60.Store(tile + 192);
        c61.Store(tile + 208);
        c70.Store(tile + 224);
        c71.Store(tile + 240);
        c80.Store(tile + 256);
        c81.Store(tile + 272);
        c90.Store(tile + 288);
        c91.Store(tile + 304);
        ca0.Store(tile + 320);
        ca1.Store(tile + 336);
        cb0.Store(tile + 352);
        cb1.Store(tile + 368);
        cc0.Store(tile + 384);
        cc1.Store(tile + 400);
        cd0.Store(tile + 416);
        cd1.Store(tile + 432);
    }

    /// <summary>6 rows x 16 columns in 12 accumulators of 256 bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile6x16(float* rows, float* panel, int depth, float* tile)
    {
        Vector256<float> c00 = default, c01 = default;
        Vector256<float> c10 = default, c11 = default;
        Vector256<float> c20 = default, c21 = default;
        Vector256<float> c30 = default, c31 = default;
        Vector256<float> c40 = default, c41 = default;
        Vector256<float> c50 = default, c51 = default;
        float* end = rows + ((nint)depth * 6);
        while (rows < end)
        {
            Vector256<float> b0 = Vector256.Load(panel);
            Vector256<float> b1 = Vector256.Load(panel + 8);
            Vector256<float> a = Vector256.Create(rows[0]);
            c00 = Vector256.FusedMultiplyAdd(a, b0, c00);
            c01 = Vector256.FusedMultiplyAdd(a, b1, c01);
            a = Vector256.Create(rows[1]);
            c10 = Vector256.FusedMultiplyAdd(a, b0, c10);
            c11 = Vector256.FusedMultiplyAdd(a, b1, c11);
            a = Vector256.Create(rows[2]);
            c20 = Vector256.FusedMultiplyAdd(a, b0, c20);
            c21 = Vector256.FusedMultiplyAdd(a, b1, c21);
            a = Vector256.Create(rows[3]);
            c30 = Vector256.FusedMultiplyAdd(a, b0, c30);
            c31 = Vector256.FusedMultiplyAdd(a, b1, c31);
            a = Vector256.Create(rows[4]);
            c40 = Vector256.FusedMultiplyAdd(a, b0, c40);
            c41 = Vector256.FusedMultiplyAdd(a, b1, c41);
            a = Vector256.Create(rows[5]);
            c50 = Vector256.FusedMultiplyAdd(a, b0, c50);
            c51 = Vector256.FusedMultiplyAdd(a, b1, c51);
            rows += 6;
            panel += PackedMatrix.PanelWidth;
        }

        c00.Store(tile);
        c01.Store(tile + 8);
        c10.Store(tile + 32);
        c11.Store(tile + 40);
        c20.Store(tile + 64);
        c21.Store(tile + 72);
        c30.Store(tile + 96);
        c31.Store(tile + 104);
        c40.Store(tile + 128);
        c41.Store(tile + 136);
        c50.Store(tile + 160);
        c51.Store(tile + 168);
    }

    /// <summary>4 rows x 8 columns in 8 accumulators of 128 bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile4x8(float* rows, float* panel, int depth, float* tile)
    {
        Vector128<float> c00 = default, c01 = default;
        Vector128<float> c10 = default, c11 = default;
        Vector128<float> c20 = default, c21 = default;
        Vector128<float> c30 = default, c31 = default;
        float* end = rows + ((nint)depth * 4);
        while (rows < end)
        {
            Vector128<float> b0 = Vector128.Load(panel);
            Vector128<float> b1 = Vector128.Load(panel + 4);
            Vector128<float> a = Vector128.Create(rows[0]);
            c00 = Vector128.FusedMultiplyAdd(a, b0, c00);
            c01 = Vector128.FusedMultiplyAdd(a, b1, c01);
            a = Vector128.Create(rows[1]);
            c10 = Vector128.FusedMultiplyAdd(a, b0, c10);
            c11 = Vector128.FusedMultiplyAdd(a, b1, c11);
            a = Vector128.Create(rows[2]);
            c20 = Vector128.FusedMultiplyAdd(a, b0, c20);
            c21 = Vector128.FusedMultiplyAdd(a, b1, c21);
            a = Vector128.Create(rows[3]);
            c30 = Vector128.FusedMultiplyAdd(a, b0, c30);
            c31 = Vector128.FusedMultiplyAdd(a, b1, c31);
            rows += 4;
            panel += PackedMatrix.PanelWidth;
        }

        c00.Store(tile);
        c01.Store(tile + 4);
        c10.Store(tile + 32);
        c11.Store(tile + 36);
        c20.Store(tile + 64);
        c21.Store(tile + 68);
        c30.Store(tile + 96);
        c31.Store(tile + 100);
    }
}
