using System.Text;
using Vlc.Formats.Binary;

namespace Vlc.Formats;

/// <summary>
/// Writes a two-dimensional npy file (version 1.0, C order, little-endian) row by row; the number of rows need not be known.
/// </summary>
/// <typeparam name="T">float, int or long.</typeparam>
public sealed class NpyWriter<T> : IDisposable
    where T : unmanaged
{
    // Room for any shape; numpy wants the data aligned to 64 bytes.
    private const int HeaderBytes = 128;

    private static readonly string Descr =
        typeof(T) == typeof(float) ? "<f4"
        : typeof(T) == typeof(int) ? "<i4"
        : typeof(T) == typeof(long) ? "<i8"
        : throw new NotSupportedException($"npy is written as float, int or long, not {typeof(T)}.");

    private readonly ReplacingFile _file;
    private long _components;

    /// <summary>Creates the file under a temporary name.</summary>
    /// <param name="path">The name it gets on <see cref="Complete"/>.</param>
    /// <param name="columns">Components of each row; at least 1.</param>
    /// <exception cref="NotSupportedException"><typeparamref name="T"/> is none of the three.</exception>
    public NpyWriter(string path, int columns)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(columns, 1);
        _ = Descr;
        Columns = columns;
        _file = new ReplacingFile(path);
        _file.Stream.Write(new byte[HeaderBytes]);
    }

    /// <summary>Components of each row.</summary>
    public int Columns { get; }

    /// <summary>Rows written.</summary>
    public long Rows => _components / Columns;

    /// <summary>Appends rows.</summary>
    /// <param name="rows">Row-major, a whole number of rows.</param>
    /// <exception cref="ArgumentException">Not a whole number of rows.</exception>
    public void Write(ReadOnlySpan<T> rows)
    {
        if (rows.Length % Columns != 0)
        {
            throw new ArgumentException($"{rows.Length} components are not a whole number of rows of {Columns}.", nameof(rows));
        }

        LittleEndianWriting.Write(_file.Stream, rows);
        _components += rows.Length;
    }

    /// <summary>Writes the header with the number of rows, flushes and renames.</summary>
    public void Complete()
    {
        _file.Stream.Position = 0;
        _file.Stream.Write([.. FileSignature.Npy, 1, 0]);
        LittleEndianWriting.Write(_file.Stream, [(ushort)(HeaderBytes - 10)]);
        string dictionary = $"{{'descr': '{Descr}', 'fortran_order': False, 'shape': ({Rows}, {Columns}), }}";
        _file.Stream.Write(Encoding.ASCII.GetBytes(dictionary.PadRight(HeaderBytes - 11) + "\n"));
        _file.Complete();
    }

    /// <summary>Deletes what was written unless <see cref="Complete"/> was reached.</summary>
    public void Dispose() => _file.Dispose();
}
