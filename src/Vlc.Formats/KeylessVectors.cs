using Vlc.Vectors;

namespace Vlc.Formats;

/// <summary>Vectors whose file has keys that the user does not want.</summary>
/// <param name="inner">The vectors; disposed with this.</param>
internal sealed class KeylessVectors(VectorSource inner) : VectorSource
{
    public override string Name => inner.Name;

    public override long Count => inner.Count;

    public override int Dimension => inner.Dimension;

    public override ElementType ElementType => inner.ElementType;

    public override bool HasPayload => inner.HasPayload;

    public override IReadOnlyList<string> Notes { get; } = [.. inner.Notes, "The file has keys; they were left in it, as asked."];

    public override void Read(long start, int count, Span<float> destination, CancellationToken cancellationToken = default) =>
        inner.Read(start, count, destination, cancellationToken);

    public override void ReadPayload(long start, Span<string> destination) => inner.ReadPayload(start, destination);

    protected override void Dispose(bool disposing)
    {
        if (disposing) inner.Dispose();
        base.Dispose(disposing);
    }
}
