namespace Vlc.Formats.Columnar.Parquet;

/// <summary>Decodes the values of a page.</summary>
internal delegate T[] PageDecoder<T>(ParquetColumn column, PageEncoding encoding, ReadOnlySpan<byte> bytes, int count);

/// <summary>
/// Goes through the entries of a column page by page. One page is in memory at a time; going back begins the row group again.
/// </summary>
internal sealed class PageCursor<T>(ParquetTable table, ParquetColumn column, PageDecoder<T> decode)
{
    private PageReader? _pages;
    private Page? _page;
    private T[] _dictionary = [];
    private bool _hasDictionary;
    private T[] _values = [];
    private int _entry;
    private int _value;
    private long _row;

    /// <summary>The row group of the page; -1 before the first.</summary>
    public int Group { get; private set; } = -1;

    /// <summary>Where the row group is, for messages.</summary>
    public string Where => $"row group {Group}, column '{column.Name}'";

    /// <summary>Entries of the page that are left; 0 at the end of the row group.</summary>
    public int Available
    {
        get
        {
            while (_page is null || _entry == _page.Count)
            {
                _page = _pages?.Next();
                if (_page is null) return 0;
                (_entry, _value, _values) = (0, 0, Decode(_page));
            }

            return _page.Count - _entry;
        }
    }

    /// <summary>The repetition levels of what is left of the page; empty where the column has none.</summary>
    public ReadOnlySpan<int> Repetitions => _page!.Repetitions.AsSpan(int.Min(_entry, _page.Repetitions.Length));

    /// <summary>The definition levels of what is left of the page; empty where the column has none.</summary>
    public ReadOnlySpan<int> Definitions => _page!.Definitions.AsSpan(int.Min(_entry, _page.Definitions.Length));

    /// <summary>The values of what is left of the page, without the nulls.</summary>
    public ReadOnlySpan<T> Values => _values.AsSpan(_value);

    /// <summary>The row that the cursor is at the beginning of.</summary>
    public long Row => _row;

    /// <summary>Goes to the first row at or before <paramref name="row"/> from which it can be reached.</summary>
    public void Seek(long row)
    {
        int group = table.GroupOf(row);
        if (group == Group && row >= _row) return;
        Begin(group);
    }

    /// <summary>Goes on to the next row group that has rows.</summary>
    public void NextGroup(long row) => Begin(table.GroupOf(row));

    /// <summary>Leaves entries and the values among them behind.</summary>
    public void Advance(int entries, int values, int rows)
    {
        _entry += entries;
        _value += values;
        _row += rows;
    }

    private void Begin(int group)
    {
        Group = group;
        _pages = table.Pages(column, group, Where);
        (_page, _dictionary, _hasDictionary, _values) = (null, [], false, []);
        (_entry, _value) = (0, 0);
        _row = table.FirstRow(group);
    }

    private T[] Decode(Page page)
    {
        int present = page.Definitions.Length == 0 ? page.Count : page.Definitions.AsSpan().Count(column.MaxDefinition);
        try
        {
            if (page.Encoding is not (PageEncoding.PlainDictionary or PageEncoding.RunLengthDictionary))
            {
                return decode(column, page.Encoding, page.Values.Span, present);
            }
            if (!_hasDictionary)
            {
                Page stored = _pages!.Dictionary ?? throw new InvalidDataException("values by dictionary, without one");
                _dictionary = decode(column, stored.Encoding, stored.Values.Span, stored.Count);
                _hasDictionary = true;
            }

            return Look(page.Values.Span, present);
        }
        catch (InvalidDataException exception)
        {
            throw new VlcFormatException(
                table.Path, Where, "values that can be decoded", exception.Message.TrimEnd('.'),
                "The file is damaged, or a newer program wrote it.", exception);
        }
    }

    private T[] Look(ReadOnlySpan<byte> bytes, int count)
    {
        if (count == 0) return [];
        if (bytes.IsEmpty) throw new InvalidDataException("no indices");
        int[] indices = new int[count];
        RunLengths.Decode(bytes[1..], bytes[0], indices);
        T[] values = new T[count];
        for (int i = 0; i < count; i++)
        {
            values[i] = (uint)indices[i] < (uint)_dictionary.Length
                ? _dictionary[indices[i]]
                : throw new InvalidDataException($"index {indices[i]} of {_dictionary.Length}");
        }

        return values;
    }
}
