using Vlc.Formats.Binary;
using Vlc.Vectors;

namespace Vlc.Formats.Text;

/// <summary>
/// csv, tsv and their kin: a row to a line, its vector in a run of columns or in one field. Delimiter, header, key and vector are told by
/// the content, and named by options where it does not tell.
/// </summary>
internal sealed class DelimitedFormat(string name, string[] extensions, Dialect dialect) : VectorFileFormat
{
    public static DelimitedFormat Csv { get; } = new("csv", [".csv"], Dialect.Comma);

    public static DelimitedFormat Tsv { get; } = new("tsv", [".tsv", ".tab"], Dialect.Tab);

    /// <summary>What PostgreSQL's COPY writes as text: tabs, backslashes, \N for null.</summary>
    public static DelimitedFormat PgText { get; } = new("pgtext", [".pgtext"], Dialect.Copy);

    public override string Name => name;

    public override IReadOnlyList<string> Extensions { get; } = extensions;

    public override Recognition Recognize(FileSample sample)
    {
        ReadOnlySpan<byte> head = sample.Head;
        if (dialect.Escapes || head.Contains((byte)0) || sample.IsFolder) return Recognition.None;
        int end = head.IndexOf((byte)'\n');
        ReadOnlySpan<byte> line = end < 0 ? head : head[..end];
        int first = line.IndexOf(dialect.Delimiter);
        // Two delimiters in the first line, and none of the bytes that text has not.
        return first > 0 && line[(first + 1)..].Contains(dialect.Delimiter) && line.IndexOfAnyInRange((byte)1, (byte)8) < 0
            ? Recognition.Possible
            : Recognition.None;
    }

    public override VectorSource Open(string path, VectorFileOptions options)
    {
        var file = new InputFile(path);
        try
        {
            TableSample sample = Sample(file, options);
            return new TextVectors(file, new DelimitedGrammar(path, sample, TablePlan.Decide(path, sample, options)));
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    public override IReadOnlyList<FilePart> List(string path, VectorFileOptions options)
    {
        using var file = new InputFile(path);
        TableSample sample = Sample(file, options);
        try
        {
            return TablePlan.Decide(path, sample, options).Parts();
        }
        catch (VlcFormatException)
        {
            return TablePlan.Undecided(path, sample, options).Parts();
        }
    }

    /// <summary>
    /// The sample in the dialect that explains it best: the one that the format is called after, unless another does and it does not.
    /// </summary>
    private TableSample Sample(InputFile file, VectorFileOptions options)
    {
        if (options.Delimiter is { } delimiter)
        {
            return Checked(
                file, TableSample.Read(file, new Dialect((byte)delimiter, Quotes: delimiter != ' ' && !dialect.Escapes, dialect.Escapes)));
        }
        var own = TableSample.Read(file, dialect);
        if (dialect.Escapes) return Checked(file, own);
        double best = own.Fit();
        TableSample chosen = own;
        foreach (byte other in ",;\t|"u8)
        {
            if (other == dialect.Delimiter) continue;
            var sample = TableSample.Read(file, new Dialect(other, Quotes: true));
            double fit = sample.Fit();
            if (fit <= best || sample.Lines.Count == 0) continue;
            (best, chosen) = (fit, sample);
        }

        // A field that is a backslash and an N is COPY's null, and nothing else has it.
        bool copied = chosen.Dialect.Delimiter == '\t' && chosen.Lines.Exists(line => line.Contains("\\N"));
        return Checked(file, copied ? TableSample.Read(file, Dialect.Copy) : chosen);
    }

    private static TableSample Checked(InputFile file, TableSample sample) => sample.Fault switch
    {
        FieldEnd.OpenQuotation => throw new VlcFormatException(
            file.Path, $"line {sample.FaultLine}", "a quotation that ends", "the end of the file",
            "Is the file truncated, or --delimiter another?"),
        FieldEnd.AfterQuotation => throw new VlcFormatException(
        file.Path, $"line {sample.FaultLine}", "a delimiter after a quotation", "other text"),
        _ when sample.Lines.Count == 0 => throw new VlcFormatException(file.Path, "line 1", "at least one row", "zero rows"),
        _ => sample,
    };
}
