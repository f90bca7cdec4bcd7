using System.Buffers.Binary;
using Vlc.Storage;

namespace Vlc.Codecs.Parity;

/// <summary>Which rows the first stage of a scan drops.</summary>
/// <param name="Nibbles">Nibbles of a row that it reads, at most; 0 where there is no first stage.</param>
/// <param name="SigmaEighths">
/// m in eighths: a row counts with its coarse distance less m sigma where that is above its measured distance, and is dropped where it is
/// beyond the k-th nearest. 0 drops a row by the proven bound only, which loses nothing.
/// </param>
internal sealed record ParityPruning(int Nibbles, int SigmaEighths)
{
    /// <summary>
    /// Bytes of the numbers as they are stored behind the header that codec <c>packed</c> has, too: nibbles u16, m in eighths u8, zero.
    /// </summary>
    public const int Bytes = 4;

    /// <summary>Most nibbles: a sum of more would not fit its 16 bits.</summary>
    public const int MostNibbles = 1024;

    /// <summary>Whether rows are dropped by the proven bound only.</summary>
    public bool IsBound => SigmaEighths == 0;

    /// <summary>m.</summary>
    public float Sigmas => SigmaEighths / 8f;

    public void Write(Span<byte> bytes)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(bytes, (ushort)Nibbles);
        (bytes[2], bytes[3]) = ((byte)SigmaEighths, 0);
    }

    /// <summary>Reads what <see cref="Write"/> wrote.</summary>
    /// <exception cref="VlcFormatException">Other numbers.</exception>
    public static ParityPruning Read(ReadOnlySpan<byte> bytes, IndexFiles files)
    {
        int nibbles = BinaryPrimitives.ReadUInt16LittleEndian(bytes);
        if (nibbles <= MostNibbles && nibbles % 2 == 0 && bytes[3] == 0) return new ParityPruning(nibbles, bytes[2]);
        throw new VlcFormatException(
            files.Path(IndexFile.Manifest), "codec model", $"an even number of nibbles up to {MostNibbles}, and a zero",
            $"{nibbles}, {bytes[3]}",
            "The file is damaged; rebuild the index.");
    }
}
