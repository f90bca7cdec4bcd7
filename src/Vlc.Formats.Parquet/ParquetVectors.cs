using System.Numerics;
using System.Numerics.Tensors;
using Parquet;
using Parquet.Schema;
using Vlc.Vectors;

namespace Vlc.Formats.Parquet;

/// <summary>The rows of a list column. A row group is decoded whole, because its pages can only be read in order; one is kept.</summary>
internal sealed class ParquetVectors : VectorSource
{
    // Run lengths and dictionaries compress a constant column without bound; beyond this ratio a count is taken for damage,
    // before memory is asked for it.
    private const long MaxValuesPerByte = 8192;

    private readonly ParquetReader _reader;
    private readonly DataField _column;
    private readonly string _path;
    private readonly long _fileLength;

    // First row of each row group, and at the end the number of rows.
    private readonly long[] _firstRows;

    private float[] _group = [];
    private int _groupIndex = -1;

    /// <summary>Takes ownership of <paramref name="reader"/> once it returns.</summary>
    public ParquetVectors(string path, long fileLength, ParquetReader reader, DataField column)
    {
        _path = path;
        _fileLength = fileLength;
        _reader = reader;
        _column = column;
        ElementType = TypeOf(column) ?? throw new ArgumentException($"not a column of numbers: {column.Path}", nameof(column));
        _firstRows = FirstRows();
        Count = _firstRows[^1];
        VectorShape.ThrowIfAbsurd(path, "footer", Count, dimension: 1);
        Dimension = LearnDimension();
    }

    public override string Name => _path;

    public override long Count { get; }

    public override int Dimension { get; }

    public override ElementType ElementType { get; }

    /// <summary>The element type of a column that can be read; null for others.</summary>
    public static ElementType? TypeOf(DataField column) =>
        column.ClrType == typeof(float) ? ElementType.Float32
        : column.ClrType == typeof(double) ? ElementType.Float64
        : column.ClrType == typeof(int) ? ElementType.Int32
        : null;

    /// <summary>Parquet.Net closes its file asynchronously only; there is nothing to wait for.</summary>
    public static void Close(ParquetReader reader) => reader.DisposeAsync().AsTask().GetAwaiter().GetResult();

    public override void Read(long start, int count, Span<float> destination, CancellationToken cancellationToken = default)
    {
        CheckRange(start, count, destination.Length);
        while (count > 0)
        {
            cancellationToken.ThrowIfCancellationRequested();
            int index = GroupOf(start);
            Load(index);
            int first = (int)(start - _firstRows[index]);
            int rows = (int)long.Min(count, _firstRows[index + 1] - start);
            ReadOnlySpan<float> source = _group.AsSpan(first * Dimension, rows * Dimension);
            FiniteCheck.ThrowIfNotFinite(source, Dimension, start, Name, place: _ => $"row group {index}");
            source.CopyTo(destination);
            destination = destination[source.Length..];
            start += rows;
            count -= rows;
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing) Close(_reader);
        base.Dispose(disposing);
    }

    private long[] FirstRows()
    {
        long[] first = new long[_reader.RowGroupCount + 1];
        for (int i = 0; i < _reader.RowGroupCount; i++)
        {
            int index = i;
            long rows = ForeignFailure.Rethrow(_path, $"row group {index}", () => _reader.RowGroups[index].RowCount);
            if (rows < 0 || rows > long.MaxValue - first[i])
            {
                throw new VlcFormatException(_path, $"row group {i}", "a number of rows", $"{rows}");
            }

            first[i + 1] = first[i] + rows;
        }

        return first;
    }

    private string Where(int group) => $"row group {group}, column '{_column.Path.FirstPart}'";

    /// <summary>The row group that holds a row. Empty groups share their first row with the next one, and are passed over.</summary>
    private int GroupOf(long row)
    {
        int low = 0, high = _firstRows.Length - 1;
        while (high - low > 1)
        {
            int middle = (low + high) / 2;
            if (_firstRows[middle] <= row) low = middle;
            else high = middle;
        }

        return low;
    }

