using Vlc.Storage;

namespace Vlc.Codecs.Packed;

/// <summary>
/// The state of a packed model that only coding needs, as bytes: whether codes are unbiased u8, seven zeros, the mean distortion of a coded
/// axis f64, then for each cell the boundaries of its classes, classes - 1 times f64, ascending.
/// </summary>
internal static class PackedEncoderState
{
    private const int HeaderBytes = 16;

    public static byte[] Write(PackedCoder coder, bool unbiased)
    {
        using var content = new MemoryStream();
        using var writer = new BinaryWriter(content);
        writer.Write(unbiased ? 1L : 0L);
        writer.Write(coder.Noise);
        foreach (double[] own in coder.Thresholds)
        {
            foreach (double threshold in own) writer.Write(threshold);
        }

        return content.ToArray();
    }

    /// <summary>Reads what <see cref="Write"/> wrote.</summary>
    /// <exception cref="VlcFormatException">The length is wrong, or a number is impossible.</exception>
    public static (PackedCoder Coder, bool Unbiased) Read(PackedModel model, SectionReader reader)
    {
        PackedParameters p = model.Parameters;
        IndexSection section = reader.RequireBytes(SectionKind.EncoderState);
        long expected = HeaderBytes + (sizeof(double) * (long)p.CellCount * (p.ClassCount - 1));
        if (section.File != IndexFile.Encoder || section.Length != expected)
        {
            throw Bad($"offset {section.Offset}", $"{expected} bytes in a file of their own", section.ToString());
        }

        ReadOnlySpan<byte> bytes = reader.AllBytes(SectionKind.EncoderState);
        long unbiased = BitConverter.ToInt64(bytes);
        double noise = BitConverter.ToDouble(bytes[8..]);
        if (unbiased is not (0 or 1)) throw Bad($"offset {section.Offset}", "0 or 1", $"{unbiased}");
        if (!(noise >= 0) || !double.IsFinite(noise)) throw Bad($"offset {section.Offset + 8}", "a distortion of at least 0", $"{noise}");
        var thresholds = new double[p.CellCount][];
        int offset = HeaderBytes;
        for (int cell = 0; cell < thresholds.Length; cell++)
        {
            thresholds[cell] = new double[p.ClassCount - 1];
            for (int c = 0; c < thresholds[cell].Length; c++, offset += sizeof(double))
            {
                double threshold = thresholds[cell][c] = BitConverter.ToDouble(bytes[offset..]);
                if (double.IsNaN(threshold) || (c > 0 && threshold < thresholds[cell][c - 1]))
                {
                    throw Bad($"offset {section.Offset + offset}", "ascending boundaries of classes", $"{threshold}");
                }
            }
        }

        return (new PackedCoder(model, thresholds, members: [], noise), unbiased == 1);

        VlcFormatException Bad(string where, string expected, string found) => new(
            reader.Files.Path(IndexFile.Encoder), where, expected, found,
            "The file is damaged; searches do not need it, but rows cannot be added.");
    }
}
