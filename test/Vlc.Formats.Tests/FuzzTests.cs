using Vlc.Tests;
using Vlc.Vectors;

namespace Vlc.Formats.Tests;

public sealed class FuzzTests
{
    // A reader that believes a damaged count asks for gigabytes; the samples themselves have under 2 KB.
    private const long MaxBytesPerFile = 256L << 20;

    // PureHDF asks for a name or a message as long as it is stated to be before it looks at the file, one array at a time.
    private const long MaxBytesPerHdf5File = 4L << 30;

    public static TheoryData<string> Extensions => [.. Samples.FloatExtensions];

    [Theory]
    [MemberData(nameof(Extensions))]
    public void A_damaged_file_is_read_or_refused_but_nothing_else(string extension)
    {
        const int mutants = 2_000;
        float[] rows = [.. Enumerable.Range(0, 60).Select(i => i * 0.5f)];
        byte[] good = Samples.Build(extension, rows, dimension: 4);
        using TemporaryFolder folder = new();
        string path = folder.File("v" + extension);
        Random random = new(20261122);
        int refused = 0;
        for (int i = 0; i < mutants; i++)
        {
            File.WriteAllBytes(path, Mutate(good, random));
            VlcFormatException? refusal = null;
            long before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                using VectorSource source = Samples.Open(path);
                float[] block = new float[int.Min((int)long.Min(source.Count, 64), 64) * source.Dimension];
                source.Read(0, block.Length / source.Dimension, block);
                Assert.DoesNotContain(block, value => !float.IsFinite(value));
                if (source.HasKeys) source.ReadKeys(0, new string[int.Min((int)source.Count, 8)]);
            }
            catch (VlcFormatException exception)
            {
                Assert.StartsWith(path, exception.Message, StringComparison.Ordinal);
                refusal = exception;
                refused++;
            }

            long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.True(
                allocated <= (extension == ".hdf5" ? MaxBytesPerHdf5File : MaxBytesPerFile), $"mutant {i}: {allocated} bytes; {refusal}");
        }

        Assert.InRange(refused, mutants / 20, mutants);
    }

    private static byte[] Mutate(byte[] good, Random random)
    {
        byte[] bytes = [.. good];
        for (int change = random.Next(1, 4); change > 0; change--)
        {
            int at = random.Next(bytes.Length);
            switch (random.Next(4))
            {
                case 0: bytes[at] = (byte)random.Next(256); break;
                case 1: bytes[at] ^= (byte)(1 << random.Next(8)); break;
                case 2: bytes = bytes[..int.Max(at, 1)]; break;
                default: bytes = [.. bytes[..at], (byte)random.Next(256), .. bytes[at..]]; break;
            }
        }

        return bytes;
    }
}
