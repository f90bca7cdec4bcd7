using System.Numerics;

namespace Vlc.Formats.Hdf5;

/// <summary>The fixed and the extensible array of chunks, VII.C and VII.D: a slot for every chunk, in blocks with checksums.</summary>
internal sealed class ChunkArray(Hdf5File file, Placement placement, ChunkGrid grid, bool filtered, List<Chunk> chunks)
{
    private readonly Visits _visits = new(file);
    private int _client, _elementSize, _pageBits;
    private long _header;

    public void ReadFixed(long address)
    {
        Cursor head = file.Take(address, 8 + file.LengthSize + file.OffsetSize + sizeof(uint), "fixed array");
        ReadHead(head, "FAHD"u8, address);
        _pageBits = head.U8();
        long count = head.Length();
        long? block = head.Address();
        head.ThrowIfChecksumDiffers();
        if (count != placement.Slots) throw head.Damaged($"{placement.Slots} slots", $"{count}");
        if (block is { } data) ReadBlock(data, "FADB"u8, first: 0, count, offsetBytes: 0, written: null);
    }

    public void ReadExtensible(long address)
    {
        Cursor head = file.Take(address, 12 + (6 * file.LengthSize) + file.OffsetSize + sizeof(uint), "extensible array");
        ReadHead(head, "EAHD"u8, address);
        int maxBits = head.U8(), direct = head.U8(), blockElements = head.U8(), superPointers = head.U8();
        _pageBits = head.U8();
        head.Skip(4 * file.LengthSize);
        long used = head.Length();
        head.Length();
        long? index = head.Address();
        head.ThrowIfChecksumDiffers();
        if (maxBits > 64 || !BitOperations.IsPow2(blockElements) || !BitOperations.IsPow2(superPointers) || blockElements == 0
            || superPointers == 0)
        {
            throw head.Damaged("powers of two", $"{blockElements} and {superPointers}");
        }

        if (index is { } block) ReadIndex(block, used, (maxBits, direct, blockElements, superPointers));
    }

    private void ReadHead(Cursor head, ReadOnlySpan<byte> signature, long address)
    {
        head.Expect(signature);
        head.ExpectVersion(0);
        _client = head.U8();
        _elementSize = head.U8();
        _header = address;
        if (_client != (filtered ? 1 : 0)) throw head.Damaged($"chunks {(filtered ? "with" : "without")} filters", $"client {_client}");
        int least = file.OffsetSize + (filtered ? sizeof(uint) + 1 : 0);
        if (filtered ? _elementSize < least || _elementSize > least + 7 : _elementSize != least)
        {
            throw head.Damaged($"slots of {least} bytes", $"{_elementSize}");
        }
    }

    private void ReadIndex(long address, long used, (int MaxBits, int Direct, int BlockElements, int SuperPointers) shape)
    {
        int superBlocks = 1 + int.Max(shape.MaxBits - BitOperations.Log2((uint)shape.BlockElements), 0);
        int inIndex = int.Min(2 * BitOperations.Log2((uint)shape.SuperPointers), superBlocks);
        int dataPointers = 2 * (shape.SuperPointers - 1), superPointers = superBlocks - inIndex;
        int offsetBytes = (shape.MaxBits + 7) / 8;
        _visits.Enter(address);
        int size = 6 + file.OffsetSize + (shape.Direct * _elementSize) + ((dataPointers + superPointers) * file.OffsetSize) + sizeof(uint);
        Cursor block = file.Take(address, size, "extensible array");
        Begin(block, "EAIB"u8);
        Cursor elements = block.Slice(shape.Direct * _elementSize);
        Cursor pointers = block.Slice((dataPointers + superPointers) * file.OffsetSize);
        block.ThrowIfChecksumDiffers();
        AddElements(elements, 0, long.Min(shape.Direct, used));
        long first = shape.Direct;
        for (int super = 0; super < superBlocks && first < used; super++)
        {
            long blocks = 1L << (super / 2), each = (1L << ((super + 1) / 2)) * shape.BlockElements;
            if (super < inIndex)
            {
                for (long i = 0; i < blocks; i++, first += each)
                {
                    if (pointers.Address() is { } data && first < used) ReadBlock(data, "EADB"u8, first, each, offsetBytes, written: []);
                }
            }
            else
            {
                if (pointers.Address() is { } data) ReadSuper(data, first, used, blocks, each, offsetBytes);
                first += blocks * each;
            }
        }
    }

