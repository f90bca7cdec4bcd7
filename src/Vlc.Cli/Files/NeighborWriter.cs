using System.Text.Json;
using Vlc.Cli.Commands;
using Vlc.Formats;

namespace Vlc.Cli.Files;

/// <summary>Writes the neighbours of queries to a file whose extension says the format.</summary>
internal abstract class NeighborWriter : IDisposable
{
    /// <summary>The extensions that <see cref="Create"/> knows.</summary>
    public static IReadOnlyList<string> Extensions { get; } = [".ivecs", ".npy", ".jsonl"];

    /// <summary>Refuses a name whose extension says no format.</summary>
    /// <exception cref="ArgumentException">Another extension.</exception>
    public static void CheckExtension(string path)
    {
        if (!Extensions.Contains(Path.GetExtension(path))) throw Unknown(path);
    }

    /// <summary>Opens the file under a temporary name.</summary>
    /// <exception cref="ArgumentException">Another extension.</exception>
    public static NeighborWriter Create(string path, int k) => Path.GetExtension(path) switch
    {
        ".ivecs" => new Ivecs(path, k),
        ".npy" => new Npy(path, k),
        ".jsonl" => new Jsonl(path),
        _ => throw Unknown(path),
    };

    /// <summary>Appends the neighbours of a query.</summary>
    /// <param name="result">Its neighbours, named.</param>
    /// <param name="ids">Its neighbours' row numbers, -1 where there are fewer than k.</param>
    public abstract void Write(QueryNeighbors result, ReadOnlySpan<int> ids);

    /// <summary>Gives the file its name.</summary>
    public abstract void Complete();

    /// <summary>Deletes what was written unless <see cref="Complete"/> was reached.</summary>
    public abstract void Dispose();

    private static ArgumentException Unknown(string path) =>
        new($"--out must end in {string.Join(" or ", Extensions)}, not '{Path.GetExtension(path)}'.");

    private sealed class Ivecs(string path, int k) : NeighborWriter
    {
        private readonly IvecsWriter _writer = new(path, k);

        public override void Write(QueryNeighbors result, ReadOnlySpan<int> ids) => _writer.Write(ids);

        public override void Complete() => _writer.Complete();

        public override void Dispose() => _writer.Dispose();
    }

    private sealed class Npy(string path, int k) : NeighborWriter
    {
        private readonly NpyWriter<int> _writer = new(path, k);

        public override void Write(QueryNeighbors result, ReadOnlySpan<int> ids) => _writer.Write(ids);

        public override void Complete() => _writer.Complete();

        public override void Dispose() => _writer.Dispose();
    }

    private sealed class Jsonl(string path) : NeighborWriter
    {
        private readonly ReplacingFile _file = new(path);

        public override void Write(QueryNeighbors result, ReadOnlySpan<int> ids)
        {
            _file.Stream.Write(JsonSerializer.SerializeToUtf8Bytes(result, ResultJsonContext.Readable.QueryNeighbors));
            _file.Stream.WriteByte((byte)'\n');
        }

        public override void Complete() => _file.Complete();

        public override void Dispose() => _file.Dispose();
    }
}
