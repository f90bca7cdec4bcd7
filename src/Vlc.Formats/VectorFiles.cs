using Vlc.Formats.Binary;
using Vlc.Formats.Text;
using Vlc.Vectors;

namespace Vlc.Formats;

/// <summary>Opens a file of vectors, whatever its format.</summary>
public static class VectorFiles
{
    /// <summary>
    /// The formats of this assembly. HDF5 and Parquet bring dependencies and live in their own; a caller that wants them
    /// passes <c>[.. VectorFiles.Default, Hdf5Format.Instance, ParquetFormat.Instance]</c>.
    /// </summary>
    public static IReadOnlyList<VectorFileFormat> Default { get; } =
    [
        new NpyFormat(),
        VecsFormat.Fvecs, VecsFormat.Bvecs, VecsFormat.Ivecs,
        BigAnnFormat.Fbin, BigAnnFormat.F16bin, BigAnnFormat.U8bin, BigAnnFormat.I8bin,
        new SafetensorsFormat(),
        new JsonlFormat(),
        DelimitedFormat.Csv, DelimitedFormat.Tsv,
        new WordVectorFormat(),
    ];

    /// <summary>Opens a file of one of the <see cref="Default"/> formats.</summary>
    /// <inheritdoc cref="Open(string, VectorFileOptions?, IReadOnlyList{VectorFileFormat})"/>
    public static VectorSource Open(string path, VectorFileOptions? options = null) => Open(path, options, Default);

    /// <summary>
    /// Opens a file of one of <paramref name="formats"/>: the one that the options name, else the one with the file's
    /// extension, else the one that recognises its first bytes. A signature that contradicts the choice is an error.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="options">What the path leaves open.</param>
    /// <param name="formats">The formats to choose from.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="VlcFormatException">No format fits, or the file is damaged.</exception>
    public static VectorSource Open(string path, VectorFileOptions? options, IReadOnlyList<VectorFileFormat> formats)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(formats);
        options ??= new VectorFileOptions();

        byte[] head = FileSignature.ReadHead(path);
        VectorFileFormat? recognized = formats.FirstOrDefault(format => format.Recognizes(head));
        VectorFileFormat chosen = options.Format ?? ByExtension(path, formats) ?? recognized ?? throw Unknown(path, head, formats);
        if (head.Length == 0)
        {
            throw new VlcFormatException(path, "offset 0", $"{chosen.Name} data", "an empty file");
        }

        // A signature of eight bytes does not arise by chance; a headerless fvecs file that shows one is misnamed.
        if (FileSignature.Describe(head) is { } found && !chosen.Recognizes(head))
        {
            string hint = recognized is null
                ? "VLC does not read this format; convert it."
                : $"Rename the file, or name the format: {recognized.Name}.";
            throw new VlcFormatException(path, "offset 0", $"{chosen.Name} data", found, hint);
        }

        return chosen.Open(path, options);
    }

    private static VectorFileFormat? ByExtension(string path, IReadOnlyList<VectorFileFormat> formats)
    {
        string extension = Path.GetExtension(path);
        return formats.FirstOrDefault(format => format.Extensions.Contains(extension, StringComparer.OrdinalIgnoreCase));
    }

    private static VlcFormatException Unknown(string path, ReadOnlySpan<byte> head, IReadOnlyList<VectorFileFormat> formats) =>
        new(path, "file name", "one of " + string.Join(", ", formats.SelectMany(format => format.Extensions)),
            $"'{Path.GetExtension(path)}' ({FileSignature.DescribeOrQuote(head)})", "Rename the file, or name its format.");
}
