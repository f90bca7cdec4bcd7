namespace Vlc.Formats.Parquet;

/// <summary>
/// Parquet.Net answers a damaged file with whatever exception the damage leads to, <see cref="NullReferenceException"/> included.
/// This is the one place that catches them all, and names the file and the object instead.
/// </summary>
internal static class ForeignFailure
{
    public static T Rethrow<T>(string path, string where, Func<T> access)
    {
        try
        {
            return access();
        }
        catch (Exception exception) when (exception is not (VlcFormatException or FileNotFoundException or UnauthorizedAccessException))
        {
            string found = exception is OutOfMemoryException
                ? "a size beyond memory"
                : exception.Message.ReplaceLineEndings(" ").TrimEnd('.');
            throw new VlcFormatException(
                path, where, "readable Parquet data", found, "The file is truncated or damaged, or uses a feature that is not supported.",
                exception);
        }
    }
}
