using Vlc.Vectors;

namespace Vlc.Formats.Archives;

/// <summary>
/// A single compressed file: it is unpacked to a temporary file, at most half of the free space, and that is read as whatever it is. The
/// temporary file is deleted with the source.
/// </summary>
public abstract class CompressedFormat : VectorFileFormat
{
    /// <inheritdoc/>
    public override bool IsWrapping => true;

    /// <inheritdoc/>
    public override VectorSource Open(string path, VectorFileOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        TemporaryFile temporary = TemporaryFile.Create(path, path, InnerName(path));
        try
        {
            using (FileStream compressed = new(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 1 << 16))
            {
                Unpack(path, compressed, temporary);
            }

            temporary.Close();
            IReadOnlyList<VectorFileFormat> formats = options.Formats ?? VectorFiles.Default;
            // A chain of compressed files within one another would fill the disk one half after the other.
            formats = [.. formats.Where(format => !format.IsWrapping)];
            VectorFileOptions inner = options with { Formats = formats, Format = options.Format == this ? null : options.Format };
            return new WrappedVectors(VectorFiles.Open(temporary.Path, inner, formats), path, [temporary.Note], temporary);
        }
        catch (VlcFormatException exception)
        {
            temporary.Dispose();
            throw exception.Path == path
                ? exception
                : new VlcFormatException(path, exception.Where, exception.Expected, exception.Found, exception.Hint, exception);
        }
        catch
        {
            temporary.Dispose();
            throw;
        }
    }

    /// <summary>The content of a compressed file, from its beginning to its end.</summary>
    /// <param name="compressed">The file.</param>
    /// <returns>A stream that throws <see cref="InvalidDataException"/> where the content is damaged or truncated.</returns>
    protected abstract Stream Decompress(Stream compressed);

    private void Unpack(string path, FileStream compressed, TemporaryFile temporary)
    {
        try
        {
            using Stream content = Decompress(compressed);
            temporary.Fill(content);
        }
        catch (Exception exception) when (exception is InvalidDataException or EndOfStreamException)
        {
            throw new VlcFormatException(path, "content", $"{Name} data", "other bytes", "The file is truncated or damaged.", exception);
        }
    }

    /// <summary>The name without the extension of the compression: its own extension may say what the content is.</summary>
    private string InnerName(string path)
    {
        string name = Path.GetFileName(path);
        string extension = Extensions.FirstOrDefault(extension => name.EndsWith(extension, StringComparison.OrdinalIgnoreCase)) ?? "";
        string inner = name[..^extension.Length];
        return inner.Length == 0 ? "content" : inner;
    }
}
