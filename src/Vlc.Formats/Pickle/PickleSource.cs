using Vlc.Formats.Binary;
using Vlc.Vectors;

namespace Vlc.Formats.Pickle;

/// <summary>Rows that are values of their own in a pickle: lists in memory, arrays where they lie in the file.</summary>
internal sealed class PickleSource(InputFile file, PickleRows rows, PickleVectors vectors, IReadOnlyList<object?> values) : VectorSource
{
    public override string Name => file.Path;

    public override long Count => vectors.Count;

    public override int Dimension => vectors.Dimension;

    public override ElementType ElementType { get; } = PickleRows.TypeOf(values[0]);

    public override void Read(long start, int count, Span<float> destination, CancellationToken cancellationToken = default)
    {
        CheckRange(start, count, destination.Length);
        for (int i = 0; i < count; i++)
        {
            if (i % 1024 == 0) cancellationToken.ThrowIfCancellationRequested();
            rows.Copy(values[(int)start + i], destination.Slice(i * Dimension, Dimension));
        }

        FiniteCheck.ThrowIfNotFinite(destination[..(count * Dimension)], Dimension, start, Name);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing) file.Dispose();
        base.Dispose(disposing);
    }
}

/// <summary>A matrix whose bytes had to be decoded: the whole of it is in memory already.</summary>
internal sealed class DecodedMatrix(InputFile file, StoredNumbers numbers, long count, int dimension) : VectorSource
{
    public override string Name => file.Path;

    public override long Count => count;

    public override int Dimension => dimension;

    public override ElementType ElementType => numbers.Type;

    public override void Read(long start, int count, Span<float> destination, CancellationToken cancellationToken = default)
    {
        CheckRange(start, count, destination.Length);
        Span<float> rows = destination[..(count * Dimension)];
        numbers.Read(start * Dimension, rows);
        FiniteCheck.ThrowIfNotFinite(rows, Dimension, start, Name);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing) file.Dispose();
        base.Dispose(disposing);
    }
}

/// <summary>Opens what was chosen.</summary>
internal static class PickleOpening
{
    /// <summary>What can be read as vectors, and which of it the options choose.</summary>
    /// <param name="file">The pickle, for its texts.</param>
    /// <param name="root">What was unpickled.</param>
    /// <param name="options">The user's choice.</param>
    public static IReadOnlyList<FilePart> List(InputFile file, object? root, VectorFileOptions options)
    {
        IReadOnlyList<PickleVectors> found = new PickleContent(file, options).Find(root);
        string? name = options.Tensor ?? options.Array;
        return
        [
            .. found.Select(vectors => new FilePart(
                vectors.Name, vectors.Type, $"{vectors.Count} x {vectors.Dimension}", vectors.Name == name
                    || (name is null && found.Count == 1) ? PartUse.Vector : PartUse.Left,
                Selector: vectors.Name.Length > 0 ? $"--tensor {vectors.Name}" : null)),
        ];
    }

    /// <summary>
    /// The source of the vectors that the options choose; it takes ownership of <paramref name="file"/> and <paramref name="owned"/>.
    /// </summary>
    /// <param name="file">The pickle, or the archive that it came out of.</param>
    /// <param name="root">What was unpickled.</param>
    /// <param name="options">The user's choice.</param>
    /// <param name="storage">Finds the elements of a torch storage; null where there are none.</param>
    /// <param name="owned">Disposed with the source.</param>
    public static VectorSource Open(
        InputFile file, object? root, VectorFileOptions options, Func<TorchStorage, StoredNumbers>? storage, params IDisposable?[] owned)
    {
        PickleContent content = new(file, options);
        IReadOnlyList<PickleVectors> found = content.Find(root);
        PickleVectors vectors = content.Choose(found);
        VectorShape.ThrowIfAbsurd(file.Path, "content", vectors.Count, vectors.Dimension);
        PickleRows rows = new(file, storage);
        VectorSource source;
        if (vectors.Rows is { } values)
        {
            source = new PickleSource(file, rows, vectors, values);
        }
        else
        {
            StoredNumbers numbers = rows.Locate(vectors.Matrix);
            long bytes = vectors.Count * vectors.Dimension * ElementConversion.SizeOf(numbers.Type);
            source = numbers.Data is null
                ? new FixedStrideVectors(
                    numbers.File,
                    new RowLayout(numbers.Offset, vectors.Count, vectors.Dimension, numbers.Type, BigEndian: numbers.BigEndian), "array",
                        numbers.Offset + bytes)
                : new DecodedMatrix(file, numbers, vectors.Count, vectors.Dimension);
        }

        string name = vectors.Name.Length == 0 ? "the" : $"'{vectors.Name}', a";
        List<string> notes = [$"Read {name} {vectors.Type}, {vectors.Count} x {vectors.Dimension}."];
        string[] left = [.. found.Where(other => other != vectors).Take(8).Select(other => $"'{other.Name}'")];
        if (left.Length > 0) notes.Add($"Left in the file: {string.Join(", ", left)}.");
        IReadOnlyList<string> dropped = content.LeftOf(vectors.Payload ?? [], vectors.Taken ?? []);
        if (dropped.Count > 0) notes.Add($"The payload takes numbers and texts; left in the file: {string.Join(", ", dropped)}.");
        ReadRowTexts? keys = vectors.Keys is not { } texts || options.KeyColumn == "" ? null : (start, destination) =>
        {
            for (int i = 0; i < destination.Length; i++)
            {
                destination[i] = content.KeyOf(texts[(int)start + i]) ?? throw new VlcFormatException(
                    file.Path, $"key {start + i}", "a text or an integer", "another value", "Read the file without keys.");
            }
        };
        ReadRowTexts? payload = vectors.Payload is not { } records ? null : (start, destination) =>
        {
            for (int i = 0; i < destination.Length; i++) destination[i] = content.PayloadOf(records[(int)start + i], vectors.Taken ?? []);
        };
        return new DecoratedVectors(source, keys, payload, notes, [.. owned, file]);
    }
}
