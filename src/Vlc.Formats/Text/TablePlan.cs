using System.Text;

namespace Vlc.Formats.Text;

/// <summary>
/// What each column of a text table is: a component, the whole vector, the key, payload. Decided by evidence, or refused.
/// </summary>
internal sealed class TablePlan
{
    private const string Advice =
        "Say which with --columns A..B, by number from 0 or by name, and name the key with --key-column NAME or none.";

    // With fewer rows a component may happen to have integers, all of them distinct.
    private const int RowsThatTell = 3;

    private readonly string _path;
    private readonly TableSample _sample;
    private readonly Column[] _columns;
    private readonly List<string> _notes = [];

    private sealed record Column(int Number, string Name, string[] Values)
    {
        public bool IsNumeric { get; } = Values.Length > 0 && Values.Count(TableSample.IsNumber) * 2 >= Values.Length;

        /// <summary>True where there are numbers and all are written without a decimal point or an exponent.</summary>
        public bool IsIntegers { get; } = Array.Exists(Values, TableSample.IsInteger) && !Array.Exists(Values, TableSample.IsDecimal);

        public bool IsList { get; } = Values.Count(TableSample.IsList) * 2 > Values.Length;

        public bool IsDistinct { get; } = Values.Distinct(StringComparer.Ordinal).Count() == Values.Length;

        public string Shown => Name.Length > 0 ? $"'{Name}'" : $"column {Number}";
    }

    private TablePlan(string path, TableSample sample, VectorFileOptions options)
    {
        _path = path;
        _sample = sample;
        HasHeader = options.Header ?? sample.HasHeader();
        string[][] rows = [.. sample.Lines.Skip(HasHeader ? 1 : 0)];
        Count = sample.Columns;
        Names = HasHeader ? sample.Lines[0] : [.. Enumerable.Repeat("", Count)];
        _columns =
        [
            .. Enumerable.Range(0, Count).Select(
                number => new Column(
                number, Names[number],
                [.. rows.Where(row => number < row.Length).Select(row => row[number]).Where(value => value.Length > 0)])),
        ];
        Rows = rows.Length;
    }

    /// <summary>Fields of each line.</summary>
    public int Count { get; }

    /// <summary>The columns' names; empty strings without a header.</summary>
    public string[] Names { get; }

    public bool HasHeader { get; }

    /// <summary>Rows of the sample.</summary>
    public int Rows { get; }

    /// <summary>The column that holds the whole vector; -1 where each component has its own.</summary>
    public int List { get; private set; } = -1;

    /// <summary>First and last column of the components.</summary>
    public (int First, int Last) Components { get; private set; } = (0, -1);

    /// <summary>The column of the key; -1 for none.</summary>
    public int Key { get; private set; } = -1;

    /// <summary>Columns that come along as payload.</summary>
    public int[] Payload { get; private set; } = [];

    public IReadOnlyList<string> Notes => _notes;

    /// <summary>Decides.</summary>
    /// <exception cref="VlcFormatException">There is no row, a named column is not there, or the evidence does not decide.</exception>
    public static TablePlan Decide(string path, TableSample sample, VectorFileOptions options)
    {
        var plan = new TablePlan(path, sample, options);
        plan.Decide(options);
        return plan;
    }

    /// <summary>The columns as they are, for a table that cannot be decided.</summary>
    public static TablePlan Undecided(string path, TableSample sample, VectorFileOptions options) => new(path, sample, options);

