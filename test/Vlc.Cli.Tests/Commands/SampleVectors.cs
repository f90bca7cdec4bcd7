using Vlc.Cli.Evaluation;
using Vlc.Formats;
using Vlc.Tests;

namespace Vlc.Cli.Tests.Commands;

/// <summary>Small files of made-up vectors: rows to index, and queries that are none of them.</summary>
internal sealed class SampleVectors : IDisposable
{
    public const int Count = 600;
    public const int Dimension = 16;
    public const int Queries = 20;
    public const int Anchors = 12;

    private readonly TemporaryFolder _folder = new();

    public SampleVectors()
    {
        float[] drawn = GaussianBlobs.Draw(Count + Queries, Dimension, Anchors, seed: 7);
        Base = Write("base.npy", drawn.AsSpan(0, Count * Dimension));
        Query = Write("query.npy", drawn.AsSpan(Count * Dimension));
    }

    public string Folder => _folder.Path;

    public string Base { get; }

    public string Query { get; }

    /// <summary>Where <see cref="Build"/> puts the index.</summary>
    public string Index => _folder.File("index/small");

    public string File(string name) => _folder.File(name);

    public string Write(string name, ReadOnlySpan<float> rows, int dimension = Dimension)
    {
        using var writer = new NpyWriter<float>(File(name), dimension);
        writer.Write(rows);
        writer.Complete();
        return File(name);
    }

    public string Write(string name, params string[] lines)
    {
        System.IO.File.WriteAllLines(File(name), lines);
        return File(name);
    }

    public Task<CommandRun> Build(params string[] more) =>
        CommandRun.Succeeding(["index", "--emb", Base, "--out", Index, "--m", $"{Anchors}", .. more]);

    public void Dispose() => _folder.Dispose();
}