    private void ReadSuper(long address, long first, long used, long blocks, long each, int offsetBytes)
    {
        _visits.Enter(address);
        int bitmapBytes = each > PageSlots ? (int)((PagesOf(each) + 7) / 8) : 0;
        Int128 size = 6 + file.OffsetSize + offsetBytes + ((Int128)blocks * (bitmapBytes + file.OffsetSize)) + sizeof(uint);
        if (size > file.Length) throw file.Damaged(address, "a block of slots within the file", $"{blocks} blocks");
        Cursor block = file.Take(address, (long)size, "extensible array");
        Begin(block, "EASB"u8);
        block.Skip(offsetBytes);
        byte[] written = block.Bytes((int)(blocks * bitmapBytes)).ToArray();
        Cursor pointers = block.Slice((int)(blocks * file.OffsetSize));
        block.ThrowIfChecksumDiffers();
        for (long i = 0; i < blocks && first < used; i++, first += each)
        {
            if (pointers.Address() is { } data) ReadBlock(data, "EADB"u8, first, each, offsetBytes, written, firstBit: i * PagesOf(each));
        }
    }

    private long PageSlots => 1L << int.Min(_pageBits, 40);

    private long PagesOf(long slots) => (slots + PageSlots - 1) / PageSlots;

    /// <summary>
    /// A block of slots: all behind its head, or, above the page's size, in pages with a checksum each. Which pages were written say the
    /// bits of the block itself, and in an extensible array those of its super block, one after the other for all of its blocks.
    /// </summary>
    private void ReadBlock(
        long address, ReadOnlySpan<byte> signature, long first, long count, int offsetBytes, byte[]? written,
        long firstBit = 0)
    {
        _visits.Enter(address);
        long pages = count > PageSlots ? PagesOf(count) : 0;
        long bitmapBytes = written is null ? (pages + 7) / 8 : 0;
        long prefix = 6 + file.OffsetSize + offsetBytes + bitmapBytes + sizeof(uint);
        Int128 total = prefix + ((Int128)count * _elementSize) + (pages * sizeof(uint));
        if (total > file.Length) throw file.Damaged(address, "a block of slots within the file", $"{count} slots");
        Cursor block = file.Take(address, pages > 0 ? prefix : (long)total, "chunk array");
        Begin(block, signature);
        block.Skip(offsetBytes);
        written ??= block.Bytes((int)bitmapBytes).ToArray();
        Cursor? elements = pages > 0 ? null : block.Slice((int)(count * _elementSize));
        block.ThrowIfChecksumDiffers();
        if (elements is not null) AddElements(elements, first, count);
        long at = address + prefix;
        for (long i = 0; i < pages; i++)
        {
            long inPage = long.Min(PageSlots, count - (i * PageSlots));
            long bit = firstBit + i;
            if ((written[bit / 8] & (0x80 >> (int)(bit % 8))) != 0) ReadPage(at, first + (i * PageSlots), inPage);
            at += (inPage * _elementSize) + sizeof(uint);
        }
    }

    private void ReadPage(long address, long first, long count)
    {
        Cursor page = file.Take(address, (count * _elementSize) + sizeof(uint), "page of a chunk array");
        Cursor elements = page.Slice((int)(count * _elementSize));
        page.ThrowIfChecksumDiffers();
        AddElements(elements, first, count);
    }

    private void Begin(Cursor block, ReadOnlySpan<byte> signature)
    {
        block.Expect(signature);
        block.ExpectVersion(0);
        int client = block.U8();
        long? header = block.Address();
        if (client != _client || header != _header) throw block.Damaged($"a block of the array at {_header}", $"one of {header}");
    }

    private void AddElements(Cursor elements, long first, long count)
    {
        for (long slot = first; slot < first + count; slot++)
        {
            long? address = elements.Address();
            (long stored, uint mask) = filtered
                ? (elements.Number(_elementSize - file.OffsetSize - sizeof(uint)), elements.U32())
                : (grid.ChunkBytes, 0);
            if (address is { } written) placement.Add(chunks, slot, written, stored, mask);
        }
    }
}
