using System.Buffers.Binary;
using Vlc.Formats.Binary;
using Vlc.Vectors;

namespace Vlc.Formats.Words;

/// <summary>
/// A fastText model (.bin): the words with the vectors that fastText itself gives them, the mean of a word's row and the rows of its
/// character n-grams. The same numbers stand in the .vec file beside the model. Quantized models are refused.
/// </summary>
internal sealed class FastTextFormat : VectorFileFormat
{
    private const int MagicNumber = 793_712_314;
    private const int MaxWordBytes = 4096;

    public override string Name => "fasttext";

    public override IReadOnlyList<string> Extensions { get; } = [".ftz"];

    public override Recognition Recognize(FileSample sample) =>
        sample.Head.Length >= 8 && BinaryPrimitives.ReadInt32LittleEndian(sample.Head) == MagicNumber
        && BinaryPrimitives.ReadInt32LittleEndian(sample.Head[4..]) is > 0 and < 100 ? Recognition.Certain : Recognition.None;

    public override VectorSource Open(string path, VectorFileOptions options)
    {
        InputFile file = new(path);
        try
        {
            return Open(file, new ByteCursor(file, 0));
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private static FastTextVectors Open(InputFile file, ByteCursor cursor)
    {
        if (cursor.TakeInt32("the signature") != MagicNumber)
        {
            throw Unexpected(file, 0, "the signature of a fastText model", "other bytes", "Is it a fastText model?");
        }
        int version = cursor.TakeInt32("the version");
        if (version is not (11 or 12))
        {
            throw Unexpected(
                file, 4, "version 11 or 12 of the fastText format", $"version {version}", "Save the model with a current fastText.");
        }
        int dimension = cursor.TakeInt32("dim");
        // ws, epoch, minCount, neg, wordNgrams, loss.
        cursor.Skip(6 * sizeof(int), "the model's arguments");
        int model = cursor.TakeInt32("model"), bucket = cursor.TakeInt32(
            "bucket"), minn = cursor.TakeInt32("minn"), maxn = cursor.TakeInt32("maxn");
        cursor.Skip(sizeof(int) + sizeof(double), "the model's arguments");
        const int supervised = 3;
        // Supervised models of the older version have no character n-grams, whatever they state.
        if (version == 11 && model == supervised) maxn = 0;

        long at = cursor.Position;
        int size = cursor.TakeInt32(
            "the number of entries"), words = cursor.TakeInt32("the number of words"), labels = cursor.TakeInt32("the number of labels");
        cursor.TakeInt64("the number of tokens");
        long pruned = cursor.TakeInt64("the number of pruned n-grams");
        VectorShape.ThrowIfAbsurd(file.Path, $"offset {at}", words, dimension);
        if (labels < 0 || size != (long)words + labels || size > file.Length / 10)
        {
            throw Unexpected(file, at, "as many entries as words and labels", $"{size}, {words} and {labels}");
        }
        if (minn < 0 || maxn < 0 || maxn > 1000 || bucket < 0)
        {
            throw Unexpected(file, 8, "minn, maxn and bucket of at least 0", $"{minn}, {maxn} and {bucket}");
        }

        long[] places = new long[words];
        for (int i = 0; i < size; i++)
        {
            long place = cursor.Position;
            cursor.TakeUntil(0, MaxWordBytes, $"entry {i}");
            cursor.TakeInt64($"the count of entry {i}");
            int type = cursor.TakeByte($"the type of entry {i}");
            // Words come before labels: the entry's number is that of the row.
            if (type != (i < words ? 0 : 1)) throw Unexpected(file, place, i < words ? "a word" : "a label", $"type {type}");
            if (i < words) places[i] = place;
        }

        if (pruned > 0) cursor.Skip(long.Min(pruned, long.MaxValue / 8) * 2 * sizeof(int), "the pruned n-grams");
        at = cursor.Position;
        if (cursor.TakeByte("the flag of a quantized model") != 0 || pruned >= 0)
        {
            throw Unexpected(
                file, at, "a model with its vectors", "a quantized or pruned one", "Use the original model (.bin), or its .vec file.");
        }

        long rows = cursor.TakeInt64("the rows of the input matrix"), columns = cursor.TakeInt64("the columns of the input matrix");
        if (columns != dimension || rows < words || (maxn > 0 && rows != (long)words + bucket)
            || (Int128)rows * columns * sizeof(float) > cursor.Left)
        {
            throw Unexpected(
                file, at, $"an input matrix of {words} words and {bucket} n-grams x {dimension}, within the file", $"{rows} x {columns}",
                "The file is truncated or damaged.");
        }

        return new FastTextVectors(file, new FastTextModel(words, dimension, minn, maxn, bucket, cursor.Position), places);
    }

    private static VlcFormatException Unexpected(
        InputFile file, long at, string expected, string found, string hint = "The file is damaged.") =>
        new(file.Path, $"offset {at}", expected, found, hint);
}
