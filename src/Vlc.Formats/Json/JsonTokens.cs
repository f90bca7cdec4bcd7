using System.Text.Json;
using Vlc.Formats.Binary;

namespace Vlc.Formats.Json;

/// <summary>The tokens of a JSON document of any length, through a buffer that holds one token and never the file.</summary>
internal static class JsonTokens
{
    /// <summary>The longest token read, and the longest row: a vector of 65,536 components needs 2 MB, text beside it the rest.</summary>
    public const int MaxBytes = 64 << 20;

    private const int InitialBufferBytes = 1 << 18;

    /// <summary>Looks at a token; false ends the reading.</summary>
    /// <param name="token">Stands at the token.</param>
    /// <param name="start">Offset of the token's first byte in the file.</param>
    /// <param name="end">Offset past its last byte.</param>
    public delegate bool Visitor(ref Utf8JsonReader token, long start, long end);

    /// <summary>Reads from the start of the file until the end or until the visitor has seen enough.</summary>
    /// <exception cref="VlcFormatException">Not JSON, or a token longer than <see cref="MaxBytes"/>.</exception>
    public static void Read(InputFile file, Visitor visit)
    {
        byte[] buffer = new byte[(int)long.Clamp(file.Length, 1, InitialBufferBytes)];
        long offset = 0;
        int held = file.Read(buffer, 0);
        int start = buffer.AsSpan(0, held) is [0xEF, 0xBB, 0xBF, ..] ? 3 : 0;
        var state = new JsonReaderState();
        while (true)
        {
            bool final = offset + held >= file.Length;
            try
            {
                var reader = new Utf8JsonReader(buffer.AsSpan(start, held - start), final, state);
                while (reader.Read())
                {
                    long origin = offset + start;
                    if (!visit(ref reader, origin + reader.TokenStartIndex, origin + reader.BytesConsumed)) return;
                }

                if (final) return;
                start += (int)reader.BytesConsumed;
                state = reader.CurrentState;
            }
            catch (Exception exception) when (exception is JsonException or InvalidOperationException)
            {
                // The latter is what the reader throws for text that is not UTF-8.
                throw NotJson(file.Path, exception);
            }

            int rest = held - start;
            if (start == 0 && rest == buffer.Length)
            {
                if (rest >= MaxBytes)
                {
                    throw new VlcFormatException(
                        file.Path, $"offset {offset}", $"a JSON token of at most {MaxBytes} bytes", "a longer one");
                }
                Array.Resize(ref buffer, 2 * buffer.Length);
            }

            buffer.AsSpan(start, rest).CopyTo(buffer);
            offset += start;
            start = 0;
            held = rest + file.Read(buffer.AsSpan(rest), offset + rest);
            if (held == rest && offset + held < file.Length)
            {
                throw new VlcFormatException(
                    file.Path, $"offset {offset + held}", "more of the document", "the end of the file",
                    "The file has changed since it was opened.");
            }
        }
    }

    /// <summary>The error of text that is not JSON.</summary>
    public static VlcFormatException NotJson(string path, Exception exception, string? where = null)
    {
        string place = exception is JsonException { LineNumber: { } line, BytePositionInLine: { } position }
            ? where is null ? $"line {line + 1}, byte {position}" : $"{where}, byte {position}"
            : where ?? "file";
        // The runtime's message ends in " LineNumber: 0 | BytePositionInLine: 17.", which the place says.
        string message = exception.Message;
        int tail = message.IndexOf(" LineNumber:", StringComparison.Ordinal);
        return new VlcFormatException(path, place, "JSON", (tail < 0 ? message : message[..tail]).TrimEnd('.'), innerException: exception);
    }
}
