using Vlc.Formats.Binary;

namespace Vlc.Formats;

/// <summary>Writes an ivecs file: for each row an int32 dimension, then that many int32, little-endian.</summary>
public sealed class IvecsWriter : IDisposable
{
    private readonly ReplacingFile _file;

    /// <summary>Creates the file under a temporary name.</summary>
    /// <param name="path">The name it gets on <see cref="Complete"/>.</param>
    /// <param name="columns">Components of each row; at least 1.</param>
    public IvecsWriter(string path, int columns)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(columns, 1);
        Columns = columns;
        _file = new ReplacingFile(path);
    }

    /// <summary>Components of each row.</summary>
    public int Columns { get; }

    /// <summary>Appends rows.</summary>
    /// <param name="rows">Row-major, a whole number of rows.</param>
    /// <exception cref="ArgumentException">Not a whole number of rows.</exception>
    public void Write(ReadOnlySpan<int> rows)
    {
        if (rows.Length % Columns != 0)
        {
            throw new ArgumentException($"{rows.Length} components are not a whole number of rows of {Columns}.", nameof(rows));
        }

        for (; !rows.IsEmpty; rows = rows[Columns..])
        {
            LittleEndianWriting.Write(_file.Stream, [Columns]);
            LittleEndianWriting.Write(_file.Stream, rows[..Columns]);
        }
    }

    /// <summary>Flushes and renames.</summary>
    public void Complete() => _file.Complete();

    /// <summary>Deletes what was written unless <see cref="Complete"/> was reached.</summary>
    public void Dispose() => _file.Dispose();
}
