using System.Globalization;
using System.Text;

namespace Vlc.Formats.Pickle;

/// <summary>The strings of protocol 0, which are written as Python source would have them.</summary>
internal static class PickleEscapes
{
    /// <summary>A line of the opcode UNICODE: raw-unicode-escape, where only \uXXXX and \UXXXXXXXX mean something.</summary>
    public static string Unicode(string line) => Unescape(line, rawUnicode: true);

    /// <summary>A line of the opcode STRING: a quoted str of Python 2, which is bytes; null where it is not quoted.</summary>
    public static PickleBytes? String(string line)
    {
        if (line.Length < 2 || line[0] is not ('\'' or '"') || line[^1] != line[0]) return null;
        byte[] data = Encoding.Latin1.GetBytes(Unescape(line[1..^1], rawUnicode: false));
        return new PickleBytes(0, data.Length, IsString: true, data);
    }

    private static string Unescape(string text, bool rawUnicode)
    {
        StringBuilder result = new(text.Length);
        for (int i = 0; i < text.Length; i++)
        {
            char next = text[i] == '\\' && i + 1 < text.Length ? text[i + 1] : '\0';
            int digits = (next, rawUnicode) switch { ('u', true) => 4, ('U', true) => 8, ('x', false) => 2, _ => 0 };
            if (digits > 0 && i + 2 + digits <= text.Length
                && int.TryParse(text.AsSpan(i + 2, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int code)
                && Rune.IsValid(code))
            {
                result.Append(new Rune(code));
                i += 1 + digits;
            }
            else if (next != '\0' && !rawUnicode)
            {
                result.Append(next switch { 'n' => '\n', 't' => '\t', 'r' => '\r', '0' => '\0', _ => next });
                i++;
            }
            else
            {
                result.Append(text[i]);
            }
        }

        return result.ToString();
    }
}
