using Vlc.Formats.Archives;
using Vlc.Formats.Binary;
using Vlc.Formats.Faiss;
using Vlc.Formats.Json;
using Vlc.Formats.Pickle;
using Vlc.Formats.Tables;
using Vlc.Formats.Text;
using Vlc.Formats.Words;
using Vlc.Vectors;

namespace Vlc.Formats;

/// <summary>Opens a file of vectors, whatever its format.</summary>
public static class VectorFiles
{
    /// <summary>
    /// The formats of this assembly. HDF5, Parquet and Arrow have assemblies of their own; a caller that wants them
    /// passes <c>[.. VectorFiles.Default, Hdf5Format.Instance, ParquetFormat.Instance, ArrowFormat.Instance]</c>.
    /// </summary>
    public static IReadOnlyList<VectorFileFormat> Default { get; } =
    [
        new NpyFormat(),
        VecsFormat.Fvecs, VecsFormat.Bvecs, VecsFormat.Ivecs,
        BigAnnFormat.Fbin, BigAnnFormat.F16bin, BigAnnFormat.U8bin, BigAnnFormat.I8bin, BigAnnFormat.Ibin,
        new FaissFormat(), new NpzFormat(), new TorchFormat(), new PickleFormat(), new Word2VecBinaryFormat(), new FastTextFormat(),
        new PgCopyFormat(), new TensorBoardFormat(), new MatrixMarketFormat(), new GzipFormat(),
        new SafetensorsFormat(),
        new JsonlFormat(), new JsonFormat(),
        DelimitedFormat.Csv, DelimitedFormat.Tsv, DelimitedFormat.PgText,
        new WordVectorFormat(),
    ];

    /// <summary>Opens a file of one of the <see cref="Default"/> formats.</summary>
    /// <inheritdoc cref="Open(string, VectorFileOptions?, IReadOnlyList{VectorFileFormat})"/>
    public static VectorSource Open(string path, VectorFileOptions? options = null) => Open(path, options, Default);

    /// <summary>
    /// Opens a file of one of <paramref name="formats"/>: the one that the options name, else the one that <see cref="Recognize"/> finds.
    /// </summary>
    /// <param name="path">The file, or a folder where a format is one.</param>
    /// <param name="options">What the path leaves open.</param>
    /// <param name="formats">The formats to choose from.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="VlcFormatException">No format fits, or the file is damaged.</exception>
    public static VectorSource Open(string path, VectorFileOptions? options, IReadOnlyList<VectorFileFormat> formats)
    {
        options = (options ?? new VectorFileOptions()) with { Formats = formats };
        RecognizedFile recognized = Recognize(path, options, formats);
        VectorSource source = recognized.Format.Open(path, options);
        // Formats whose keys are no column of a table know nothing of the option; it means the same for all.
        if (options.KeyColumn == "" && source.HasKeys) source = new KeylessVectors(source);
        return recognized.Note is null ? source : new WrappedVectors(source, path, [recognized.Note]);
    }

    /// <summary>
    /// The format of a file: the one that the options name, else the one whose content it surely is, else the one with its extension, else
    /// the one that its content fits best. What is recognised as something else is refused, with what to do about it.
    /// </summary>
    /// <param name="path">The file, or a folder where a format is one.</param>
    /// <param name="options">What the path leaves open.</param>
    /// <param name="formats">The formats to choose from.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="VlcFormatException">
    /// No format fits, several fit alike, or the file is recognised as something that is not read.
    /// </exception>
    public static RecognizedFile Recognize(string path, VectorFileOptions? options, IReadOnlyList<VectorFileFormat> formats)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(formats);
        using var sample = FileSample.Of(path);
        VectorFileFormat? named = options?.Format;
        VectorFileFormat? byName = named ?? ByExtension(sample.Extension, formats);
        if (sample.Length == 0 && !sample.IsFolder)
        {
            throw new VlcFormatException(path, "offset 0", byName is null ? "vectors" : $"{byName.Name} data", "an empty file");
        }

        var fits = formats.Select(
            format => (Format: format, Surety: format.Recognize(sample))).Where(fit => fit.Surety > Recognition.None).ToList();
        VectorFileFormat[] certain = [.. fits.Where(fit => fit.Surety == Recognition.Certain).Select(fit => fit.Format)];
        if (certain.FirstOrDefault(format => format.IsWrapping) is { } wrapping && (byName is null || !certain.Contains(byName)))
        {
            return new(wrapping, null);
        }
        // What the name says and the content bears out needs no other evidence: a json document of one line is jsonl too.
        if (fits.Any(fit => fit.Format == byName && fit.Surety >= Recognition.Likely)) return new(byName!, null);
        if (certain.Length > 0 && named is not null)
        {
            throw new VlcFormatException(
                path, "offset 0", $"{named.Name} data", $"those of {certain[0].Name}",
                $"Name the format {certain[0].Name}, or none: the content says it.");
        }

        if (certain.Length == 1) return new(certain[0], $"Read as {certain[0].Name}, which the content is, whatever the file is called.");
        if (certain.Length == 0 && ForeignFile.All.FirstOrDefault(kind => kind.Recognizes(sample)) is { } foreign)
        {
            throw new VlcFormatException(
                path, "offset 0", byName is null ? "vectors" : $"{byName.Name} data", foreign.Description, foreign.Advice);
        }

        if (byName is not null && certain.Length == 0 && !sample.IsFolder) return new(byName, null);
        if (sample.IsFolder && fits.Count == 0) throw new VlcFormatException(path, "path", "a file", "a folder");
        Recognition best = fits.Count == 0 ? Recognition.None : fits.Max(fit => fit.Surety);
        VectorFileFormat[] candidates = [.. fits.Where(fit => fit.Surety == best).Select(fit => fit.Format)];
        return candidates switch
        {
            [var only] => new(only, $"Read as {only.Name}, which the content fits; --format reads it as another."),
            [] => throw new VlcFormatException(
                path, "content", "a format that can be recognised",
                    FileSignature.DescribeOrQuote(sample.Head[..int.Min(FileSignature.Length, sample.Head.Length)]),
                $"Name the format with --format: {string.Join(", ", formats)}."),
            _ => throw new VlcFormatException(
                path, "content", "one format that it fits", string.Join(" and ", candidates.Select(format => format.Name)),
                "Name one of them with --format."),
        };
    }

    private static VectorFileFormat? ByExtension(string extension, IReadOnlyList<VectorFileFormat> formats) =>
        formats.FirstOrDefault(format => format.Extensions.Contains(extension, StringComparer.Ordinal));
}

/// <summary>What <see cref="VectorFiles.Recognize"/> found.</summary>
/// <param name="Format">The format to read the file with.</param>
/// <param name="Note">A sentence for the user where the file's name did not say so; null otherwise.</param>
public sealed record RecognizedFile(VectorFileFormat Format, string? Note);
