using CsCheck;
using Vlc.Codecs;
using Vlc.Codecs.Packed;
using Vlc.Numerics.Memory;
using Vlc.Segments;
using Vlc.Storage;
using Vlc.Tests;

namespace Vlc.Core.Tests.Packed;

public sealed class NumberTests
{
    [Fact]
    public void Numbers_of_any_width_come_back_and_the_rest_of_the_last_byte_is_zero() =>
        Gen.Select(Gen.Int[0, 32], Gen.UInt)
            .Select((width, value) => (Width: width, Value: (uint)(value & ((1UL << width) - 1))))
            .Array[0, 100].Sample(numbers =>
            {
                var writer = new BitWriter();
                foreach ((int width, uint value) in numbers) writer.Write(value, width);
                byte[] bytes = writer.ToArray();
                int bits = numbers.Sum(number => number.Width);
                Assert.Equal((bits + 7) / 8, bytes.Length);
                var reader = new BitReader(bytes);
                foreach ((int width, uint value) in numbers) Assert.Equal(value, reader.Read(width));
                Assert.Equal(bits, reader.Position);
                Assert.Equal(0u, reader.Read((8 * bytes.Length) - bits));
                Assert.False(reader.Overrun);
                Assert.Equal(0u, reader.Read(1));
                Assert.True(reader.Overrun);
            });

    [Fact]
    public void Numbers_and_symbols_come_back_from_the_adaptive_coder_and_it_reads_all_bytes() =>
        Gen.Select(Gen.OneOf(Gen.Int[-3, 3], Gen.Int[-(1 << 24) + 1, (1 << 24) - 1], Gen.Int[-200, 200]), Gen.Int[0, 15])
            .Array[0, 400].Sample(given =>
            {
                var writer = new AdaptiveWriter();
                NumberModel numbers = new(), sameNumbers = new();
                AdaptiveBit[] tree = new AdaptiveBit[16], sameTree = new AdaptiveBit[16];
                foreach ((int number, int symbol) in given)
                {
                    Assert.Equal(number, writer.Number(number, numbers));
                    Assert.Equal(symbol, writer.Symbol(symbol, 4, tree));
                }

                byte[] bytes = writer.ToArray();
                var reader = new AdaptiveReader(bytes);
                foreach ((int number, int symbol) in given)
                {
                    Assert.Equal(number, reader.Number(0, sameNumbers));
                    Assert.Equal(symbol, reader.Symbol(0, 4, sameTree));
                }

                Assert.Equal(bytes.Length, reader.Position);
            });

    [Fact]
    public void Carries_run_through_any_number_of_bytes()
    {
        // Decisions that are nearly always 1, so that the low end creeps towards the top of its range.
        var writer = new AdaptiveWriter();
        AdaptiveBit model = default, same = default;
        int[] decisions = [.. Enumerable.Range(0, 200_000).Select(i => i % 97 == 0 ? 0 : 1)];
        foreach (int decision in decisions) writer.Bit(decision, ref model);
        byte[] bytes = writer.ToArray();
        Assert.InRange(bytes.Length, decisions.Length / AdaptiveBit.MostPerByte, 0.15 * decisions.Length / 8);
        var reader = new AdaptiveReader(bytes);
        foreach (int decision in decisions) Assert.Equal(decision, reader.Bit(0, ref same));
        Assert.Equal(bytes.Length, reader.Position);
    }

    [Fact]
    public void Bits_lie_most_significant_first_and_higher_ones_are_cut_off()
    {
        var writer = new BitWriter();
        writer.Write(0b101, 3);
        writer.Write(0xFFFF_FFF0, 4);
        writer.Write(0b11, 2);
        Assert.Equal([0b1010_0001, 0b1000_0000], writer.ToArray());
    }

    [Fact]
    public void Whole_octaves_are_exact_and_parts_multiply_up_to_them()
    {
        for (int octave = -300; octave <= 300; octave++)
        {
            Assert.Equal(Math.ScaleB(1, octave), Octaves.Power(32 * octave));
            Assert.Equal(Math.ScaleB(1, octave), Octaves.PowerOfEighths(8 * octave));
        }

        for (int part = -500; part <= 500; part++) Assert.Equal(1, Octaves.Power(part) / Math.Pow(2, part / 32.0), 1e-15);
    }

    [Fact]
    public void The_logarithm_is_that_of_the_library_to_twelve_digits()
    {
        Gen.Double[-1000, 1000].Sample(power =>
        {
            double x = Math.Pow(2, power);
            Assert.Equal(Math.Log2(x), Octaves.Log2(x), 1e-12);
        });
        Gen.Double[0.5, 2].Sample(x => Assert.Equal(Math.Log2(x), Octaves.Log2(x), 1e-12));
        Assert.Equal(0, Octaves.Log2(1));
        Assert.Equal(-1074, Octaves.Log2(double.Epsilon));
    }

    [Fact]
    public void Eighths_of_an_octave_are_rounded_to_the_nearest()
    {
        for (int eighths = -800; eighths <= 800; eighths++)
        {
            Assert.Equal(eighths, Octaves.EighthsOf(Octaves.PowerOfEighths(eighths)));
            Assert.Equal(eighths, Octaves.EighthsOf(Octaves.Power((4 * eighths) + 1)));
            Assert.Equal(eighths, Octaves.EighthsOf(Octaves.Power((4 * eighths) - 1)));
        }
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(1, 0)]
    [InlineData(2, 1)]
    [InlineData(3, 2)]
    [InlineData(4, 2)]
    [InlineData(5, 3)]
    [InlineData(256, 8)]
    [InlineData(257, 9)]
    [InlineData(int.MaxValue, 31)]
    public void Things_are_numbered_in_the_fewest_bits(int count, int bits) => Assert.Equal(bits, PackedSections.BitsFor(count));

    [Theory]
    [InlineData(1, 0)]
    [InlineData(2, 13)]
    [InlineData(5, 38)]
    [InlineData(512, 113)]
    public void Assignments_take_as_many_bits_as_number_the_lists(int lists, int bytes)
    {
        int[] assignments = [.. Enumerable.Range(0, 100).Select(row => row * 31 % lists)];
        byte[] written = StoredAssignments.Pack(assignments, PackedSections.BitsFor(lists));
        Assert.Equal(bytes, written.Length);
        Assert.Equal(bytes, CodecModel.AssignmentBytes(100, PackedSections.BitsFor(lists)));
        StoredAssignments stored = Store(written, 100, lists);
        Assert.Equal(assignments, Enumerable.Range(0, 100).Select(row => stored[row]));
        for (int list = 0; list < lists; list++)
        {
            Assert.Equal(Enumerable.Range(0, 100).Where(row => assignments[row] == list), stored.Lists.Rows(list).ToArray());
        }
    }

    [Fact]
    public void A_list_that_there_is_not_is_refused_where_it_lies()
    {
        int[] assignments = new int[40];
        assignments[30] = 5;
        VlcFormatException refusal = Assert.Throws<VlcFormatException>(
            () => Store(StoredAssignments.Pack(assignments, PackedSections.BitsFor(6)), 40, 5));
        Assert.Equal("offset 11", refusal.Where);
    }

    private static StoredAssignments Store(byte[] written, int count, int lists)
    {
        using TemporaryFolder folder = new();
        // A mapping outlives the name of its file.
        var file = new MappedFile(folder.Write("assignments", written));
        return new StoredAssignments(file, 0, count, lists, PackedSections.BitsFor(lists), "x");
    }
}
