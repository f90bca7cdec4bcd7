using System.Buffers;
using System.Collections.Frozen;

namespace Vlc.Cli.Demo;

/// <summary>
/// Splits text into index terms: words and the parts of camel-case names, lower-cased, without stop words,
/// lightly stemmed so that <c>parses</c>, <c>parsing</c> and <c>ParseExact</c> share the term <c>pars</c>.
/// </summary>
/// <remarks>An enumerator without allocation: seven million words pass through it on the way to an embedding.</remarks>
internal ref struct EnglishTerms
{
    /// <summary>Longer words are cut: beyond this there is no English, only encoded data.</summary>
    public const int MaxLength = 32;

    private static readonly FrozenSet<string>.AlternateLookup<ReadOnlySpan<char>> StopWords = FrozenSet.Create(
        StringComparer.Ordinal,
        "a", "an", "and", "any", "are", "as", "at", "be", "been", "but", "by", "can", "could", "do", "does", "for", "from",
        "had", "has", "have", "how", "i", "if", "in", "into", "is", "it", "its", "me", "my", "of", "on", "or", "should", "so",
        "some", "such", "that", "the", "their", "them", "then", "there", "these", "they", "this", "to", "was", "we", "were",
        "what", "when", "where", "whether", "which", "who", "will", "with", "would", "you", "your")
        .GetAlternateLookup<ReadOnlySpan<char>>();

    private static readonly SearchValues<char> Vowels = SearchValues.Create("aeiouy");

    private readonly ReadOnlySpan<char> _text;
    private readonly Span<char> _term;
    private int _position;
    private int _length;

    /// <param name="text">Text to split.</param>
    /// <param name="buffer">Holds the current term; at least <see cref="MaxLength"/> characters.</param>
    public EnglishTerms(ReadOnlySpan<char> text, Span<char> buffer)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(buffer.Length, MaxLength);
        _text = text;
        _term = buffer[..MaxLength];
    }

    /// <summary>The current term; valid until the next call of <see cref="MoveNext"/>.</summary>
    public readonly ReadOnlySpan<char> Current => _term[.._length];

    /// <summary>The terms of <paramref name="text"/>, as strings.</summary>
    public static List<string> ToList(string text)
    {
        List<string> terms = [];
        foreach (ReadOnlySpan<char> term in new EnglishTerms(text, stackalloc char[MaxLength])) terms.Add(term.ToString());
        return terms;
    }

    public readonly EnglishTerms GetEnumerator() => this;

    public bool MoveNext()
    {
        while (NextWord(out ReadOnlySpan<char> word))
        {
            if (word.Length > MaxLength) word = word[..MaxLength];
            _length = word.ToLowerInvariant(_term);

            // A single character is a type parameter, the I of an interface, or the s of "file's".
            if (_length < 2 || StopWords.Contains(Current)) continue;
            _length = Stem(_term, _length);
            return true;
        }

        return false;
    }

    // A word is a run of letters and digits, cut where camel case starts a new one: "ReadAllText", "XMLReader",
    // "SHA256Managed". Digits belong to the word before them: "sha256", "int32", "utf8".
    private bool NextWord(out ReadOnlySpan<char> word)
    {
        ReadOnlySpan<char> text = _text;
        int start = _position;
        while (start < text.Length && !char.IsLetterOrDigit(text[start])) start++;

        int end = start + 1;
        while (end < text.Length && char.IsLetterOrDigit(text[end]) && !StartsPart(text, end)) end++;

        _position = end;
        word = start < text.Length ? text[start..end] : default;
        return start < text.Length;
    }

    private static bool StartsPart(ReadOnlySpan<char> text, int i) =>
        char.IsUpper(text[i])
        && (!char.IsUpper(text[i - 1]) || (i + 1 < text.Length && char.IsLower(text[i + 1]) && !IsPluralOfAcronym(text, i)));

    // "URIs" and "IDs" are one word each.
    private static bool IsPluralOfAcronym(ReadOnlySpan<char> text, int i) =>
        text[i + 1] == 's' && (i + 2 == text.Length || !char.IsLetterOrDigit(text[i + 2]));

    // In the spirit of Porter's first steps: plural, -ly, -ing and -ed, the noun of a verb (connection, serialization), then
    // the final e that these leave on some forms of a word and not on others. Other derived words (reader) stay apart.
    private static int Stem(Span<char> word, int length)
    {
        ReadOnlySpan<char> w = word[..length];
        if (w is "async") return Replace(word, 0, "asynchronous");
        if (length <= 3 || !char.IsAsciiLetterLower(w[^1])) return length;

        if (w.EndsWith("ies") && length > 4) length = Replace(word, length - 3, "y");
        else if (w.EndsWith("sses") || w.EndsWith("xes") || w.EndsWith("ches") || w.EndsWith("shes")) length -= 2;
        else if (w[^1] == 's' && w[^2] is not ('s' or 'u' or 'i')) length--;

        w = word[..length];
        if (w.EndsWith("ly") && length > 5) length -= 2;

        w = word[..length];
        int suffix = w.EndsWith("ing") ? 3 : w.EndsWith("ed") && !w.EndsWith("eed") ? 2 : 0;
        if (suffix > 0 && length - suffix >= 3 && w[..^suffix].ContainsAny(Vowels))
        {
            length -= suffix;
            bool doubled = word[length - 1] == word[length - 2] && word[length - 1] is not ('l' or 's' or 'z');
            if (doubled) length--;
        }

        w = word[..length];
        if (w.EndsWith("ization")) length -= 5;
        else if (length >= 7 && (w.EndsWith("tion") || w.EndsWith("sion"))) length -= 3;

        return length > 3 && word[length - 1] == 'e' ? length - 1 : length;
    }

    private static int Replace(Span<char> word, int at, ReadOnlySpan<char> ending)
    {
        ending.CopyTo(word[at..]);
        return at + ending.Length;
    }
}
