using Vlc.Vectors;

namespace Vlc.Formats;

/// <summary>Fills one string for each row, from a first one on.</summary>
/// <param name="start">The first row.</param>
/// <param name="destination">One string for each row.</param>
internal delegate void ReadRowTexts(long start, Span<string> destination);

/// <summary>Vectors with the keys and the payload that lie elsewhere in the file than they do.</summary>
/// <param name="inner">The vectors; disposed with this.</param>
/// <param name="keys">The keys; null for none, or those of <paramref name="inner"/>.</param>
/// <param name="payload">A JSON object for each row; null for none.</param>
/// <param name="notes">Sentences that go before those of <paramref name="inner"/>.</param>
/// <param name="owned">Disposed after <paramref name="inner"/>.</param>
internal sealed class DecoratedVectors(
    VectorSource inner, ReadRowTexts? keys, ReadRowTexts? payload, IEnumerable<string> notes, params IDisposable?[] owned) : VectorSource
{
    private readonly string[] _notes = [.. notes, .. inner.Notes];

    public override string Name => inner.Name;

    public override long Count => inner.Count;

    public override int Dimension => inner.Dimension;

    public override ElementType ElementType => inner.ElementType;

    public override bool HasKeys => keys is not null || inner.HasKeys;

    public override bool HasPayload => payload is not null;

    public override IReadOnlyList<string> Notes => _notes;

    public override void Read(long start, int count, Span<float> destination, CancellationToken cancellationToken = default) =>
        inner.Read(start, count, destination, cancellationToken);

    public override void ReadKeys(long start, Span<string> destination)
    {
        CheckTexts(start, destination.Length);
        if (keys is null) inner.ReadKeys(start, destination);
        else keys(start, destination);
    }

    public override void ReadPayload(long start, Span<string> destination)
    {
        CheckTexts(start, destination.Length);
        if (payload is null) base.ReadPayload(start, destination);
        else payload(start, destination);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            inner.Dispose();
            foreach (IDisposable? resource in owned) resource?.Dispose();
        }

        base.Dispose(disposing);
    }

    private void CheckTexts(long start, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start, Count - count);
    }
}