    /// <summary>What the file has, a line for each column or run of columns alike.</summary>
    public IReadOnlyList<FilePart> Parts()
    {
        List<FilePart> parts = [];
        for (int i = 0; i < Count; i++)
        {
            Column column = _columns[i];
            int last = i;
            while (last + 1 < Count && IsAlike(column, _columns[last + 1])) last++;
            string name = NameOf(i) + (last > i ? $" .. {NameOf(last)}" : "");
            string? selector = column.IsList
                ? $"--column {(column.Name.Length > 0 ? column.Name : i)}"
                : last > i
                ? $"--columns {i}..{last}"
                : null;
            string type = column.IsList ? "list of numbers" : column.IsIntegers ? "integers" : column.IsNumeric ? "numbers" : "text";
            string first = string.Join(", ", _columns[i..(int.Min(last, i + 3) + 1)].Select(First));
            parts.Add(new FilePart(name, type, last > i ? $"{last - i + 1} columns" : null, UseOf(i), first, selector));
            i = last;
        }

        return parts;

        string NameOf(int column) => Names[column].Length > 0 ? Names[column] : $"column {column}";
        static string First(Column column) =>
            column.Values.Length == 0 ? "" : column.Values[0].Length > 40 ? column.Values[0][..40] + "..." : column.Values[0];
    }

    /// <summary>Columns of numbers that are used alike; where nothing is decided, that are written alike.</summary>
    private bool IsAlike(Column one, Column other) => one.IsNumeric && other.IsNumeric && UseOf(one.Number) == UseOf(other.Number)
        && (UseOf(one.Number) == PartUse.Vector || one.IsIntegers == other.IsIntegers);

    private PartUse UseOf(int column) =>
        column == List || (List < 0 && column >= Components.First && column <= Components.Last) ? PartUse.Vector
        : column == Key ? PartUse.Key
        : Payload.Contains(column) ? PartUse.Payload
        : PartUse.Left;

    private void Decide(VectorFileOptions options)
    {
        if (Rows == 0)
        {
            throw new VlcFormatException(_path, $"line {_sample.FirstLine + (HasHeader ? 1 : 0)}", "at least one row", "zero rows");
        }
        if (options.Column is null && options.Columns is null) _sample.ThrowIfCutsLists(_path);
        if (options.Column is { } named)
        {
            List = ColumnRange.Find(_path, named, Names);
        }
        else if (options.Columns is { } range)
        {
            Components = range.Resolve(_path, Names);
        }
        else
        {
            Column[] lists = [.. _columns.Where(column => column.IsList)];
            if (lists.Length > 1)
            {
                throw new VlcFormatException(
                    _path, "columns", "one column of lists of numbers", string.Join(", ", lists.Select(column => column.Shown)),
                    "Name one with --column.");
            }

            if (lists.Length == 1) List = lists[0].Number;
            else Components = ChooseComponents(options);
        }

        bool InVector(int column) => column == List || (List < 0 && column >= Components.First && column <= Components.Last);
        Key = options.KeyColumn switch
        {
            null => ChooseKey(InVector),
            "" => -1,
            var key => ColumnRange.Find(_path, key, Names),
        };
        if (Key >= 0 && InVector(Key))
        {
            throw new VlcFormatException(_path, "columns", "a key beside the vector", $"{_columns[Key].Shown} as both");
        }
        Payload = [.. Enumerable.Range(0, Count).Where(column => column != Key && !InVector(column))];
        Explain(options);
    }

    private (int First, int Last) ChooseComponents(VectorFileOptions options)
    {
        int key = options.KeyColumn is { Length: > 0 } named ? ColumnRange.Find(_path, named, Names) : -1;
        if (HasHeader && NumberedRun(key) is { } numbered) return numbered;
        bool[] candidate = [.. _columns.Select(column => column.IsNumeric && column.Number != key)];
        foreach (Column column in _columns)
        {
            if (HasHeader && (ColumnNames.IsOther(column.Name) || ColumnNames.IsKey(column.Name))) candidate[column.Number] = false;
        }

        if (!HasHeader && key < 0 && options.KeyColumn is null && candidate[0]) candidate[0] = !FirstIsKey();
        List<(int First, int Last)> runs = Runs(candidate);
        if (runs.Count == 0)
        {
            ThrowIfDecimalCommas();
            throw new VlcFormatException(
                _path, "columns", "columns of numbers, or one of lists of numbers", Describe(),
                "Is it metadata? Name the columns with --columns A..B.");
        }

        (int First, int Last) longest = runs.MaxBy(run => run.Last - run.First);
        (int, int)[] others = [.. runs.Where(run => run != longest && Enumerable.Range(run.First, run.Last - run.First + 1)
            .Any(i => !_columns[i].IsIntegers))];
        if (others.Length > 0 || runs.Count(run => run.Last - run.First == longest.Last - longest.First) > 1)
        {
            throw new VlcFormatException(
                _path, "columns", "one run of adjacent columns of numbers", string.Join(" and ", runs.Select(Shown)), Advice);
        }

        ThrowIfMixed(longest);
        if (longest.First == longest.Last)
        {
            throw new VlcFormatException(
                _path, "columns", "a vector of more than one number", $"{_columns[longest.First].Shown}, the only column of numbers",
                $"Is it metadata? --columns {longest.First} reads it as vectors of one component.");
        }

        return longest;
    }

