using System.Runtime.CompilerServices;
using Vlc.Numerics.Memory;
using Vlc.Tests;

namespace Vlc.Numerics.Tests.Memory;

public sealed class MemoryTests
{
    [Fact]
    public void A_buffer_is_zeroed_aligned_and_bounded()
    {
        for (int length = 0; length <= 33; length++)
        {
            using var buffer = new AlignedBuffer<float>(length);
            Assert.Equal(length, buffer.Length);
            Assert.Equal(length, buffer.Span.Length);
            Assert.False(buffer.Span.ContainsAnyExcept(0f));
            Assert.Equal(0, AddressOf(buffer) % 64);
        }

        using var small = new AlignedBuffer<int>(5);
        small.Span[4] = 7;
        Assert.Equal(7, small.Slice(4, 1)[0]);
        Assert.True(small.Slice(5, 0).IsEmpty);
        Assert.Throws<ArgumentOutOfRangeException>(() => small.Slice(5, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => small.Slice(-1, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => small.Slice(0, -1));
        Assert.Throws<ArgumentOutOfRangeException>(() => small.Slice(0, 6));
        Assert.Throws<ArgumentOutOfRangeException>(() => new AlignedBuffer<int>(-1));
        Assert.Throws<OverflowException>(() => new AlignedBuffer<long>(long.MaxValue));
    }

    [Fact]
    public void A_freed_buffer_cannot_be_used_and_may_be_freed_again()
    {
        var buffer = new AlignedBuffer<byte>(1);
        buffer.Dispose();
        buffer.Dispose();
        Assert.Throws<ObjectDisposedException>(() => buffer.Span.Length);
    }

    [Fact]
    public void A_mapped_file_gives_its_bytes_and_nothing_else()
    {
        using TemporaryFolder folder = new();
        byte[] content = [.. Enumerable.Range(0, 5000).Select(i => (byte)(i * 7))];
        using var file = new MappedFile(folder.Write("bytes", content));
        Assert.Equal(5000, file.Length);
        Assert.True(file.Slice(0, 5000).SequenceEqual(content));
        Assert.True(file.Slice(4999, 1).SequenceEqual(content.AsSpan(4999)));
        Assert.True(file.Slice(5000, 0).IsEmpty);
        Assert.Throws<ArgumentOutOfRangeException>(() => file.Slice(5000, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => file.Slice(-1, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => file.Slice(0, -1));
        Assert.Throws<ArgumentOutOfRangeException>(() => file.Slice(long.MaxValue, 1));
        file.Dispose();
        Assert.Throws<ObjectDisposedException>(() => file.Slice(0, 1).Length);
    }

    [Fact]
    public void An_empty_file_can_be_mapped_and_a_missing_one_cannot()
    {
        using TemporaryFolder folder = new();
        using (var file = new MappedFile(folder.Write("empty", [])))
        {
            Assert.Equal(0, file.Length);
            Assert.True(file.Slice(0, 0).IsEmpty);
            Assert.Throws<ArgumentOutOfRangeException>(() => file.Slice(0, 1));
        }

        Assert.Throws<FileNotFoundException>(() => new MappedFile(folder.File("missing")));
    }

    [Fact]
    public void A_mapping_stays_whole_when_the_name_goes_to_another_file()
    {
        using TemporaryFolder folder = new();
        string path = folder.Write("old", [1, 2, 3]);
        using var file = new MappedFile(path);
        File.Move(folder.Write("new", [9]), path, overwrite: true);
        Assert.Equal([1, 2, 3], file.Slice(0, 3).ToArray());
    }

    [Fact]
    public void Rows_of_codes_lie_one_behind_the_other_within_their_file()
    {
        using TemporaryFolder folder = new();
        using var file = new MappedFile(folder.Write("codes", [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]));
        var rows = new CodeRows(file, 1, 3, 3);
        Assert.Equal([1, 2, 3], rows.Row(0).ToArray());
        Assert.Equal([7, 8, 9], rows.Row(2).ToArray());
        Assert.Throws<ArgumentOutOfRangeException>(() => rows.Row(3).Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => rows.Row(-1).Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => new CodeRows(file, 2, 3, 3));
        Assert.Throws<ArgumentOutOfRangeException>(() => new CodeRows(file, -1, 1, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new CodeRows(file, 0, -1, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new CodeRows(file, 0, 1, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => new CodeRows(file, 0, int.MaxValue, int.MaxValue));
    }

    private static nint AddressOf(AlignedBuffer<float> buffer) =>
        buffer.Length == 0 ? 0 : Unsafe.ByteOffset(ref Unsafe.NullRef<float>(), ref buffer.Span[0]);
}
