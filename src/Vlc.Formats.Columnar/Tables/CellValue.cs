using System.Globalization;

namespace Vlc.Formats.Columnar.Tables;

/// <summary>What a stored value stands for, as far as it matters here.</summary>
internal enum LogicalType
{
    None, Text, Decimal, Date, TimeOrInterval, Milliseconds, Microseconds, Nanoseconds, Unsigned, Signed, Float16, Uuid, List, Map, Other,
}

/// <summary>Integers as cells of payload.</summary>
internal static class CellValue
{
    /// <summary>An integer as what it stands for: a date, a time, a number without sign.</summary>
    /// <param name="logical">What it stands for.</param>
    /// <param name="value">As stored.</param>
    /// <param name="is32">True where it is stored in 32 bits.</param>
    public static object Of(LogicalType logical, long value, bool is32) => logical switch
    {
        LogicalType.Unsigned => is32 ? (long)(uint)value : (ulong)value,
        LogicalType.Date => Time(value, TimeSpan.TicksPerDay, 1, "yyyy-MM-dd"),
        LogicalType.Milliseconds => Time(value, TimeSpan.TicksPerMillisecond, 1, "yyyy-MM-ddTHH:mm:ss.fff"),
        LogicalType.Microseconds => Time(value, TimeSpan.TicksPerMicrosecond, 1, "yyyy-MM-ddTHH:mm:ss.ffffff"),
        LogicalType.Nanoseconds => Time(value, 1, TimeSpan.NanosecondsPerTick, "yyyy-MM-ddTHH:mm:ss.fffffff"),
        _ => value,
    };

    private static object Time(long value, long ticks, long per, string format)
    {
        Int128 all = DateTime.UnixEpoch.Ticks + ((Int128)value * ticks / per);

        // Years before 1 and after 9999 stay the number that they are.
        return all >= DateTime.MinValue.Ticks && all <= DateTime.MaxValue.Ticks
            ? new DateTime((long)all, DateTimeKind.Utc).ToString(format, CultureInfo.InvariantCulture)
            : value;
    }
}
