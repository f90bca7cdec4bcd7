using System.Numerics.Tensors;
using System.Text;
using Vlc.Formats.Binary;
using Vlc.Vectors;

namespace Vlc.Formats.Words;

/// <summary>What makes a word's vector of the rows of the input matrix.</summary>
/// <param name="Words">Words, and rows of their own at the beginning of the matrix.</param>
/// <param name="Dimension">Components.</param>
/// <param name="MinLength">Shortest character n-gram.</param>
/// <param name="MaxLength">Longest character n-gram; 0 for none.</param>
/// <param name="Buckets">Rows for n-grams, behind those of the words.</param>
/// <param name="MatrixOffset">Offset of the matrix.</param>
internal sealed record FastTextModel(int Words, int Dimension, int MinLength, int MaxLength, int Buckets, long MatrixOffset);

/// <summary>The words of a fastText model.</summary>
/// <param name="file">The model.</param>
/// <param name="model">Its shape.</param>
/// <param name="places">Offset of each word.</param>
internal sealed class FastTextVectors(InputFile file, FastTextModel model, long[] places) : VectorSource
{
    // The end of a line, which is a word without n-grams.
    private static readonly byte[] EndOfLine = [.. "</s>"u8];

    private readonly byte[] _stored = new byte[model.Dimension * sizeof(float)];
    private readonly float[] _row = new float[model.Dimension];

    public override string Name => file.Path;

    public override long Count => places.Length;

    public override int Dimension => model.Dimension;

    public override ElementType ElementType => ElementType.Float32;

    public override bool HasKeys => true;

    public override IReadOnlyList<string> Notes { get; } = model.MaxLength == 0 || model.Buckets == 0
        ? []
        : ["A word's vector is the mean of its own row and those of its character n-grams, as in the model's .vec file."];

    public override void Read(long start, int count, Span<float> destination, CancellationToken cancellationToken = default)
    {
        CheckRange(start, count, destination.Length);
        for (int i = 0; i < count; i++)
        {
            if (i % 256 == 0) cancellationToken.ThrowIfCancellationRequested();
            ReadVector((int)start + i, destination.Slice(i * Dimension, Dimension));
        }

        FiniteCheck.ThrowIfNotFinite(destination[..(count * Dimension)], Dimension, start, Name);
    }

    public override void ReadKeys(long start, Span<string> destination)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start, Count - destination.Length);
        for (int i = 0; i < destination.Length; i++) destination[i] = Encoding.UTF8.GetString(Word((int)start + i));
    }

    /// <summary>Buckets of the character n-grams of a word, as fastText numbers them.</summary>
    internal static List<uint> Subwords(ReadOnlySpan<byte> word, int minLength, int maxLength, int buckets)
    {
        List<uint> subwords = [];
        byte[] marked = [(byte)'<', .. word, (byte)'>'];
        for (int first = 0; first < marked.Length; first++)
        {
            if (IsContinuation(marked[first])) continue;
            uint hash = 2_166_136_261;
            for (int next = first, length = 1; next < marked.Length && length <= maxLength; length++)
            {
                do
                {
                    // The byte is widened with its sign: fastText was first built where char is signed, and the models depend on it.
                    hash = (hash ^ (uint)(sbyte)marked[next++]) * 16_777_619;
                }
                while (next < marked.Length && IsContinuation(marked[next]));

                // The marks alone are no n-grams.
                bool mark = length == 1 && (first == 0 || next == marked.Length);
                if (length >= minLength && !mark) subwords.Add(hash % (uint)buckets);
            }
        }

        return subwords;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing) file.Dispose();
        base.Dispose(disposing);
    }

    private static bool IsContinuation(byte value) => (value & 0xC0) == 0x80;

    private void ReadVector(int word, Span<float> vector)
    {
        ReadRow(word, vector);
        if (model.MaxLength == 0 || model.Buckets == 0) return;
        byte[] text = Word(word);
        if (text.AsSpan().SequenceEqual(EndOfLine)) return;
        List<uint> subwords = Subwords(text, model.MinLength, model.MaxLength, model.Buckets);
        foreach (uint subword in subwords)
        {
            ReadRow(model.Words + subword, _row);
            TensorPrimitives.Add(vector, _row, vector);
        }

        TensorPrimitives.Multiply(vector, 1f / (subwords.Count + 1), vector);
    }

    private void ReadRow(long row, Span<float> destination)
    {
        file.ReadExactly(_stored, model.MatrixOffset + (row * _stored.Length), $"row {row} of the input matrix");
        if (!BitConverter.IsLittleEndian) ElementConversion.ReverseEndianness(_stored, sizeof(float));
        ElementConversion.ToSingle(_stored, ElementType.Float32, destination);
    }

    private byte[] Word(int word) => new ByteCursor(file, places[word]).TakeUntil(0, 4096, $"word {word}");
}
