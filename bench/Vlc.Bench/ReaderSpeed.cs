using System.Diagnostics;
using PureHDF;
using PureHDF.Filters;
using Vlc.Formats;
using Vlc.Formats.Hdf5;
using Vlc.Vectors;

namespace Vlc.Bench;

/// <summary>What inflating costs the reader of HDF5: the same rows stored plain, in one gzip chunk and in fifty.</summary>
internal static class ReaderSpeed
{
    private const int Rows = 50_000;
    private const int Dimension = 384;
    private const int BlockRows = 4_096;

    private static readonly string[] s_names = ["plain", "gzip, one chunk", "gzip, fifty chunks"];

    /// <param name="options">--rounds N; 7 unless given.</param>
    public static int Run(string[] options)
    {
        int rounds = options is ["--rounds", var number] ? int.Parse(number, System.Globalization.CultureInfo.InvariantCulture) : 7;
        string folder = Directory.CreateTempSubdirectory("vlc-readers-").FullName;
        try
        {
            string[] paths = [.. Enumerable.Range(0, s_names.Length).Select(i => Path.Combine(folder, $"{i}.h5"))];
            Write(paths);
            Print("read", paths, Measure(rounds, paths, Read));
            Print("vlc convert", paths, Measure(rounds, paths, path => VlcProcess.Run("convert", path, Path.Combine(folder, "out.npy"))));
            return 0;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void Write(string[] paths)
    {
        // Gzip makes random components smaller by a tenth, as it does those of embeddings.
        var made = new float[Rows, Dimension];
        var random = new Random(1);
        for (int row = 0; row < Rows; row++)
        {
            for (int column = 0; column < Dimension; column++) made[row, column] = (float)(random.NextDouble() - 0.5);
        }

        new H5File { ["train"] = new H5Dataset<float[,]>(made) }.Write(paths[0]);
        var gzip = new H5WriteOptions(Filters: [DeflateFilter.Id]);
        new H5File { ["train"] = new H5Dataset<float[,]>(made, chunks: [Rows, Dimension]) }.Write(paths[1], gzip);
        new H5File { ["train"] = new H5Dataset<float[,]>(made, chunks: [Rows / 50, Dimension]) }.Write(paths[2], gzip);
    }

    /// <summary>Seconds of each path in each round; the first round warms up and is left out.</summary>
    private static double[] Measure(int rounds, string[] paths, Action<string> action)
    {
        var seconds = new double[paths.Length, rounds];
        for (int round = -1; round < rounds; round++)
        {
            for (int i = 0; i < paths.Length; i++)
            {
                long start = Stopwatch.GetTimestamp();
                action(paths[i]);
                if (round >= 0) seconds[i, round] = Stopwatch.GetElapsedTime(start).TotalSeconds;
            }
        }

        return [.. Enumerable.Range(0, paths.Length).Select(
            i => Enumerable.Range(0, rounds).Select(round => seconds[i, round]).Order().ElementAt(rounds / 2))];
    }

    private static void Read(string path)
    {
        using VectorSource source = VectorFiles.Open(path, null, [.. VectorFiles.Default, Hdf5Format.Instance]);
        var rows = new float[BlockRows * source.Dimension];
        for (long start = 0; start < source.Count; start += BlockRows)
        {
            source.Read(start, (int)long.Min(BlockRows, source.Count - start), rows);
        }
    }

    private static void Print(string what, string[] paths, double[] seconds)
    {
        Console.WriteLine($"| {what} | MB | seconds | speed, of the plain file's |");
        Console.WriteLine("|---|---|---|---|");
        for (int i = 0; i < paths.Length; i++)
        {
            double megabytes = new FileInfo(paths[i]).Length / 1e6;
            Console.WriteLine($"| {s_names[i]} | {megabytes:F1} | {seconds[i]:F3} | {seconds[0] / seconds[i]:P0} |");
        }

        Console.WriteLine();
    }
}
