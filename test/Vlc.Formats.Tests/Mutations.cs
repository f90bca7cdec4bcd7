using System.Diagnostics;
using Vlc.Tests;
using Vlc.Vectors;

namespace Vlc.Formats.Tests;

/// <summary>Damages valid files and opens them: whatever the damage, a file is read or refused, within 10 seconds and 1 GB.</summary>
internal static class Mutations
{
    public const long MaxBytes = 1L << 30;

    /// <summary>Damaged files of each kind; VLC_MUTANTS sets another number.</summary>
    public static readonly int Count = int.TryParse(Environment.GetEnvironmentVariable("VLC_MUTANTS"), out int stated) ? stated : 500;

    public static readonly TimeSpan MaxTime = TimeSpan.FromSeconds(10);

    /// <summary>Opens <paramref name="count"/> damaged files in all. Returns how many were refused.</summary>
    /// <param name="seeds">Valid files, and how each is opened.</param>
    /// <param name="extension">Of the files.</param>
    /// <param name="count">Damaged files in all.</param>
    /// <param name="repair">Makes the checksums of a seed's copy right again; null where the format has none.</param>
    public static int Refused(
        IReadOnlyList<(byte[] Bytes, VectorFileOptions Options)> seeds, string extension, int count, Action<int, byte[]>? repair = null)
    {
        using TemporaryFolder folder = new();
        string path = folder.File("v" + extension);
        Random random = new(20261128);
        int refused = 0;
        for (int i = 0; i < count; i++)
        {
            int seed = i % seeds.Count;
            File.WriteAllBytes(path, Mutate(seeds[seed].Bytes, random, bytes => repair?.Invoke(seed, bytes)));
            long before = GC.GetAllocatedBytesForCurrentThread();
            Stopwatch clock = Stopwatch.StartNew();
            if (Refuses(path, seeds[seed].Options)) refused++;
            Assert.True(clock.Elapsed < MaxTime, $"mutant {i} of seed {seed}: {clock.Elapsed}");
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, MaxBytes);
        }

        return refused;
    }

    private static bool Refuses(string path, VectorFileOptions options)
    {
        try
        {
            using VectorSource source = Samples.Open(path, options);
            int rows = (int)long.Min(source.Count, 64);
            float[] block = new float[rows * source.Dimension];
            source.Read(0, rows, block);
            source.Read(source.Count - rows, rows, block);
            Assert.DoesNotContain(block, value => !float.IsFinite(value));
            if (source.HasKeys) source.ReadKeys(0, new string[rows]);
            if (source.HasPayload) source.ReadPayload(0, new string[rows]);
            return false;
        }
        catch (VlcFormatException exception)
        {
            Assert.Contains(path, exception.Message, StringComparison.Ordinal);
            return true;
        }
    }

    /// <summary>
    /// One to three changes: numbers that fields fear most, single bits, copies within the file; rarely bytes lost or added.
    /// </summary>
    private static byte[] Mutate(byte[] good, Random random, Action<byte[]> repair)
    {
        byte[] bytes = [.. good];
        for (int change = random.Next(1, 4); change > 0; change--)
        {
            int at = random.Next(bytes.Length - 8);
            switch (random.Next(6))
            {
                case 0: bytes[at] = (byte)random.Next(256); break;
                case 1: bytes[at] ^= (byte)(1 << random.Next(8)); break;
                case 2: bytes[at]++; break;
                case 3: bytes.AsSpan(at, random.Next(1, 9)).Fill((byte)(random.Next(2) * 0xFF)); break;
                case 4: bytes.AsSpan(random.Next(bytes.Length - 8), 8).CopyTo(bytes.AsSpan(at)); break;
                default: bytes[at] = bytes[random.Next(bytes.Length)]; break;
            }
        }

        repair(bytes);
        return random.Next(50) switch
        {
            0 => bytes[..random.Next(1, bytes.Length)],
            1 => [.. bytes[..(bytes.Length / 2)], (byte)random.Next(256), .. bytes[(bytes.Length / 2)..]],
            _ => bytes,
        };
    }
}
