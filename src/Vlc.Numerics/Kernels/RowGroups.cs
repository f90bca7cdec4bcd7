using Vlc.Numerics.Memory;

namespace Vlc.Numerics.Kernels;

/// <summary>
/// A block of rows packed into groups of <see cref="DotTile.RowCount"/> for the tile kernel. Its size lets the block and one panel of the
/// matrix stay together in a core's second-level cache.
/// </summary>
internal sealed unsafe class RowGroups : IDisposable
{
    private const int CacheBytes = 256 * 1024;

    private readonly AlignedBuffer<float> _packed;
    private readonly int _depth;

    public RowGroups(int depth)
    {
        _depth = depth;
        Capacity = CapacityFor(depth);
        _packed = new AlignedBuffer<float>((long)Capacity * depth);
    }

    /// <summary>Rows that fit.</summary>
    public int Capacity { get; }

    public float* Group(int group) => _packed.Pointer + ((long)group * DotTile.RowCount * _depth);

    /// <summary>Packs up to <see cref="Capacity"/> rows; rows missing from the last group are zero. Returns the number of groups.</summary>
    public int Pack(ReadOnlySpan<float> rows, int rowCount)
    {
        int groupRows = DotTile.RowCount;
        int groups = (rowCount + groupRows - 1) / groupRows;
        fixed (float* source = rows)
        {
            for (int group = 0; group < groups; group++)
            {
                float* destination = Group(group);
                int first = group * groupRows;
                for (int i = 0; i < groupRows; i++)
                {
                    if (first + i < rowCount)
                    {
                        float* row = source + ((long)(first + i) * _depth);
                        for (int k = 0; k < _depth; k++) destination[(k * groupRows) + i] = row[k];
                    }
                    else
                    {
                        for (int k = 0; k < _depth; k++) destination[(k * groupRows) + i] = 0;
                    }
                }
            }
        }

        return groups;
    }

    public void Dispose() => _packed.Dispose();

    /// <summary>Rows of a block at <paramref name="depth"/> components; the unit of parallel work.</summary>
    public static int CapacityFor(int depth)
    {
        int groups = Math.Clamp(CacheBytes / (DotTile.RowCount * depth * sizeof(float)), 1, 32);
        return groups * DotTile.RowCount;
    }
}
