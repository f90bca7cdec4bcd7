using System.CommandLine;
using Vlc.Formats;
using Vlc.Formats.Hdf5;
using Vlc.Formats.Parquet;
using Vlc.Vectors;

namespace Vlc.Cli.Files;

/// <summary>An option that names a file of vectors, with the options that say how to read it.</summary>
internal sealed class VectorInput
{
    private static readonly IReadOnlyList<VectorFileFormat> Formats = [.. VectorFiles.Default, Hdf5Format.Instance, ParquetFormat.Instance];

    private readonly Option<string?> _format, _tensor, _dataset, _column;
    private readonly string? _defaultDataset;

    /// <param name="name">The option's name: <c>--emb</c>.</param>
    /// <param name="description">What the vectors are for.</param>
    /// <param name="required">Whether a command line without it is an error.</param>
    /// <param name="prefix">Begins the names of the options that say how to read the file, where a command reads two.</param>
    /// <param name="defaultDataset">The dataset of an HDF5 file; null leaves it to the format.</param>
    public VectorInput(string name, string description, bool required = true, string prefix = "", string? defaultDataset = null)
    {
        _defaultDataset = defaultDataset;
        File = new Option<string?>(name) { Description = description, HelpName = "FILE", Required = required };
        _format = new Option<string?>($"--{prefix}format")
        {
            Description = $"Format of {name}, whatever the file is called: {string.Join(", ", Formats)}.", HelpName = "NAME",
        };
        _format.AcceptOnlyFromAmong([.. Formats.Select(format => format.Name)]);
        _tensor = new Option<string?>($"--{prefix}tensor") { Description = $"Tensor of {name}, a safetensors file.", HelpName = "NAME" };
        _dataset = new Option<string?>($"--{prefix}dataset")
        {
            Description = $"Dataset of {name}, an HDF5 file; {defaultDataset ?? "train"} unless given.", HelpName = "PATH",
        };
        _column = new Option<string?>($"--{prefix}column")
        {
            Description = $"Column of {name}, a Parquet file, or property of a jsonl object.", HelpName = "NAME",
        };
    }

    /// <summary>The option that names the file.</summary>
    public Option<string?> File { get; }

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        foreach (Option option in new Option[] { File, _format, _tensor, _dataset, _column }) command.Add(option);
    }

    /// <summary>Opens the file that the command line names.</summary>
    public VectorSource Open(ParseResult parsed) => Open(parsed.GetRequiredValue(File)!, new VectorFileOptions
    {
        Format = parsed.GetValue(_format) is { } name ? Formats.First(format => format.Name == name) : null,
        Tensor = parsed.GetValue(_tensor),
        Dataset = parsed.GetValue(_dataset) ?? _defaultDataset,
        Column = parsed.GetValue(_column),
    });

    /// <summary>Opens a file of any format.</summary>
    /// <exception cref="VlcFormatException">A folder, or what <see cref="VectorFiles"/> refuses.</exception>
    public static VectorSource Open(string path, VectorFileOptions? options = null)
    {
        // Opening a folder as a file fails with "access denied", which sends the user looking for permissions.
        if (Directory.Exists(path)) throw new VlcFormatException(path, "path", "a file", "a folder");
        return VectorFiles.Open(path, options, Formats);
    }
}