    /// <summary>
    /// Columns whose names end in consecutive numbers after the same stem: emb_0, emb_1, ... Another run that is not much shorter leaves it
    /// undecided.
    /// </summary>
    private (int First, int Last)? NumberedRun(int key)
    {
        List<(int First, int Last)> runs = [];
        for (int i = 0; i < Count; i++)
        {
            if (i == key || !_columns[i].IsNumeric || !ColumnNames.TrySplitNumber(Names[i], out string stem, out int number)) continue;
            int last = i;
            while (last + 1 < Count && last + 1 != key && _columns[last + 1].IsNumeric
                && ColumnNames.TrySplitNumber(Names[last + 1], out string next, out int following)
                && next == stem && following == number + last + 1 - i)
            {
                last++;
            }

            if (last > i) runs.Add((i, last));
            i = last;
        }

        if (runs.Count == 0) return null;
        (int First, int Last) longest = runs.MaxBy(run => run.Last - run.First);
        // emb_0 to emb_383 beside tag_1 and tag_2 are the vector; emb_0 to emb_9 beside emb_11 to emb_20 are a table with a column missing.
        const int manyTimes = 8;
        if (runs.Exists(run => run != longest && (run.Last - run.First + 1) * manyTimes > longest.Last - longest.First + 1))
        {
            throw new VlcFormatException(_path, "columns", "one run of numbered columns", string.Join(" and ", runs.Select(Shown)), Advice);
        }

        return longest;
    }

    /// <summary>
    /// Whether the first column of a table without a header is a key although it holds numbers: integers, all distinct, beside decimals.
    /// Integers that repeat beside decimals may be a label; integers that count the rows beside integers may be a component.
    /// </summary>
    private bool FirstIsKey()
    {
        Column first = _columns[0];
        Column[] rest = [.. _columns.Skip(1).Where(column => column.IsNumeric)];
        if (!first.IsIntegers || rest.Length == 0 || Rows < 2) return false;
        bool counts = first.Values.Length == Rows && first.Values[0] is "0" or "1"
            && first.Values.Index().All(value => value.Item == (value.Index + (first.Values[0] == "1" ? 1 : 0))
                .ToString(System.Globalization.CultureInfo.InvariantCulture));
        bool decimals = Array.Exists(rest, column => column.Values.Any(TableSample.IsDecimal));
        if (decimals && Array.TrueForAll(rest, column => !column.IsIntegers))
        {
            if (counts || (first.IsDistinct && Rows >= RowsThatTell)) return true;
            string found = first.IsDistinct ? "integers" : "integers that repeat";
            throw new VlcFormatException(
                _path, "column 0", "a component or a key", $"{found}, beside columns of decimals: perhaps a label", Advice);
        }

        if (!decimals && counts && Rows >= RowsThatTell)
        {
            throw new VlcFormatException(
                _path, "column 0", "a component or a key", "integers that count the rows, beside columns of integers", Advice);
        }

        return false;
    }

    /// <summary>
    /// A column of integers at either end of columns of decimals may be anything: without a name that says so, it is not for us to decide.
    /// </summary>
    private void ThrowIfMixed((int First, int Last) run)
    {
        Column[] columns = _columns[run.First..(run.Last + 1)];
        if (!HasHeader || Rows < 2) return;
        foreach (Column column in (Column[])[columns[0], columns[^1]])
        {
            bool alone = column.IsIntegers && columns.Where(other => other != column).All(other => !other.IsIntegers) && columns.Length > 1;
            if (!alone) continue;
            throw new VlcFormatException(
                _path, $"column {column.Number}", "a component, a key or a label",
                $"integers in {column.Shown}, beside columns of decimals", Advice);
        }
    }

