using System.Numerics.Tensors;

namespace Vlc.Vectors;

/// <summary>Finds NaN and infinities in rows that were just read, and names their place.</summary>
public static class FiniteCheck
{
    /// <summary>Throws when a component is NaN or infinite.</summary>
    /// <param name="rows">Row-major floats.</param>
    /// <param name="dimension">Components of each row.</param>
    /// <param name="firstRow">Number of the first row in <paramref name="rows"/>, for the message.</param>
    /// <param name="name">The file, for the message.</param>
    /// <param name="place">Describes a row's place further (an offset, a line); null where the row number suffices.</param>
    /// <exception cref="VlcFormatException">A component is not finite.</exception>
    public static void ThrowIfNotFinite(
        ReadOnlySpan<float> rows, int dimension, long firstRow, string name, Func<long, string>? place = null)
    {
        if (TensorPrimitives.IsFiniteAll(rows))
        {
            return;
        }

        for (int i = 0; i < rows.Length; i++)
        {
            if (!float.IsFinite(rows[i]))
            {
                long row = firstRow + (i / dimension);
                string where = $"row {row}, column {i % dimension}" + (place is null ? "" : $", {place(row)}");
                throw new VlcFormatException(
                    name, where, expected: "a finite number", found: rows[i].ToString(),
                    hint: "Remove or repair the row; VLC does not guess a value.");
            }
        }
    }
}
