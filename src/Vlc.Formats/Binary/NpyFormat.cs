using Vlc.Vectors;

namespace Vlc.Formats.Binary;

/// <summary>numpy's own format: header version 1 to 3, two dimensions, C order, f2/f4/f8/u1/i1 in either byte order.</summary>
internal sealed class NpyFormat : VectorFileFormat
{
    public override string Name => "npy";

    public override IReadOnlyList<string> Extensions { get; } = [".npy"];

    public override Recognition Recognize(FileSample sample) =>
        sample.Head.StartsWith(FileSignature.Npy) ? Recognition.Certain : Recognition.None;

    public override VectorSource Open(string path, VectorFileOptions options)
    {
        InputFile file = new(path);
        try
        {
            NpyHeader header = NpyHeader.Read(file);
            if (TypeOf(header.Descr) is not { } type)
            {
                throw new VlcFormatException(
                    path, "header, 'descr'", "f2, f4, f8, u1 or i1", $"'{header.Descr}'", "Convert it with astype('float32').");
            }

            RowLayout layout = new(
                header.DataOffset, header.Rows, (int)header.Columns, type, BigEndian: header.Descr[0] == '>');
            return new FixedStrideVectors(file, layout, "header, 'shape'");
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    // '<' and '>' are byte orders, '|' is "not applicable", '=' is the writer's own, which on any machine of today is '<'.
    internal static ElementType? TypeOf(string descr) => descr switch
    {
        ['<' or '>' or '=', 'f', '2'] => ElementType.Float16,
        ['<' or '>' or '=', 'f', '4'] => ElementType.Float32,
        ['<' or '>' or '=', 'f', '8'] => ElementType.Float64,
        ['<' or '>' or '=' or '|', 'u', '1'] => ElementType.UInt8,
        ['<' or '>' or '=' or '|', 'i', '1'] => ElementType.Int8,
        _ => null,
    };
}