    private int ChooseKey(Func<int, bool> inVector)
    {
        Column[] rest = [.. _columns.Where(column => !inVector(column.Number) && !column.IsList)];
        if (HasHeader)
        {
            Column? exact = rest.FirstOrDefault(column => column.Name.Length > 0
                && ColumnNames.IsKey(column.Name)) ?? rest.FirstOrDefault(column => ColumnNames.IsKey(column.Name));
            if (exact is not null) return exact.Number;
        }

        // Whatever stands first before the vectors is what a list of words has there; where it repeats in a named column it is a class.
        Column? first = rest.FirstOrDefault();
        if (first is null || first.Number != 0) return -1;
        if (!HasHeader) return !first.IsNumeric || first.IsIntegers ? first.Number : -1;
        return !first.IsNumeric && first.IsDistinct && !ColumnNames.IsOther(first.Name) ? first.Number : -1;
    }

    private void ThrowIfDecimalCommas()
    {
        foreach (Column column in _columns)
        {
            if (Array.Find(column.Values, value => value.Contains(',', StringComparison.Ordinal)
                && TableSample.IsNumber(value.Replace(',', '.'))) is { } value)
            {
                throw new VlcFormatException(
                    _path, $"column {column.Number}", "numbers with a decimal point", $"'{value}', with a decimal comma",
                    "Write the numbers with a point.");
            }
        }
    }

    private void Explain(VectorFileOptions options)
    {
        if (_sample.Comments > 0) _notes.Add($"Left {_sample.Comments} comment lines at the top.");
        string header = HasHeader ? "line " + _sample.FirstLine + " names the columns; " : "";
        string vector = List >= 0 ? $"the vector is {_columns[List].Shown}" : $"the vector is {Shown(Components)}";
        string key = Key >= 0 ? $", the key {_columns[Key].Shown}" : "";
        string payload = Payload.Length == 0
            ? ""
            : $", payload {string.Join(", ", Payload.Take(6).Select(column => _columns[column].Shown))}"
                + $"{(Payload.Length > 6 ? $" and {Payload.Length - 6} more" : "")}";
        if (_sample.Dialect.Escapes) _notes.Add("Backslashes and \\N are read as PostgreSQL's COPY writes them.");
        bool told = options.Column is not null || options.Columns is not null;
        bool plain = List < 0 && Components == (0, Count - 1) && !HasHeader;
        bool words = List < 0 && !HasHeader && Key == 0 && Components == (1, Count - 1) && !_columns[0].IsNumeric;
        if (!told && !plain && !words) _notes.Add($"Of {Count} columns, {header}{vector}{key}{payload}.");
        else if (payload.Length > 0) _notes.Add($"Beside the vector: {(key + payload)[2..]}.");
    }

    /// <summary>The runs of adjacent columns that are marked.</summary>
    private static List<(int First, int Last)> Runs(bool[] marked)
    {
        List<(int, int)> runs = [];
        for (int i = 0; i < marked.Length; i++)
        {
            if (!marked[i]) continue;
            int first = i;
            while (i + 1 < marked.Length && marked[i + 1]) i++;
            runs.Add((first, i));
        }

        return runs;
    }

    private string Shown((int First, int Last) run) => run.First == run.Last
        ? _columns[run.First].Shown
        : $"columns {run.First} to {run.Last}{(Names[run.First].Length > 0 ? $" ('{Names[run.First]}' to '{Names[run.Last]}')" : "")}";

    private string Describe()
    {
        var text = new StringBuilder();
        foreach (Column column in _columns.Take(8))
        {
            if (text.Length > 0) text.Append(", ");
            text.Append(column.Shown).Append(column.IsNumeric ? " of numbers" : " of text");
        }

        return Count > 8 ? text.Append(", ...").ToString() : text.ToString();
    }
}
