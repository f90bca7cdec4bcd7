using Vlc.Formats.Columnar.Tables;
using Vlc.Vectors;

namespace Vlc.Formats.Columnar.Parquet;

/// <summary>A leaf of the schema.</summary>
internal sealed record ParquetColumn(
    string Name, ColumnKind Kind, string Type, ElementType? ElementType, bool IsInteger,
    SchemaElement Element, int Index, int MaxDefinition, int MaxRepetition) : Column(Name, Kind, Type, ElementType, IsInteger)
{
    private const int MaxDepth = 64;

    /// <summary>All leaves, in the order of the file.</summary>
    public static List<ParquetColumn> All(string path, IReadOnlyList<SchemaElement> schema)
    {
        List<ParquetColumn> columns = [];
        if (schema.Count == 0) throw new VlcFormatException(path, "schema", "a root", "none", "The file is damaged.");
        int at = 0;
        Walk(new Branch([], 0, 0), depth: 0);
        if (at != schema.Count) throw new VlcFormatException(path, "schema", $"{at} elements", $"{schema.Count}", "The file is damaged.");
        return columns;

        void Walk(Branch above, int depth)
        {
            if (at >= schema.Count || depth > MaxDepth)
            {
                throw new VlcFormatException(path, "schema", "a tree of its elements", "none", "The file is damaged.");
            }
            SchemaElement element = schema[at++];
            Branch branch = depth == 0 ? above : above.Below(element);
            if (element.Type is not null)
            {
                columns.Add(Leaf(branch, element, columns.Count));
                return;
            }

            for (int child = 0; child < element.Children; child++) Walk(branch, depth + 1);
        }
    }

    private static ParquetColumn Leaf(Branch branch, SchemaElement element, int index)
    {
        ElementType? number = NumberOf(element);
        string type = Describe(element);
        ColumnKind kind = branch switch
        {
            { Repetition: 0 } when number is not null || IsWideInteger(element) => ColumnKind.Number,
            { Repetition: 0 } when IsScalar(element) => ColumnKind.Scalar,
            { Repetition: 1, InList: true, OtherList: false } when number is not null => ColumnKind.Vector,
            _ => ColumnKind.Other,
        };
        string lists = string.Concat(Enumerable.Repeat("list of ", branch.Repetition));
        return new ParquetColumn(
            string.Join('.', branch.Names), kind, lists + type,
            kind is ColumnKind.Vector or ColumnKind.Number ? number ?? Vectors.ElementType.Int32 : null,
            element.Type is PhysicalType.Int32 or PhysicalType.Int64, element, index, branch.Definition, branch.Repetition);
    }

    private static ElementType? NumberOf(SchemaElement element) => (element.Type, element.Logical, element.Bits) switch
    {
        (PhysicalType.Float, LogicalType.None, _) => Vectors.ElementType.Float32,
        (PhysicalType.Double, LogicalType.None, _) => Vectors.ElementType.Float64,
        (PhysicalType.FixedBytes, LogicalType.Float16, _) when element.Length == 2 => Vectors.ElementType.Float16,
        (PhysicalType.Int32, LogicalType.Signed, 8) => Vectors.ElementType.Int8,
        (PhysicalType.Int32, LogicalType.Unsigned, 8) => Vectors.ElementType.UInt8,
        (PhysicalType.Int32, LogicalType.None or LogicalType.Signed, _) => Vectors.ElementType.Int32,
        (PhysicalType.Int32, LogicalType.Unsigned, 16) => Vectors.ElementType.Int32,
        (PhysicalType.Int64, LogicalType.None or LogicalType.Signed, _) => Vectors.ElementType.Int32,
        _ => null,
    };

    private static bool IsWideInteger(SchemaElement element) =>
        element.Type is PhysicalType.Int32 or PhysicalType.Int64 && element.Logical == LogicalType.Unsigned;

    private static bool IsScalar(SchemaElement element) => (element.Type, element.Logical) switch
    {
        (PhysicalType.Boolean, _) => true,
        (PhysicalType.ByteArray, LogicalType.Text) => true,
        (PhysicalType.FixedBytes, LogicalType.Uuid) => element.Length == 16,
        (PhysicalType.Int32, LogicalType.Date) => true,
        (PhysicalType.Int64, LogicalType.Milliseconds or LogicalType.Microseconds or LogicalType.Nanoseconds) => true,
        _ => false,
    };

    private static string Describe(SchemaElement element) => (element.Type, element.Logical) switch
    {
        (_, LogicalType.Signed) => $"int{element.Bits}",
        (_, LogicalType.Unsigned) => $"uint{element.Bits}",
        (_, LogicalType.None) => element.Type switch
        {
            PhysicalType.ByteArray => "bytes",
            PhysicalType.FixedBytes => $"bytes of length {element.Length}",
            _ => $"{element.Type}".ToLowerInvariant(),
        },
        _ => $"{element.Logical}".ToLowerInvariant(),
    };

    /// <summary>
    /// What lies above an element: its names without those of a list's own levels, its levels, and whether it is the element of a
    /// plain list. A list has a repeated group with one child, or in old files a repeated element; a repeated group with more is a list
    /// of structs or a map.
    /// </summary>
    private sealed record Branch(string[] Names, int Definition, int Repetition, bool InList = false, bool OtherList = false)
    {
        private bool ListAbove { get; init; }

        private bool ElementNext { get; init; }

        public Branch Below(SchemaElement element)
        {
            const int repeated = 2;
            bool isLeaf = element.Type is not null, isList = element is { Type: null, Children: 1, Logical: LogicalType.List };
            int definition = Definition + (element.Repetition == 0 ? 0 : 1);
            if (element.Repetition == repeated)
            {
                bool wrapsOne = !isLeaf && element.Children == 1;
                string[] names = ListAbove || ElementNext ? Names : [.. Names, element.Name];
                return new Branch(
                    names, definition, Repetition + 1, isLeaf, OtherList || (!isLeaf && !wrapsOne)) { ElementNext = wrapsOne };
            }

            return ElementNext
                ? new Branch(Names, definition, Repetition, isLeaf, OtherList || !isLeaf) { ListAbove = isList }
                : new Branch([.. Names, element.Name], definition, Repetition, false, OtherList) { ListAbove = isList };
        }
    }
}
