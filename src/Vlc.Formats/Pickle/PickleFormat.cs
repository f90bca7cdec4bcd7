using Vlc.Formats.Binary;
using Vlc.Vectors;

namespace Vlc.Formats.Pickle;

/// <summary>
/// A Python pickle of numpy arrays, lists of numbers, dicts of vectors or lists of dicts with a vector each. It is parsed as data;
/// a pickle that needs any other Python name is refused.
/// </summary>
internal sealed class PickleFormat : VectorFileFormat
{
    public override string Name => "pickle";

    public override IReadOnlyList<string> Extensions { get; } = [".pkl", ".pickle"];

    public override Recognition Recognize(FileSample sample) =>
        sample.Head is [0x80, >= 2 and <= 5, ..] && sample.Tail is [.., (byte)'.'] ? Recognition.Likely : Recognition.None;

    public override VectorSource Open(string path, VectorFileOptions options)
    {
        InputFile file = new(path);
        try
        {
            PickleReader reader = new(file, 0, file.Length);
            object? root = new PickleMachine(reader).Load();
            if (TorchLegacy.IsMagicNumber(root)) return TorchLegacy.Open(file, reader, options);
            return reader.Left == 0
                ? PickleOpening.Open(file, root, options, storage: null)
                : throw new VlcFormatException(
                    path, $"offset {reader.Position}", "the end of the file", $"{reader.Left} bytes after the pickle",
                    "Several pickles in one file are not read; " + PickleCalls.Hint);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    public override IReadOnlyList<FilePart> List(string path, VectorFileOptions options)
    {
        using InputFile file = new(path);
        PickleReader reader = new(file, 0, file.Length);
        object? root = new PickleMachine(reader).Load();
        return PickleOpening.List(file, TorchLegacy.IsMagicNumber(root) ? TorchLegacy.LoadRoot(file, reader) : root, options);
    }
}
