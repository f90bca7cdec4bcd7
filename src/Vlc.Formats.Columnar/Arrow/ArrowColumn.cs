using Vlc.Formats.Columnar.Tables;
using Vlc.Vectors;

namespace Vlc.Formats.Columnar.Arrow;

/// <summary>Where a field's node and buffers stand among those of a record batch.</summary>
internal sealed record ArrowSlot(ArrowField Field, int Node, int Buffer, int View);

/// <summary>A column, or a field of a struct column: its own slot, that of its items, and those of the structs around it.</summary>
internal sealed record ArrowColumn(
    string Name, ColumnKind Kind, string Type, ElementType? ElementType, bool IsInteger,
    ArrowSlot Slot, ArrowSlot? Items, ArrowSlot[] Around)
    : Column(Name, Kind, Type, ElementType, IsInteger)
{
    public static List<ArrowColumn> All(ArrowField[] fields)
    {
        List<ArrowColumn> columns = [];
        int node = 0, buffer = 0, view = 0;
        foreach (ArrowField field in fields) Add(field, "", []);
        return columns;

        void Add(ArrowField field, string prefix, ArrowSlot[] around)
        {
            ArrowSlot slot = Take(field);
            if (field.Layout == ArrowLayout.Struct)
            {
                foreach (ArrowField child in field.Children) Add(child, prefix + field.Name + ".", [.. around, slot]);
                return;
            }

            ArrowSlot? items = null;
            foreach (ArrowField child in field.Children)
            {
                ArrowSlot first = Pass(child);
                items ??= first;
            }

            ColumnKind kind = KindOf(field);
            ArrowField number = kind == ColumnKind.Vector ? items!.Field : field;
            columns.Add(new ArrowColumn(
                prefix + field.Name, kind, field.Type, kind is ColumnKind.Vector or ColumnKind.Number ? number.Number : null,
                number.IsInteger, slot, items, around));
        }

        ArrowSlot Pass(ArrowField field)
        {
            ArrowSlot slot = Take(field);
            foreach (ArrowField child in field.Children) Pass(child);
            return slot;
        }

        ArrowSlot Take(ArrowField field)
        {
            ArrowSlot slot = new(field, node++, buffer, view);
            buffer += field.Buffers;
            if (field.Layout == ArrowLayout.TextView) view++;
            return slot;
        }
    }

    private static ColumnKind KindOf(ArrowField field) => field switch
    {
        { Layout: ArrowLayout.List or ArrowLayout.LargeList or ArrowLayout.FixedList, Children: [{ Number: not null }] } =>
            ColumnKind.Vector,
        { Number: not null } => ColumnKind.Number,
        { Layout: ArrowLayout.Bits } => ColumnKind.Scalar,
        { Layout: ArrowLayout.Text or ArrowLayout.LargeText or ArrowLayout.TextView, Logical: LogicalType.Text } => ColumnKind.Scalar,
        { Layout: ArrowLayout.Fixed, Logical: LogicalType.Date or LogicalType.Milliseconds } => ColumnKind.Scalar,
        { Layout: ArrowLayout.Fixed, Logical: LogicalType.Microseconds or LogicalType.Nanoseconds } => ColumnKind.Scalar,
        { Dictionary: not null, Logical: LogicalType.Text } => ColumnKind.Scalar,
        _ => ColumnKind.Other,
    };
}
