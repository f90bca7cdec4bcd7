using System.Buffers;
using System.Text;
using System.Text.Json;

namespace Vlc.Formats.Text;

/// <summary>The lines of a table whose columns are known.</summary>
internal sealed class DelimitedGrammar : LineGrammar
{
    private readonly Dialect _dialect;
    private readonly TablePlan _plan;
    private readonly long _firstLine;

    public DelimitedGrammar(string path, TableSample sample, TablePlan plan)
        : base(path)
    {
        _dialect = sample.Dialect;
        _plan = plan;
        _firstLine = sample.FirstLine;
        HeaderLine = plan.HasHeader ? sample.FirstLine : 0;
        HasKeys = plan.Key >= 0;
        HasPayload = plan.Payload.Length > 0;
        Notes = plan.Notes;
        QuotesAfter = _dialect.QuotesAfter;
    }

    public override bool IsRow(ReadOnlySpan<byte> line, long lineNumber) => lineNumber >= _firstLine && base.IsRow(line, lineNumber);

    public override int Begin(LineReader reader)
    {
        ReadOnlySpan<byte> line = FirstRow(reader);
        return _plan.List < 0
            ? _plan.Components.Last - _plan.Components.First + 1
            : ParseVector(line, reader.LineNumber, new float[VectorShape.MaxDimension]);
    }

    public override void CheckStructure(ReadOnlySpan<byte> line, long lineNumber)
    {
        int fields = 0;
        FieldEnd end;
        do
        {
            end = Take(ref line, lineNumber, out _, out _);
            fields++;
        }
        while (end == FieldEnd.More);
        if (fields == _plan.Count) return;
        bool columnsOnly = _plan.List < 0 && _plan.Payload.Length == 0;
        int beside = HasKeys ? 1 : 0;
        throw columnsOnly
            ? Ragged(lineNumber, _plan.Count - beside, $"{fields - beside}")
            : new VlcFormatException(
                Path, $"line {lineNumber}", $"{_plan.Count} fields between {_dialect.Name}", $"{fields}",
                "Every line of a table has as many fields.");
    }

    public override int ParseVector(ReadOnlySpan<byte> line, long lineNumber, Span<float> vector)
    {
        (int first, int last) = _plan.List < 0 ? _plan.Components : (_plan.List, _plan.List);
        FieldEnd end = FieldEnd.More;
        int column = 0, count = 0;
        for (; column <= last && end == FieldEnd.More; column++)
        {
            end = Take(ref line, lineNumber, out ReadOnlySpan<byte> field, out _);
            if (column < first) continue;
            if (_plan.List >= 0) return ParseList(field, lineNumber, vector);
            if (!DecimalNumber.TryParse(field, out vector[count])) throw Unexpected(lineNumber, "a number", field, $", component {count}");
            count++;
        }

        return count;
    }

    public override string ParseKey(ReadOnlySpan<byte> line, long lineNumber)
    {
        FieldEnd end = FieldEnd.More;
        ReadOnlySpan<byte> field = default;
        bool quoted = false;
        for (int column = 0; column <= _plan.Key && end == FieldEnd.More; column++) end = Take(ref line, lineNumber, out field, out quoted);
        return Unescaped(field, quoted);
    }

    public override string ParsePayload(ReadOnlySpan<byte> line, long lineNumber)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using var json = new Utf8JsonWriter(buffer, PayloadJson.Options);
        json.WriteStartObject();
        FieldEnd end = FieldEnd.More;
        for (int column = 0, next = 0; next < _plan.Payload.Length && end == FieldEnd.More; column++)
        {
            end = Take(ref line, lineNumber, out ReadOnlySpan<byte> field, out bool quoted);
            if (column != _plan.Payload[next]) continue;
            next++;
            string name = _plan.Names[column].Length > 0 ? _plan.Names[column] : $"column {column}";
            if (_dialect.Escapes && field.SequenceEqual("\\N"u8)) json.WriteNull(name);
            else if (!quoted && PayloadJson.IsNumber(field)) PayloadJson.WriteNumber(json, name, field);
            else json.WriteString(name, Unescaped(field, quoted));
        }

        json.WriteEndObject();
        json.Flush();
        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    private int ParseList(ReadOnlySpan<byte> field, long lineNumber, Span<float> vector)
    {
        if (NumberList.TryParse(field, vector, out int count, out ReadOnlySpan<byte> wrong)) return count;
        if (NumberList.IsShortened(field))
        {
            throw new VlcFormatException(
                Path, $"line {lineNumber}", "every number of the vector", "'...' in the place of most of them",
                "numpy shortened the vector when it was printed, and the numbers are lost; write it with tolist().");
        }

        throw Unexpected(lineNumber, "a list of numbers in brackets", wrong);
    }

    private FieldEnd Take(scoped ref ReadOnlySpan<byte> line, long lineNumber, out ReadOnlySpan<byte> field, out bool quoted)
    {
        FieldEnd end = _dialect.TakeField(ref line, out field, out quoted);
        return end switch
        {
            FieldEnd.OpenQuotation => throw Unexpected(lineNumber, "a quotation that ends", field),
            FieldEnd.AfterQuotation => throw Unexpected(lineNumber, "a delimiter after a quotation", field),
            _ => end,
        };
    }

    private string Unescaped(ReadOnlySpan<byte> field, bool quoted)
    {
        string text = TableSample.Text(field, quoted);
        if (!_dialect.Escapes || !text.Contains('\\', StringComparison.Ordinal)) return text;
        var plain = new StringBuilder(text.Length);
        for (int i = 0; i < text.Length; i++)
        {
            char c = text[i];
            if (c == '\\' && i + 1 < text.Length)
            {
                c = text[++i] switch { 'n' => '\n', 'r' => '\r', 't' => '\t', 'b' => '\b', 'f' => '\f', 'v' => '\v', char other => other };
            }

            plain.Append(c);
        }

        return plain.ToString();
    }
}
