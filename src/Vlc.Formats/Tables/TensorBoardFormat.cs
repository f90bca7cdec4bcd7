using System.Text;
using System.Text.Json;
using Vlc.Formats.Binary;
using Vlc.Formats.Text;
using Vlc.Vectors;

namespace Vlc.Formats.Tables;

/// <summary>
/// Vectors of TensorBoard's embedding projector (.bytes, .tensor): float32 without a header. The shape stands in the projector's
/// configuration (a .json with "tensorShape") beside the file, or is the number of lines of the metadata beside it, whose columns become
/// keys and payload.
/// </summary>
internal sealed class TensorBoardFormat : VectorFileFormat
{
    // A configuration lists some data sets; the projector's own has 20 KB.
    private const long MaxConfigurationBytes = 1 << 22;

    public override string Name => "tensorboard";

    public override IReadOnlyList<string> Extensions { get; } = [".bytes", ".tensor"];

    public override VectorSource Open(string path, VectorFileOptions options)
    {
        InputFile file = new(path);
        Metadata? metadata = null;
        try
        {
            (long Rows, long Columns, string? Metadata, string Source)? configured = FindConfiguration(path);
            string? metadataPath = configured?.Metadata ?? FindMetadata(path);
            metadata = metadataPath is null ? null : Metadata.Open(metadataPath);
            (long rows, long columns, string reason) = configured is { } stated
                ? (stated.Rows, stated.Columns, $"The shape {stated.Rows} x {stated.Columns} is that of {stated.Source}.")
                : ShapeByMetadata(file, metadata);
            VectorShape.ThrowIfAbsurd(path, "shape", rows, columns);
            FixedStrideVectors vectors = new(file, new RowLayout(0, rows, (int)columns, ElementType.Float32), "shape");
            if (metadata is not null && metadata.Rows != rows)
            {
                throw new VlcFormatException(
                    metadata.Path, "file", $"{rows} rows, as {Path.GetFileName(path)} has", $"{metadata.Rows}",
                    "Give the file the metadata of its vectors, or none.");
            }

            List<string> notes = [reason];
            if (metadata is not null) notes.Add(metadata.Note);
            return new DecoratedVectors(
                vectors, metadata is null || options.KeyColumn == ""
                    ? null
                    : metadata.ReadKeys, metadata is { HasPayload: true } ? metadata.ReadPayload : null, notes, metadata);
        }
        catch
        {
            metadata?.Dispose();
            file.Dispose();
            throw;
        }
    }

    private static (long Rows, long Columns, string Reason) ShapeByMetadata(InputFile file, Metadata? metadata)
    {
        if (metadata is null)
        {
            throw new VlcFormatException(
                file.Path, "shape", "a configuration with \"tensorShape\", or metadata, beside the file", "neither",
                $"Put the metadata beside it as {Path.GetFileNameWithoutExtension(file.Path)}.tsv or metadata.tsv, or convert the file: "
                + "numpy.save('v.npy', numpy.fromfile(f, '<f4').reshape(-1, D)).");
        }

        (long columns, long rest) = long.DivRem(file.Length, metadata.Rows * sizeof(float));
        if (rest != 0)
        {
            throw new VlcFormatException(
                file.Path, "shape", $"{metadata.Rows} rows of float32, as {Path.GetFileName(metadata.Path)} has", $"{file.Length} bytes",
                "The metadata is of other vectors.");
        }

        return (
            metadata.Rows, columns, $"The shape {metadata.Rows} x {columns} follows from the rows of {Path.GetFileName(metadata.Path)}.");
    }

    /// <summary>A configuration beside the file that names it.</summary>
    private static (long Rows, long Columns, string? Metadata, string Source)? FindConfiguration(string path)
    {
        string folder = FolderOf(path);
        foreach (string candidate in Directory.EnumerateFiles(folder, "*.json").Order(StringComparer.Ordinal))
        {
            if (new FileInfo(candidate).Length > MaxConfigurationBytes) continue;
            try
            {
                using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(candidate));
                if (document.RootElement.ValueKind != JsonValueKind.Object
                    || !document.RootElement.TryGetProperty("embeddings", out JsonElement embeddings))
                {
                    continue;
                }
                foreach (JsonElement embedding in embeddings.EnumerateArray())
                {
                    if (Path.GetFileName(embedding.GetProperty("tensorPath").GetString()) != Path.GetFileName(path)) continue;
                    JsonElement shape = embedding.GetProperty("tensorShape");
                    string? metadata = embedding.TryGetProperty("metadataPath", out JsonElement element)
                        ? Path.GetFileName(element.GetString())
                        : null;
                    string? beside = metadata is null ? null : Path.Combine(folder, metadata);
                    return (shape[0].GetInt64(), shape[1].GetInt64(), File.Exists(beside) ? beside : null, Path.GetFileName(candidate));
                }
            }
            catch (Exception exception) when (exception
                is JsonException or InvalidOperationException or KeyNotFoundException or FormatException or IndexOutOfRangeException)
            {
                // A JSON file beside it that is no configuration of the projector.
            }
        }

