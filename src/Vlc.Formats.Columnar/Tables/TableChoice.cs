using Vlc.Formats.Text;

namespace Vlc.Formats.Columnar.Tables;

/// <summary>
/// Which columns of a table are the vectors, the keys and the payload: by the options, else by types and names, else refused.
/// </summary>
internal sealed class TableChoice
{
    private const string DefaultColumn = "embedding", PandasIndex = "__index_level_0__";

    private readonly Table _table;
    private readonly List<string> _notes = [];

    /// <exception cref="VlcFormatException">There is nothing to take, or more than one thing.</exception>
    public TableChoice(Table table, VectorFileOptions options)
    {
        _table = table;
        Vector = ChooseVector(options);
        Key = ChooseKey(options.KeyColumn);
        Column[] rest = [.. table.Columns.Where(column => !Vector.Contains(column) && column != Key)];
        Payload = [.. rest.Where(column => column.Kind is ColumnKind.Scalar or ColumnKind.Number)];
        Left = [.. rest.Except(Payload)];
        Explain();
    }

    /// <summary>The column of vectors, or the columns of one component each.</summary>
    public IReadOnlyList<Column> Vector { get; }

    public Column? Key { get; }

    public IReadOnlyList<Column> Payload { get; }

    public IReadOnlyList<Column> Left { get; }

    public IReadOnlyList<string> Notes => _notes;

    private IEnumerable<string> Names => _table.Columns.Select(column => column.Name);

    private Column[] ChooseVector(VectorFileOptions options)
    {
        if (options.Columns is { } range)
        {
            (int first, int last) = range.Resolve(_table.Path, [.. Names]);
            return ThrowIfNotNumbers([.. _table.Columns.Skip(first).Take(last - first + 1)]);
        }

        Column[] vectors = [.. _table.Columns.Where(column => column.Kind == ColumnKind.Vector)];
        if (options.Column is { } name)
        {
            return Array.Find(vectors, column => column.Name == name) is { } named
                ? [named]
                : throw Refusal($"a column '{name}' of lists of numbers", Describe(_table.Columns), null);
        }

        if (vectors is [Column only]) return [only];
        if (vectors.Length == 0) return ChooseNumbers(options);
        if (Array.Find(vectors, column => column.Name == DefaultColumn) is not { } embedding)
        {
            throw Refusal("one column of lists of numbers", Describe(vectors), "Name the column with --column.");
        }

        _notes.Add($"Of {vectors.Length} columns of lists of numbers, '{DefaultColumn}' is the vector; --column takes another.");
        return [embedding];
    }

    /// <summary>One column a dimension: columns whose names count, or else the only run of columns of decimals.</summary>
    private Column[] ChooseNumbers(VectorFileOptions options)
    {
        bool[] candidate = [.. _table.Columns.Select(column => column.Kind == ColumnKind.Number && column.Name != options.KeyColumn)];
        List<Column[]> runs = Runs(candidate, (left, right) => ColumnNames.TrySplitNumber(left.Name, out string stem, out int number)
            && ColumnNames.TrySplitNumber(right.Name, out string next, out int following) && next == stem && following == number + 1);
        if (runs.Count == 0)
        {
            for (int i = 0; i < candidate.Length; i++)
            {
                Column column = _table.Columns[i];
                candidate[i] &= !column.IsInteger && !ColumnNames.IsKey(column.Name) && !ColumnNames.IsOther(column.Name);
            }

            runs = Runs(candidate, (_, _) => true);
        }

        Column[][] longest = [.. runs.Where(run => run.Length == runs.Max(other => other.Length))];
        if (longest is not [Column[] numbers])
        {
            throw Refusal(
                "one column of lists of numbers, or one run of columns of numbers",
                runs.Count == 0 ? $"none among {Describe(_table.Columns)}" : string.Join(" and ", runs.Select(Shown)),
                "Name the columns with --columns A..B.");
        }

        _notes.Add($"The vector is {Shown(numbers)}, one component each.");
        return ThrowIfNotNumbers(numbers);
    }

    private List<Column[]> Runs(bool[] candidate, Func<Column, Column, bool> follows)
    {
        List<Column[]> runs = [];
        for (int i = 0; i < candidate.Length; i++)
        {
            if (!candidate[i]) continue;
            int first = i;
            while (i + 1 < candidate.Length && candidate[i + 1] && follows(_table.Columns[i], _table.Columns[i + 1])) i++;
            if (i > first) runs.Add([.. _table.Columns.Skip(first).Take(i - first + 1)]);
        }

        return runs;
    }

    private Column? ChooseKey(string? name)
    {
        if (name is { Length: 0 }) return null;
        Column[] scalars = [.. _table.Columns.Where(column =>
            !Vector.Contains(column) && (column.Kind == ColumnKind.Scalar || (column.Kind == ColumnKind.Number && column.IsInteger)))];
        if (name is null) return Array.Find(scalars, column => ColumnNames.IsKey(column.Name) || column.Name == PandasIndex);
        Column found = _table.Columns[ColumnRange.Find(_table.Path, name, [.. Names])];
        return scalars.Contains(found) ? found : throw Refusal($"text or integers in key column '{name}'", found.Type, null);
    }

    private Column[] ThrowIfNotNumbers(Column[] columns) => Array.Find(columns, column => column.Kind != ColumnKind.Number) is { } other
        ? throw Refusal("columns of numbers", Describe([other]), null)
        : columns;

    private void Explain()
    {
        const int shown = 8;
        List<string> parts = [];
        if (Key is not null) parts.Add($"the key is '{Key.Name}'");
        if (Payload.Count > 0) parts.Add($"payload is {Listed(Payload)}");
        if (Left.Count > 0) parts.Add($"left is {Listed(Left)}");
        if (parts.Count > 0) _notes.Add($"Beside the vector '{Vector[0].Name}': {string.Join(", ", parts)}.");

        static string Listed(IReadOnlyList<Column> columns) =>
            string.Join(", ", columns.Take(shown).Select(column => $"'{column.Name}'"))
            + (columns.Count > shown ? $" and {columns.Count - shown} more" : "");
    }

    private static string Shown(Column[] run) => $"columns '{run[0].Name}' to '{run[^1].Name}'";

    private static string Describe(IReadOnlyList<Column> columns)
    {
        const int shown = 12;
        string names = string.Join(", ", columns.Take(shown).Select(column => $"'{column.Name}' {column.Type}"));
        return columns.Count == 0 ? "no column" : columns.Count > shown ? $"{names} and {columns.Count - shown} more" : names;
    }

    private VlcFormatException Refusal(string expected, string found, string? hint) => new(_table.Path, "schema", expected, found, hint);
}
