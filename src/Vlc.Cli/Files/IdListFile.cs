using System.Globalization;

namespace Vlc.Cli.Files;

/// <summary>A text file of row numbers, one a line; empty lines are skipped.</summary>
internal static class IdListFile
{
    /// <summary>Reads the numbers.</summary>
    /// <param name="path">The file.</param>
    /// <param name="count">Rows of the index.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="VlcFormatException">A line that is no row number.</exception>
    public static int[] Read(string path, int count)
    {
        List<int> ids = [];
        int number = 0;
        foreach (string line in File.ReadLines(path))
        {
            number++;
            ReadOnlySpan<char> text = line.AsSpan().Trim();
            if (text.IsEmpty) continue;
            if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int id) || id >= count)
            {
                throw new VlcFormatException(
                    path, $"line {number}", $"a row number from 0 to {count - 1}", $"'{text[..Math.Min(text.Length, 40)]}'");
            }

            ids.Add(id);
        }

        return [.. ids];
    }
}
