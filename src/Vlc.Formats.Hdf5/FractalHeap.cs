using System.Numerics;

namespace Vlc.Formats.Hdf5;

/// <summary>The heap of a group with many links, III.G: objects by their place in blocks of doubling size.</summary>
internal sealed class FractalHeap
{
    private readonly Hdf5File _file;
    private readonly Visits _visits;
    private readonly long _address;
    private readonly int _idLength, _offsetBytes, _lengthBytes, _width, _directRows;
    private readonly long _start;
    private readonly bool _hasChecksums;
    private readonly List<(long Offset, Cursor Block)> _blocks = [];

    public FractalHeap(Hdf5File file, long address)
    {
        _file = file;
        _visits = new Visits(file);
        _address = address;
        Cursor head = file.Take(address, 22 + (12 * file.LengthSize) + (3 * file.OffsetSize) + sizeof(uint), "fractal heap");
        head.Expect("FRHP"u8);
        head.ExpectVersion(0);
        _idLength = head.U16();
        int filters = head.U16();
        _hasChecksums = (head.U8() & 2) != 0;
        long largestObject = head.U32();
        head.Skip((10 * file.LengthSize) + (2 * file.OffsetSize));
        _width = head.U16();
        _start = head.Length();
        long largest = head.Length();
        int bits = head.U16();
        head.Skip(2);
        long? root = head.Address();
        int rows = head.U16();
        if (filters > 0)
        {
            throw new VlcFormatException(
                file.Path, $"fractal heap at {address}", "a group without filters", "filters",
                $"Convert it: h5repack {Path.GetFileName(file.Path)} converted.h5");
        }

        head.ThrowIfChecksumDiffers();
        if (_width < 1 || !IsPow2(_start) || !IsPow2(largest) || largest < _start || largest > int.MaxValue || bits is < 1 or > 64)
        {
            throw head.Damaged("blocks of a power of two", $"{_start} to {largest} bytes");
        }

        _offsetBytes = (bits + 7) / 8;
        _lengthBytes = BTree2.BytesFor((ulong)long.Min(largest, largestObject));
        _directRows = BitOperations.Log2((ulong)largest) - BitOperations.Log2((ulong)_start) + 2;
        if (root is not { } block) return;
        if (rows == 0) AddDirect(block, 0, _start);
        else AddIndirect(block, 0, rows);
        _blocks.Sort((left, right) => left.Offset.CompareTo(right.Offset));
    }

    /// <summary>The object that the heap identifier at the cursor stands for.</summary>
    public Cursor Take(Cursor id)
    {
        Cursor fields = id.Slice(_idLength);
        int flags = fields.U8();
        if ((flags & 0xF0) != 0)
        {
            throw new VlcFormatException(
                _file.Path, $"fractal heap at {_address}", "links of ordinary length", "one stored apart",
                $"Convert it: h5repack {Path.GetFileName(_file.Path)} converted.h5");
        }

        long offset = fields.Number(_offsetBytes), length = fields.Number(_lengthBytes);
        int low = 0, high = _blocks.Count;
        while (high - low > 1)
        {
            int middle = (low + high) / 2;
            if (_blocks[middle].Offset <= offset) low = middle;
            else high = middle;
        }

        if (_blocks.Count == 0 || offset < _blocks[low].Offset) throw fields.Damaged("an object within the heap", $"offset {offset}");
        Cursor block = _blocks[low].Block.Restarted();
        block.Skip((int)long.Min(offset - _blocks[low].Offset, int.MaxValue));
        return block.Slice((int)long.Min(length, int.MaxValue));
    }

    private static bool IsPow2(long value) => value > 0 && BitOperations.IsPow2(value);

    private long BlockSize(int row) => _start << int.Max(row - 1, 0);

    private void AddDirect(long address, long offset, long size)
    {
        _visits.Enter(address);
        Cursor block = _file.Take(address, size, "heap block");
        Begin(block, "FHDB"u8, offset);
        if (_hasChecksums)
        {
            // The checksum stands before the data and covers it, with zero in its own place.
            uint stored = block.U32();
            byte[] bytes = block.Restarted().Bytes((int)size).ToArray();
            bytes.AsSpan(block.Position - sizeof(uint), sizeof(uint)).Clear();
            uint expected = Checksum.Lookup3(bytes);
            if (stored != expected) throw block.Damaged($"checksum {expected:x8}", $"{stored:x8}");
        }

        _blocks.Add((offset, block));
    }

    private void AddIndirect(long address, long offset, int rows)
    {
        _visits.Enter(address);
        const int mostRows = 64;
        if (rows > mostRows) throw _file.Damaged(address, $"a heap block of at most {mostRows} rows", $"{rows}");
        long size = 5 + _file.OffsetSize + _offsetBytes + ((long)rows * _width * _file.OffsetSize) + sizeof(uint);
        Cursor block = _file.Take(address, size, "heap block");
        Begin(block, "FHIB"u8, offset);
        Cursor children = block.Slice(rows * _width * _file.OffsetSize);
        block.ThrowIfChecksumDiffers();
        for (int row = 0; row < rows; row++)
        {
            for (int column = 0; column < _width; column++)
            {
                if (children.Address() is { } child)
                {
                    if (row < _directRows) AddDirect(child, offset, BlockSize(row));
                    else AddIndirect(child, offset, RowsOf(BlockSize(row)));
                }

                offset += BlockSize(row);
            }
        }
    }

    /// <summary>Rows of an indirect block that stands for <paramref name="size"/> bytes.</summary>
    private int RowsOf(long size) => BitOperations.Log2((ulong)size) - BitOperations.Log2((ulong)_start * (ulong)_width) + 1;

    private void Begin(Cursor block, ReadOnlySpan<byte> signature, long offset)
    {
        block.Expect(signature);
        block.ExpectVersion(0);
        long? heap = block.Address();
        long found = block.Number(_offsetBytes);
        if (heap != _address || found != offset)
        {
            throw block.Damaged($"a block of the heap at {_address}, offset {offset}", $"{heap}, {found}");
        }
    }
}
