using Vlc.Vectors;

namespace Vlc.Formats.Hdf5;

/// <summary>
/// A datatype message, IV.A.2.d. A number is told from its full description, not from its size: bfloat16 has the size of a half, and an
/// integer of 12 bits that of one of 16.
/// </summary>
/// <param name="Size">Bytes of one element.</param>
/// <param name="ElementType">The number that a component can be; null where it can be none.</param>
/// <param name="BigEndian">True where the most significant byte comes first.</param>
/// <param name="Description">What it is, for messages: "float32", "int64, big-endian", "compound".</param>
/// <param name="Text">How text is stored; null where it is none.</param>
/// <param name="Integer">True for a plain integer of any size.</param>
/// <param name="Signed">True where the integer is signed.</param>
internal sealed record Datatype(
    int Size, ElementType? ElementType, bool BigEndian, string Description, TextStorage? Text = null, bool Integer = false,
    bool Signed = false)
{
    public static Datatype Read(Cursor message)
    {
        int classAndVersion = message.U8();
        int version = classAndVersion >> 4, kind = classAndVersion & 0x0F;
        int bits = message.U16() | (message.U8() << 16);
        long size = message.U32();
        if (version is < 1 or > 5) throw message.Damaged("a datatype of version 1 to 5", $"version {version}");
        if (size is < 1 or > int.MaxValue) throw message.Damaged("a size above zero", $"{size}");
        return kind switch
        {
            0 => ReadInteger(message, bits, (int)size),
            1 => ReadFloat(message, bits, (int)size),
            3 => new Datatype((int)size, null, false, $"text of {size} bytes", TextStorage.Fixed),
            9 when (bits & 0x0F) == 1 => new Datatype((int)size, null, false, "text", TextStorage.Variable),
            _ => new Datatype((int)size, null, false, NameOf(kind)),
        };
    }

    private static Datatype ReadInteger(Cursor message, int bits, int size)
    {
        int offset = message.U16(), precision = message.U16();
        bool big = (bits & 1) != 0, signed = (bits & 8) != 0;
        string sign = signed ? "int" : "uint", order = big && size > 1 ? ", big-endian" : "";
        if (offset != 0 || precision != size * 8)
        {
            return new Datatype(size, null, big, $"{sign} of {precision} bits at bit {offset} of {size} bytes");
        }

        ElementType? type = (size, signed) switch
        {
            (1, true) => Vectors.ElementType.Int8,
            (1, false) => Vectors.ElementType.UInt8,
            (4, true) => Vectors.ElementType.Int32,
            _ => null,
        };
        return new Datatype(size, type, big, $"{sign}{precision}{order}", Integer: size is 1 or 2 or 4 or 8, Signed: signed);
    }

    private static Datatype ReadFloat(Cursor message, int bits, int size)
    {
        bool big = (bits & 1) != 0, vax = (bits & 0x40) != 0;
        int normalization = (bits >> 4) & 3, sign = (bits >> 8) & 0xFF;
        int offset = message.U16(), precision = message.U16();
        int exponentAt = message.U8(), exponent = message.U8(), mantissaAt = message.U8(), mantissa = message.U8();
        uint bias = message.U32();
        const int impliedOne = 2;
        bool plain = !vax && normalization == impliedOne && offset == 0 && precision == size * 8 && sign == precision - 1
            && mantissaAt == 0 && exponentAt == mantissa && mantissa + exponent + 1 == precision && bias == (1u << (exponent - 1)) - 1;
        ElementType? type = !plain ? null : (size, exponent) switch
        {
            (2, 5) => Vectors.ElementType.Float16,
            (2, 8) => Vectors.ElementType.BFloat16,
            (4, 8) => Vectors.ElementType.Float32,
            (8, 11) => Vectors.ElementType.Float64,
            _ => null,
        };
        string name = type is Vectors.ElementType.BFloat16
            ? "bfloat16"
            : type is not null ? $"float{precision}" : $"a float of {precision} bits, {exponent} of them exponent, {mantissa} mantissa";
        return new Datatype(size, type, big, name + (big ? ", big-endian" : vax ? ", VAX order" : ""));
    }

    private static string NameOf(int kind) => kind switch
    {
        2 => "time",
        4 => "bit field",
        5 => "opaque",
        6 => "compound",
        7 => "reference",
        8 => "enumeration",
        9 => "lists of variable length",
        10 => "array",
        11 => "complex",
        _ => $"datatype class {kind}",
    };
}

/// <summary>How text is stored.</summary>
internal enum TextStorage
{
    /// <summary>In the element itself, padded.</summary>
    Fixed,

    /// <summary>In the global heap, with a reference in the element.</summary>
    Variable,
}
