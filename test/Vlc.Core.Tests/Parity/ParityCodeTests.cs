using CsCheck;
using Vlc.Codecs.Packed;
using Vlc.Codecs.Parity;
using Vlc.Core.Tests.Packed;
using Vlc.Indexing;
using Vlc.Numerics.Kernels;
using Vlc.Numerics.Memory;
using Vlc.Storage;
using Vlc.Tests;

namespace Vlc.Core.Tests.Parity;

/// <summary>How bits are allocated in groups of axes, and how rows of a list come to lie.</summary>
public sealed class ParityCodeTests
{
    private static readonly Gen<int[]> s_variances = Gen.Int[-2000, 500].Array[1, 70];

    [Fact]
    public void A_bit_of_a_group_goes_where_it_gains_the_level_and_nowhere_else() =>
        Gen.Select(s_variances, Gen.Int[-1500, 500]).Sample((variances, level) =>
        {
            var bits = new byte[variances.Length];
            int stride = ParityCode.Designed.Allocate(variances, level, 0, bits, out int[] order);
            int[] sorted = [.. Enumerable.Range(0, variances.Length).OrderByDescending(axis => variances[axis])];
            Assert.Equal(sorted[..order.Length], order);
            Assert.Equal(bits.Index().Where(b => b.Item > 0).Select(b => b.Index), order.Order());
            int bytes = 0;
            foreach (int[] group in sorted.Chunk(8))
            {
                // Whole groups have the same bits; what is added of them is the mean of 8 gains, those of axes that are not there being
                // none.
                int b = Assert.Single(group.Select(axis => bits[axis]).Distinct());
                bytes += b;
                double mean = group.Average(axis => (double)variances[axis]) + (64 * Math.Log2(group.Length / 8.0));
                if (b > 0) Assert.True(mean + Gain(b) > level - 2, $"bit {b} of {mean} at {level}");
                if (b < 7) Assert.True(mean + Gain(b + 1) < level + 2, $"no bit {b + 1} of {mean} at {level}");
            }

            Assert.Equal(bytes, stride);
        });

    [Fact]
    public void Given_bytes_are_spent_to_the_last_as_a_level_would() =>
        Gen.Select(s_variances, Gen.Int[0, 80]).Sample((variances, bytes) =>
        {
            byte[] bits = new byte[variances.Length], byLevel = new byte[variances.Length];
            int stride = ParityCode.Designed.Allocate(variances, 0, bytes, bits, out int[] order);
            if (bytes > 0) Assert.Equal(Math.Min(bytes, 7 * ((variances.Length + 7) / 8)), stride);
            Assert.Equal(order.Select(axis => bits[axis]).OrderDescending(), order.Select(axis => bits[axis]));
            if (stride == 0 || bytes == 0) return;
            // The level of the last bit spends at least as many bytes, and no axis gets fewer bits by it.
            int low = -10000, high = 10000;
            while (high - low > 1)
            {
                int middle = (low + high) / 2;
                if (ParityCode.Designed.Allocate(variances, middle, 0, byLevel, out _) >= stride) low = middle;
                else high = middle;
            }

            ParityCode.Designed.Allocate(variances, low, 0, byLevel, out _);
            for (int axis = 0; axis < bits.Length; axis++) Assert.True(byLevel[axis] >= bits[axis]);
        });

    [Fact]
    public void Rows_placed_piece_by_piece_lie_as_rows_packed_at_once()
    {
        using TemporaryFolder folder = new();
        string path = PackedData.Build(folder, Metric.L2, new PackedOptions { GroupCount = 1, Level = -500 }, codec: CodecKind.Parity);
        OpenedIndex index = OpenedIndex.Open(SectionReader.Open(path));
        var codec = (ParityCodec)index.Model.Codec;
        int list = Enumerable.Range(0, codec.ListCount).MaxBy(codec.CodeBytes), stride = codec.CodeBytes(list);
        Gen.Select(Gen.Int[1, 70].SelectMany(count => Gen.Byte.Array[count * stride]), Gen.Int[1, 40].Array[1, 8]).Sample((codes, pieces) =>
        {
            int count = codes.Length / stride, first = 0;
            using var memory = new NativeBytes(codes.Length + ParityLayout.Padding);
            var written = new int[codes.Length];
            for (int piece = 0; first < count; piece++)
            {
                int rows = Math.Min(pieces[piece % pieces.Length], count - first);
                codec.PlaceCodes(list, count, first, codes.AsSpan(first * stride, rows * stride), (bytes, offset) =>
                {
                    bytes.CopyTo(memory.Writable(offset, bytes.Length));
                    for (int i = 0; i < bytes.Length; i++) written[offset + i]++;
                });
                first += rows;
            }

            Assert.All(written, times => Assert.Equal(1, times));
            var rowsOfList = new CodeRows(memory, 0, count, stride);
            var row = new byte[stride];
            for (int i = 0; i < count; i++)
            {
                codec.TakeCode(rowsOfList, list, i, row);
                Assert.Equal(codes[(i * stride)..((i + 1) * stride)], row);
            }
        });
        index.Release();
    }

    private static int Gain(int bits) =>
        (int)Math.Round(64 * Math.Log2(ParityTables.MeanSquaredError[bits - 1] - ParityTables.MeanSquaredError[bits]));
}