    /// <summary>Decodes the first row group, whose first row sets the dimension for all.</summary>
    private int LearnDimension()
    {
        int index = GroupOf(0);
        (float[] values, int[] repetitions) = Decode(index);
        int second = Array.IndexOf(repetitions, 0, int.Min(1, repetitions.Length));
        int dimension = second < 0 ? repetitions.Length : second;
        VectorShape.ThrowIfAbsurd(_path, Where(index), Count, dimension);
        ThrowIfRagged(index, repetitions, dimension);
        (_group, _groupIndex) = (values, index);
        return dimension;
    }

    private void Load(int index)
    {
        if (index == _groupIndex) return;

        // Let go of the old group first: at no time are two of them in memory.
        (_group, _groupIndex) = ([], -1);
        (float[] values, int[] repetitions) = Decode(index);
        ThrowIfRagged(index, repetitions, Dimension);
        (_group, _groupIndex) = (values, index);
    }

    private (float[] Values, int[] Repetitions) Decode(int index) => ElementType switch
    {
        ElementType.Float32 => Decode<float>(index),
        ElementType.Float64 => Decode<double>(index),
        _ => Decode<int>(index),
    };

    /// <summary>All values of a row group, and for each whether it begins a row (0) or continues one (1).</summary>
    private (float[] Values, int[] Repetitions) Decode<T>(int index)
        where T : unmanaged, INumber<T>
    {
        ParquetRowGroupReader group = ForeignFailure.Rethrow(_path, Where(index), () => _reader.RowGroups[index]);
        long count = ForeignFailure.Rethrow(_path, Where(index), () => group.GetMetadata(_column)?.MetaData?.NumValues ?? 0);
        if (count < 0 || count > Array.MaxLength || count / MaxValuesPerByte > _fileLength)
        {
            throw new VlcFormatException(
                _path, Where(index), $"a number of values that {_fileLength} bytes can hold", $"{count}",
                "Write smaller row groups, if the file is not damaged.");
        }

        T[] values = new T[count];
        int[] definitions = new int[count];
        int[] repetitions = new int[count];
        ForeignFailure.Rethrow(_path, Where(index), () =>
        {
            group.ReadRawAsync<T>(_column, values, definitions, repetitions, CancellationToken.None).AsTask().GetAwaiter().GetResult();
            return 0;
        });
        ThrowIfNull(index, definitions, repetitions);
        if (values is float[] floats) return (floats, repetitions);
        float[] converted = new float[count];
        TensorPrimitives.ConvertSaturating<T, float>(values, converted);
        return (converted, repetitions);
    }

    /// <summary>A definition level below the highest is a null row, an empty list or a null component.</summary>
    private void ThrowIfNull(int index, int[] definitions, int[] repetitions)
    {
        int at = definitions.AsSpan().IndexOfAnyExcept(_column.MaxDefinitionLevel);
        if (at < 0) return;
        long row = _firstRows[index] + repetitions.AsSpan(0, at + 1).Count(0) - 1;
        throw new VlcFormatException(
            _path, $"{Where(index)}, row {row}", "a list of numbers", "a null or an empty list", "Remove the row.");
    }

    private void ThrowIfRagged(int index, int[] repetitions, int dimension)
    {
        long rows = _firstRows[index + 1] - _firstRows[index];
        ReadOnlySpan<int> rest = repetitions;
        for (long row = _firstRows[index]; !rest.IsEmpty; row++)
        {
            int next = rest[1..].IndexOf(0) + 1;
            int length = next == 0 ? rest.Length : next;
            if (rest[0] != 0 || length != dimension)
            {
                throw new VlcFormatException(
                    _path, $"{Where(index)}, row {row}", $"{dimension} components", $"{length}",
                    "All rows of a file have the same dimension.");
            }

            rest = rest[length..];
        }

        if (repetitions.LongLength != rows * dimension)
        {
            throw new VlcFormatException(_path, Where(index), $"{rows} rows", $"{repetitions.LongLength / dimension}");
        }
    }
}
