using System.Text;

namespace Vlc.Formats;

/// <summary>A kind of file that holds no vectors that a reader here takes, recognised so that the refusal says what to do.</summary>
/// <param name="Description">What it is, with its article.</param>
/// <param name="Advice">What the user does next; one or two sentences.</param>
/// <param name="Recognizes">True for a file that can only be of this kind.</param>
internal sealed record ForeignFile(string Description, string Advice, Func<FileSample, bool> Recognizes)
{
    private const string FromArrow = "Write it as Parquet or npy: pyarrow.feather.read_table(f), then pyarrow.parquet.write_table.";

    private const string FromLance =
        "Write it as Parquet: python -c \"import lance, pyarrow.parquet; pyarrow.parquet.write_table(lance.dataset('IN').to_table(), "
        + "'v.parquet')\".";

    /// <summary>Every kind, the surest first; a reader that takes a file goes before all of them.</summary>
    public static IReadOnlyList<ForeignFile> All { get; } =
    [
        new(
            "a Git LFS pointer (the file itself was not downloaded)", "Run git lfs pull.",
            Begins("version https://git-lfs.github.com/spec/"u8)),
        new("UTF-16 text", "Convert it to UTF-8: iconv -f UTF-16 -t UTF-8 IN > OUT.", IsUtf16),
        new("an HTML page, as a download that failed leaves it", "Download the file again.", IsHtml),
        new("a Zstandard file", "Unpack it: unzstd IN.", Begins([0x28, 0xB5, 0x2F, 0xFD])),
        new("a bzip2 file", "Unpack it: bunzip2 IN.", IsBzip2),
        new("an xz file", "Unpack it: unxz IN.", Begins([0xFD, (byte)'7', (byte)'z', (byte)'X', (byte)'Z', 0])),
        new("a 7z archive", "Unpack it: 7z x IN.", Begins([(byte)'7', (byte)'z', 0xBC, 0xAF, 0x27, 0x1C])),
        new("a tar archive", "Unpack it: tar -xf IN.", sample => sample.Head.Length > 262 && sample.Head[257..].StartsWith("ustar"u8)),
        new("a zip archive", "Unpack it: unzip IN.", IsZip),
        new("a Lance dataset", FromLance, sample => sample.IsFolder && Directory.Exists(Path.Combine(sample.Path, "_versions"))),
        new("a file of a Lance dataset", FromLance, sample => sample.Tail.EndsWith("LANC"u8)),
        new("a Feather file of version 1", FromArrow, sample => sample.Head.StartsWith("FEA1"u8) && sample.Tail.EndsWith("FEA1"u8)),
        new("an SQLite database", "Export the vectors, as jsonl or csv.", Begins("SQLite format 3\0"u8)),
        new(
        "a DuckDB database", "Export the vectors: COPY t TO 'v.parquet'.",
        sample => sample.Head.Length > 12 && sample.Head[8..].StartsWith("DUCK"u8)),
        new(
        "a MATLAB file of version 5", "Save it with -v7.3, which is HDF5, or with scipy.io.loadmat and numpy.save.",
        Begins("MATLAB 5.0 MAT-file"u8)),
        new(
        "an ORC file", "Write it as Parquet: pyarrow.orc.read_table(f), then pyarrow.parquet.write_table.",
        sample => sample.Head.StartsWith("ORC"u8) && sample.Tail[..^1].EndsWith("ORC"u8)),
        new("an Avro file", "Write it as Parquet or jsonl.", Begins([(byte)'O', (byte)'b', (byte)'j', 1])),
        new("a GGUF model", "It holds a model's weights, not vectors; embed the texts with it first.", Begins("GGUF"u8)),
    ];

    private static Func<FileSample, bool> Begins(ReadOnlySpan<byte> signature)
    {
        byte[] bytes = signature.ToArray();
        return sample => sample.Head.StartsWith(bytes);
    }

    private static bool IsZip(FileSample sample) => sample.Head is [(byte)'P', (byte)'K', 3, 4, < 64, ..];

    private static bool IsBzip2(FileSample sample) =>
        sample.Head is [(byte)'B', (byte)'Z', (byte)'h', >= (byte)'1' and <= (byte)'9', 0x31, 0x41, 0x59, 0x26, 0x53, 0x59, ..];

    private static bool IsHtml(FileSample sample)
    {
        ReadOnlySpan<byte> text = sample.Head.TrimStart(" \t\r\n"u8);
        return text.Length >= 9 && (Ascii.EqualsIgnoreCase(text[..9], "<!doctype"u8) || Ascii.EqualsIgnoreCase(text[..6], "<html>"u8));
    }

    private static bool IsUtf16(FileSample sample)
    {
        ReadOnlySpan<byte> head = sample.Head[..int.Min(sample.Head.Length & ~1, 512)];
        if (head.Length < 4) return false;
        bool marked = head is [0xFF, 0xFE, ..] or [0xFE, 0xFF, ..];
        // Without a mark: ASCII with every other byte zero, which no number of a binary file keeps up for long.
        int even = 0, odd = 0;
        for (int i = 0; i < head.Length; i += 2)
        {
            if (head[i] == 0 && IsText(head[i + 1])) even++;
            if (head[i + 1] == 0 && IsText(head[i])) odd++;
        }

        int characters = head.Length / 2;
        return marked ? even + odd >= characters / 4 : characters >= 16 && (even == characters || odd == characters);
    }

    private static bool IsText(byte value) => value is (>= 0x20 and < 0x7F) or (byte)'\t' or (byte)'\r' or (byte)'\n';
}
