namespace Vlc.Formats;

/// <summary>Limits that every reader holds a header to before it believes it.</summary>
public static class VectorShape
{
    /// <summary>The largest dimension read: ten times that of any embedding model; a larger one is a damaged header.</summary>
    public const int MaxDimension = 65_536;

    /// <summary>Throws unless there is at least one row of 1 to <see cref="MaxDimension"/> components.</summary>
    /// <param name="path">The file, for the message.</param>
    /// <param name="where">The place that states the shape, for the message.</param>
    /// <param name="count">Rows stated.</param>
    /// <param name="dimension">Components of each row stated.</param>
    /// <exception cref="VlcFormatException">The shape is absurd.</exception>
    public static void ThrowIfAbsurd(string path, string where, long count, long dimension)
    {
        if (dimension is < 1 or > MaxDimension)
        {
            throw new VlcFormatException(path, where, $"a dimension of 1 to {MaxDimension}", $"dimension {dimension}");
        }

        if (count < 1)
        {
            throw new VlcFormatException(path, where, "at least one row", count == 0 ? "zero rows" : $"{count} rows");
        }
    }
}
