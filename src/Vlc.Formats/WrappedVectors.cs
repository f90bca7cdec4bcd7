using Vlc.Vectors;

namespace Vlc.Formats;

/// <summary>
/// A source under another name, with more to say: for a file that was recognised by its content, unpacked, or taken from standard input.
/// Messages name the file as the user did.
/// </summary>
public sealed class WrappedVectors : VectorSource
{
    private readonly VectorSource _inner;
    private readonly string _name;
    private readonly string[] _notes;
    private readonly IDisposable? _owned;

    /// <summary>Takes ownership of both.</summary>
    /// <param name="inner">The source.</param>
    /// <param name="name">The file as the user named it.</param>
    /// <param name="notes">Sentences that go before the inner source's own.</param>
    /// <param name="owned">Disposed after the source: a temporary folder. Null for none.</param>
    public WrappedVectors(VectorSource inner, string name, IEnumerable<string> notes, IDisposable? owned = null)
    {
        ArgumentNullException.ThrowIfNull(inner);
        _inner = inner;
        _name = name;
        _notes = [.. notes, .. inner.Notes];
        _owned = owned;
    }

    /// <inheritdoc/>
    public override string Name => _name;

    /// <inheritdoc/>
    public override long Count => _inner.Count;

    /// <inheritdoc/>
    public override int Dimension => _inner.Dimension;

    /// <inheritdoc/>
    public override ElementType ElementType => _inner.ElementType;

    /// <inheritdoc/>
    public override bool HasKeys => _inner.HasKeys;

    /// <inheritdoc/>
    public override bool HasPayload => _inner.HasPayload;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Notes => _notes;

    /// <summary>
    /// Writes content to a temporary file and opens that: vectors that are read by range cannot be read from a stream. The file is deleted
    /// with the source.
    /// </summary>
    /// <param name="name">The file as the user named it, for messages.</param>
    /// <param name="innerName">The name of the content, whose extension may say its format: "v.csv" for "v.csv.gz".</param>
    /// <param name="content">Read to its end.</param>
    /// <param name="options">How to read the content.</param>
    /// <param name="note">What was done, one sentence; <c>{0}</c> stands for the number of bytes.</param>
    /// <exception cref="VlcFormatException">The content is no file of vectors.</exception>
    public static VectorSource Spool(string name, string innerName, Stream content, VectorFileOptions options, string note)
    {
        ArgumentNullException.ThrowIfNull(content);
        ArgumentNullException.ThrowIfNull(options);
        var folder = new SpoolFolder();
        try
        {
            string path = Path.Combine(folder.Path, Path.GetFileName(innerName) is { Length: > 0 } file ? file : "input");
            long length;
            using (FileStream spooled = new(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 1 << 18))
            {
                content.CopyTo(spooled, 1 << 18);
                length = spooled.Length;
            }

            VectorSource inner = Named(name, () => VectorFiles.Open(path, options, options.Formats ?? VectorFiles.Default));
            return new WrappedVectors(
                inner, name, [string.Format(System.Globalization.CultureInfo.InvariantCulture, note, $"{length:N0}")], folder);
        }
        catch
        {
            folder.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override void Read(long start, int count, Span<float> destination, CancellationToken cancellationToken = default)
    {
        try
        {
            _inner.Read(start, count, destination, cancellationToken);
        }
        catch (VlcFormatException exception)
        {
            throw Renamed(exception);
        }
    }

    /// <inheritdoc/>
    public override void ReadKeys(long start, Span<string> destination)
    {
        try
        {
            _inner.ReadKeys(start, destination);
        }
        catch (VlcFormatException exception)
        {
            throw Renamed(exception);
        }
    }

    /// <inheritdoc/>
    public override void ReadPayload(long start, Span<string> destination)
    {
        try
        {
            _inner.ReadPayload(start, destination);
        }
        catch (VlcFormatException exception)
        {
            throw Renamed(exception);
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _inner.Dispose();
            _owned?.Dispose();
        }

        base.Dispose(disposing);
    }

    private static T Named<T>(string name, Func<T> action)
    {
        try
        {
            return action();
        }
        catch (VlcFormatException exception)
        {
            throw Renamed(name, exception);
        }
    }

    private static VlcFormatException Renamed(string name, VlcFormatException exception) =>
        new(name, exception.Where, exception.Expected, exception.Found, exception.Hint, exception);

    private VlcFormatException Renamed(VlcFormatException exception) => Renamed(_name, exception);

    /// <summary>A folder of our own among the temporary ones, deleted with its content.</summary>
    private sealed class SpoolFolder : IDisposable
    {
        public string Path { get; } = Directory.CreateTempSubdirectory("vlc-").FullName;

        public void Dispose() => Directory.Delete(Path, recursive: true);
    }
}
