namespace Vlc;

/// <summary>How residuals are stored.</summary>
public enum CodecKind
{
    /// <summary>Not at all: a vector is its anchor.</summary>
    None = 0,

    /// <summary>n x d_r float16.</summary>
    Float16 = 1,

    /// <summary>n x d_r signed bytes, times a scale an axis.</summary>
    Int8 = 2,

    /// <summary>Trellis codes in local bases, bits where the meaning lies: the fewest bytes at a given recall.</summary>
    Packed = 3,

    /// <summary>Parity trellis codes in the same bases, laid out for a scan in two stages.</summary>
    Parity = 4,
}
