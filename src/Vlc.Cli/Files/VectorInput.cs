using System.CommandLine;
using Vlc.Cli.Terminal;
using Vlc.Formats;
using Vlc.Formats.Chroma;
using Vlc.Formats.Columnar;
using Vlc.Formats.Hdf5;
using Vlc.Formats.Zstandard;
using Vlc.Vectors;

namespace Vlc.Cli.Files;

/// <summary>An option, or an argument, that names a file of vectors, with the options that say how to read it.</summary>
internal sealed class VectorInput
{
    /// <summary>The word that stands for standard input.</summary>
    public const string StandardInput = "-";

    private readonly Option<string?> _format, _tensor, _dataset, _array, _column, _columns, _keyColumn, _header, _delimiter, _jsonPath;
    private readonly string? _defaultDataset;

    /// <param name="name">The option's name: <c>--emb</c>.</param>
    /// <param name="description">What the vectors are for.</param>
    /// <param name="required">Whether a command line without it is an error.</param>
    /// <param name="prefix">Begins the names of the options that say how to read the file, where a command reads two.</param>
    /// <param name="defaultDataset">The dataset of an HDF5 file; null leaves it to the format.</param>
    public VectorInput(string name, string description, bool required = true, string prefix = "", string? defaultDataset = null)
    {
        _defaultDataset = defaultDataset;
        File = new Option<string?>(name) { Description = $"{description} - is standard input.", HelpName = "FILE", Required = required };
        _format = new Option<string?>($"--{prefix}format")
        {
            Description = $"Format of {name}, whatever the file is called: {string.Join(", ", Formats)}.", HelpName = "NAME",
        };
        _format.AcceptOnlyFromAmong([.. Formats.Select(format => format.Name)]);
        _tensor = Word("tensor", $"Tensor of {name}, a safetensors file.", "NAME");
        _dataset = Word("dataset", $"Dataset of {name}, an HDF5 file; {defaultDataset ?? "train"} unless given.", "PATH");
        _array = Word("array", $"Array of {name}, an npz file; collection or table of a database.", "NAME");
        _column = Word("column", $"Column of {name}, a table, or property of a JSON object, that holds the whole vector.", "NAME");
        _columns = Word(
            "columns", $"Columns of {name}, a table, that hold a component each, by number from 0 or by name: 2.., 2..385, a..b.", "A..B");
        _keyColumn = Word(
            "key-column", $"Column of {name}, or property of a JSON object, that holds the key, by name or number; none for no keys.",
            "NAME");
        _header = Word("header", $"Whether the first line of {name}, a text file, names the columns.", "yes|no");
        _header.AcceptOnlyFromAmong("yes", "no");
        _delimiter = Word("delimiter", $"What separates the fields of {name}, a text file: one character, tab or space.", "C");
        _jsonPath = Word("path", $"Where the vectors lie in {name}, a JSON document: data[].embedding.", "PATH");
        _columns.Validators.Add(result =>
        {
            if (result.Tokens is [var token] && !ColumnRange.TryParse(token.Value, null, out _))
            {
                result.AddError($"{_columns.Name} must be a range of columns such as 2.. or 2..385, not '{token.Value}'.");
            }
        });
        _delimiter.Validators.Add(result =>
        {
            if (result.Tokens is [var token] && ParseDelimiter(token.Value) is null)
            {
                result.AddError($"{_delimiter.Name} must be one character, tab or space, not '{token.Value}'.");
            }
        });

        Option<string?> Word(string word, string text, string helpName) =>
            new($"--{prefix}{word}") { Description = text, HelpName = helpName };
    }

    /// <summary>Every format that the program reads.</summary>
    public static IReadOnlyList<VectorFileFormat> Formats { get; } =
    [
        .. VectorFiles.Default, Hdf5Format.Instance, ParquetFormat.Instance, ArrowFormat.Instance, ChromaFormat.Instance,
            ZstandardFormat.Instance,
    ];

    /// <summary>The option that names the file.</summary>
    public Option<string?> File { get; }

    /// <summary>The options that say how to read the file.</summary>
    public IReadOnlyList<Option> ReadingOptions =>
        [_format, _tensor, _dataset, _array, _column, _columns, _keyColumn, _header, _delimiter, _jsonPath];

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        command.Add(File);
        AddReadingOptionsTo(command);
    }

    /// <summary>Adds the options that say how to read a file that an argument names.</summary>
    public void AddReadingOptionsTo(Command command)
    {
        foreach (Option option in ReadingOptions) command.Add(option);
    }

    /// <summary>Opens the file that the command line names, and says what was decided in reading it.</summary>
    public VectorSource Open(ParseResult parsed, CommandTerminal terminal)
    {
        VectorSource source = Open(parsed.GetRequiredValue(File)!, Read(parsed));
        terminal.Note(source);
        return source;
    }

    /// <summary>What the command line says of reading the file.</summary>
    public VectorFileOptions Read(ParseResult parsed) => new()
    {
        Format = parsed.GetValue(_format) is { } name ? Formats.First(format => format.Name == name) : null,
        Tensor = parsed.GetValue(_tensor),
        Dataset = parsed.GetValue(_dataset) ?? _defaultDataset,
        Array = parsed.GetValue(_array),
        Column = parsed.GetValue(_column),
        Columns = parsed.GetValue(_columns) is { } columns ? ColumnRange.Parse(columns, null) : null,
        KeyColumn = parsed.GetValue(_keyColumn) is { } key ? key == "none" ? "" : key : null,
        Header = parsed.GetValue(_header) is { } header ? header == "yes" : null,
        Delimiter = parsed.GetValue(_delimiter) is { } delimiter ? ParseDelimiter(delimiter) : null,
        JsonPath = parsed.GetValue(_jsonPath),
    };

    /// <summary>Opens a file of any format, or standard input.</summary>
    /// <exception cref="ArgumentException">Standard input without a format.</exception>
    /// <exception cref="VlcFormatException">What <see cref="VectorFiles"/> refuses.</exception>
    public static VectorSource Open(string path, VectorFileOptions? options = null)
    {
        if (path != StandardInput) return VectorFiles.Open(path, options, Formats);
        if (options?.Format is null)
        {
            throw new ArgumentException("- is standard input, which needs --format: jsonl, csv, npy, fvecs or another.");
        }
        using Stream input = Console.OpenStandardInput();
        return WrappedVectors.Spool(
            "standard input", "input", input, options with { Formats = Formats },
            "Standard input, {0} bytes, was written to a temporary file.");
    }

    private static char? ParseDelimiter(string word) => word switch
    {
        "tab" or "\\t" => '\t',
        "space" => ' ',
        [var single] when single is not ('"' or '\r' or '\n') && char.IsAscii(single) => single,
        _ => null,
    };
}
