namespace Vlc.Formats.Hdf5;

/// <summary>The stored bytes of a dataset's rows, read by range.</summary>
internal abstract class RowStorage
{
    /// <summary>What was decided on reading, for the user; empty where there is nothing to say.</summary>
    public virtual IReadOnlyList<string> Notes => [];

    /// <summary>Copies the rows from <paramref name="start"/> on that fill <paramref name="destination"/>.</summary>
    public abstract void Read(long start, Span<byte> destination);
}

/// <summary>Rows that lie one after the other.</summary>
internal sealed class ContiguousRows(Hdf5File file, long address, int rowBytes, string where) : RowStorage
{
    public override void Read(long start, Span<byte> destination) =>
        file.ReadExactly(destination, address + (start * rowBytes), $"{where}, row {start}");
}

/// <summary>Rows that lie in the object header itself.</summary>
internal sealed class CompactRows(byte[] rows, int rowBytes) : RowStorage
{
    public override void Read(long start, Span<byte> destination) =>
        rows.AsSpan((int)(start * rowBytes), destination.Length).CopyTo(destination);
}

/// <summary>Rows that were never written: every element is the fill value.</summary>
internal sealed class UnwrittenRows(byte[] fill, string where) : RowStorage
{
    public override IReadOnlyList<string> Notes { get; } = [$"{where} was never written; its rows are the fill value."];

    public override void Read(long start, Span<byte> destination) => Repeat(fill, destination);

    public static void Repeat(ReadOnlySpan<byte> fill, Span<byte> destination)
    {
        if (!fill.ContainsAnyExcept((byte)0))
        {
            destination.Clear();
            return;
        }

        for (int at = 0; at < destination.Length; at += fill.Length) fill.CopyTo(destination[at..]);
    }
}
