namespace Vlc.Vectors;

/// <summary>The stored type of a vector's component. Reading converts everything to float32.</summary>
public enum ElementType
{
    /// <summary>IEEE binary32.</summary>
    Float32 = 0,

    /// <summary>IEEE binary16.</summary>
    Float16 = 1,

    /// <summary>IEEE binary64; rounded to float32 on reading.</summary>
    Float64 = 2,

    /// <summary>bfloat16: the upper half of a binary32.</summary>
    BFloat16 = 3,

    /// <summary>Unsigned byte, 0 to 255.</summary>
    UInt8 = 4,

    /// <summary>Signed byte, -128 to 127.</summary>
    Int8 = 5,

    /// <summary>Signed 32-bit integer; exact in float32 up to 2^24.</summary>
    Int32 = 6,

    /// <summary>A decimal number written as text.</summary>
    Text = 7,
}