        return null;
    }

    private static string? FindMetadata(string path)
    {
        string folder = FolderOf(path), stem = Path.GetFileNameWithoutExtension(path);
        string[] names = [$"{stem}.tsv", $"{stem}_metadata.tsv", $"{stem}_labels.tsv", "metadata.tsv"];
        return Array.Find([.. names.Select(name => Path.Combine(folder, name))], File.Exists);
    }

    private static string FolderOf(string path) => Path.GetDirectoryName(Path.GetFullPath(path)) ?? ".";

    /// <summary>Lines of labels: one column without a header, or several with one, as the projector demands.</summary>
    private sealed class Metadata : IDisposable
    {
        private const int RowsPerCheckpoint = 1024;

        private readonly InputFile _file;
        private readonly string[] _names;
        private readonly List<(long Offset, long LineNumber)> _checkpoints = [];

        private Metadata(InputFile file)
        {
            _file = file;
            LineReader reader = new(file, 0, 1);
            if (!reader.TryRead(out ReadOnlySpan<byte> line)) line = default;
            string first = Encoding.UTF8.GetString(line);
            bool header = first.Contains('\t', StringComparison.Ordinal);
            _names = header ? first.Split('\t') : [];
            if (!header) Remember(reader);
            while (reader.TryRead(out line)) Remember(reader);
        }

        public string Path => _file.Path;

        public long Rows { get; private set; }

        public bool HasPayload => _names.Length > 1;

        public string Note => HasPayload
            ? $"Column '{_names[0]}' of {System.IO.Path.GetFileName(Path)} is the key; payload: "
                + $"{string.Join(", ", _names.Skip(1).Select(name => $"'{name}'"))}."
            : $"The keys are the lines of {System.IO.Path.GetFileName(Path)}.";

        public static Metadata Open(string path)
        {
            InputFile file = new(path);
            try
            {
                Metadata metadata = new(file);
                return metadata.Rows > 0 ? metadata : throw new VlcFormatException(path, "file", "at least one row of metadata", "none");
            }
            catch
            {
                file.Dispose();
                throw;
            }
        }

        public void ReadKeys(long start, Span<string> destination) => Visit(start, destination, fields => fields[0]);

        public void ReadPayload(long start, Span<string> destination) => Visit(start, destination, fields =>
        {
            using MemoryStream stream = new();
            using (Utf8JsonWriter writer = new(stream))
            {
                writer.WriteStartObject();
                for (int i = 1; i < int.Min(fields.Length, _names.Length); i++) writer.WriteString(_names[i], fields[i]);
                writer.WriteEndObject();
            }

            return Encoding.UTF8.GetString(stream.ToArray());
        });

        public void Dispose() => _file.Dispose();

        private void Remember(LineReader reader)
        {
            if (Rows++ % RowsPerCheckpoint == 0) _checkpoints.Add((reader.LineOffset, reader.LineNumber));
        }

        private void Visit(long start, Span<string> destination, Func<string[], string> take)
        {
            if (destination.IsEmpty) return;
            (long offset, long lineNumber) = _checkpoints[(int)(start / RowsPerCheckpoint)];
            LineReader reader = new(_file, offset, lineNumber);
            long row = start - (start % RowsPerCheckpoint);
            for (int done = 0; done < destination.Length; row++)
            {
                if (!reader.TryRead(out ReadOnlySpan<byte> line))
                {
                    throw new VlcFormatException(
                        Path, $"row {row}", "a line", "the end of the file", "The file has changed since it was opened.");
                }
                if (row >= start) destination[done++] = take(Encoding.UTF8.GetString(line).Split('\t'));
            }
        }
    }
}
