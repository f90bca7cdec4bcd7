using System.Buffers;
using System.Text.Json;
using Vlc.Formats.Binary;
using Vlc.Formats.Text;
using Vlc.Vectors;

namespace Vlc.Formats;

/// <summary>Writes the rows of a source to a file of one format.</summary>
public abstract class VectorFileWriter
{
    private const int BlockFloats = 1 << 18;

    /// <summary>The writers of this assembly: npy, fbin, fvecs, jsonl. Those of other assemblies are added as formats are.</summary>
    public static IReadOnlyList<VectorFileWriter> Default { get; } =
        [new NpyFileWriter(), new FbinFileWriter(), new FvecsFileWriter(), new JsonlFileWriter()];

    /// <summary>The extension that chooses it, with its dot, lower case.</summary>
    public abstract string Extension { get; }

    /// <summary>True where the file holds keys and payload too.</summary>
    public virtual bool KeepsKeys => false;

    /// <summary>Writes every row, under a temporary name until the last one is written.</summary>
    /// <param name="source">The rows.</param>
    /// <param name="path">The file; an older one of the name is replaced in one step.</param>
    /// <param name="progress">Told the share of rows written, 0 to 1.</param>
    /// <param name="cancellationToken">Stops the writing; what was there stays.</param>
    /// <exception cref="VlcFormatException">The source is damaged.</exception>
    public abstract void Write(VectorSource source, string path, IProgress<double> progress, CancellationToken cancellationToken);

    /// <summary>Reads the rows block by block.</summary>
    /// <param name="source">The rows.</param>
    /// <param name="progress">Told the share of rows done.</param>
    /// <param name="write">Takes the first row's number and a whole number of rows.</param>
    /// <param name="cancellationToken">Stops.</param>
    protected static void ForEachBlock(
        VectorSource source, IProgress<double> progress, Action<long, ReadOnlyMemory<float>> write, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(progress);
        ArgumentNullException.ThrowIfNull(write);
        int block = (int)long.Min(source.Count, int.Max(1, BlockFloats / source.Dimension));
        float[] rows = new float[block * source.Dimension];
        for (long start = 0; start < source.Count; start += block)
        {
            int count = (int)long.Min(block, source.Count - start);
            source.Read(start, count, rows, cancellationToken);
            write(start, rows.AsMemory(0, count * source.Dimension));
            progress.Report((double)(start + count) / source.Count);
        }
    }

    private sealed class NpyFileWriter : VectorFileWriter
    {
        public override string Extension => ".npy";

        public override void Write(VectorSource source, string path, IProgress<double> progress, CancellationToken cancellationToken)
        {
            using var writer = new NpyWriter<float>(path, source.Dimension);
            ForEachBlock(source, progress, (_, rows) => writer.Write(rows.Span), cancellationToken);
            writer.Complete();
        }
    }

    private sealed class FbinFileWriter : VectorFileWriter
    {
        public override string Extension => ".fbin";

        public override void Write(VectorSource source, string path, IProgress<double> progress, CancellationToken cancellationToken)
        {
            if (source.Count > uint.MaxValue) throw new ArgumentException($"fbin holds at most {uint.MaxValue} rows, not {source.Count}.");
            using var file = new ReplacingFile(path);
            LittleEndianWriting.Write(file.Stream, [(uint)source.Count, (uint)source.Dimension]);
            ForEachBlock(source, progress, (_, rows) => LittleEndianWriting.Write(file.Stream, rows.Span), cancellationToken);
            file.Complete();
        }
    }

    private sealed class FvecsFileWriter : VectorFileWriter
    {
        public override string Extension => ".fvecs";

        public override void Write(VectorSource source, string path, IProgress<double> progress, CancellationToken cancellationToken)
        {
            using var file = new ReplacingFile(path);
            ForEachBlock(source, progress, (_, rows) =>
            {
                for (ReadOnlySpan<float> rest = rows.Span; !rest.IsEmpty; rest = rest[source.Dimension..])
                {
                    LittleEndianWriting.Write(file.Stream, [source.Dimension]);
                    LittleEndianWriting.Write(file.Stream, rest[..source.Dimension]);
                }
            }, cancellationToken);
            file.Complete();
        }
    }

    /// <summary>
    /// A line {"id": key, "embedding": [...], payload...}; a property of the payload with one of these names gets an underscore.
    /// </summary>
    private sealed class JsonlFileWriter : VectorFileWriter
    {
        public override string Extension => ".jsonl";

        public override bool KeepsKeys => true;

        public override void Write(VectorSource source, string path, IProgress<double> progress, CancellationToken cancellationToken)
        {
            using var file = new ReplacingFile(path);
            var buffer = new ArrayBufferWriter<byte>();
            using var json = new Utf8JsonWriter(buffer, PayloadJson.Options);
            ForEachBlock(source, progress, (start, rows) =>
            {
                int count = rows.Length / source.Dimension;
                string[] keys = new string[source.HasKeys ? count : 0], payload = new string[source.HasPayload ? count : 0];
                if (source.HasKeys) source.ReadKeys(start, keys);
                if (source.HasPayload) source.ReadPayload(start, payload);
                for (int i = 0; i < count; i++)
                {
                    WriteRow(
                        json, source.HasKeys ? keys[i] : null, rows.Span.Slice(i * source.Dimension, source.Dimension),
                        source.HasPayload ? payload[i] : null);
                    json.Flush();
                    json.Reset();
                    buffer.Write("\n"u8);
                    file.Stream.Write(buffer.WrittenSpan);
                    buffer.ResetWrittenCount();
                }
            }, cancellationToken);
            file.Complete();
        }

        private static void WriteRow(Utf8JsonWriter json, string? key, ReadOnlySpan<float> vector, string? payload)
        {
            json.WriteStartObject();
            if (key is not null) json.WriteString("id", key);
            json.WriteStartArray("embedding");
            foreach (float component in vector) json.WriteNumberValue(component);
            json.WriteEndArray();
            if (payload is not null)
            {
                using var document = JsonDocument.Parse(payload);
                foreach (JsonProperty property in document.RootElement.EnumerateObject())
                {
                    json.WritePropertyName(property.Name is "id" or "embedding" ? property.Name + "_" : property.Name);
                    property.Value.WriteTo(json);
                }
            }

            json.WriteEndObject();
        }
    }
}
