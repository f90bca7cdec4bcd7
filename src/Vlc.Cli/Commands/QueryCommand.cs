using System.CommandLine;
using Spectre.Console;
using Vlc.Cli.Compute;
using Vlc.Cli.Files;
using Vlc.Cli.Terminal;
using Vlc.Indexing;
using Vlc.Probing;
using Vlc.Scanning;
using Vlc.Search;
using Vlc.Vectors;

namespace Vlc.Cli.Commands;

/// <summary>
/// <c>vlc query</c>: finds the nearest rows of vectors in an index; without an index, the seed's retrieval demonstration.
/// </summary>
internal static class QueryCommand
{
    private const int QueriesAtOnce = 1024;
    private const int NeighborsAtOnce = 1 << 22;

    // What a person reads; programs ask for --json or --out.
    private const int QueriesInTable = 10;

    private static readonly Option<string> Index = SharedOptions.Index(required: false);
    private static readonly VectorInput Queries = new("--queries", "The vectors to search for.", required: false, defaultDataset: "test");
    private static readonly Option<int?> Neighbors = SharedOptions.Neighbors();
    private static readonly Option<int?> Probes = SharedOptions.Probes();
    private static readonly Option<double?> TargetRecall = SharedOptions.TargetRecall();
    private static readonly Option<string?> Allow =
        new("--allow") { Description = "Row numbers that may be found, one a line.", HelpName = "FILE" };
    private static readonly Option<string?> Deny =
        new("--deny") { Description = "Row numbers that must not be found, one a line.", HelpName = "FILE" };
    private static readonly Option<string?> MetricWord = Spellings.Metric.Option(
        "--metric", "The metric counted on; refused where the index has another.");
    private static readonly Option<string?> Out = new("--out")
    {
        Description = $"Write the neighbours of all queries to a file: {string.Join(", ", NeighborWriter.Extensions)}.", HelpName = "FILE",
    };

    private static readonly Option<string?> Device = DeviceOption.Create("Where the codes are scanned; cpu unless given.");

    public static Command Create()
    {
        var command = new Command("query", "Find the nearest rows of vectors; without --idx, show a small retrieval from made-up data.");
        command.Add(Index);
        Queries.AddTo(command);
        foreach (Option option in new Option[] { Neighbors, Probes, TargetRecall, Allow, Deny, MetricWord, Out, Device })
        {
            command.Add(option);
        }
        command.SetBody(Run);
        return command;
    }

    private static ExitCode Run(ParseResult parsed, CommandTerminal terminal, CancellationToken cancellationToken)
    {
        string? basePath = parsed.GetValue(Index), queries = parsed.GetValue(Queries.File);
        if (basePath is null)
        {
            Option[] needIndex = [Queries.File, Out, Allow, Deny, MetricWord, Device];
            Option? given = needIndex.FirstOrDefault(option => parsed.GetResult(option) is not null);
            if (given is not null) throw new ArgumentException($"{given.Name} needs --idx, the index to search.");
            return RetrievalDemonstration.Run(terminal, parsed.GetValue(SharedOptions.Threads), cancellationToken);
        }

        if (queries is null) throw new ArgumentException("--idx needs --queries, the vectors to search for.");
        if (parsed.GetValue(Allow) is not null && parsed.GetValue(Deny) is not null)
        {
            throw new ArgumentException("--allow and --deny exclude each other.");
        }

        int k = parsed.GetValue(Neighbors) ?? SharedOptions.DefaultNeighbors;
        string? outPath = parsed.GetValue(Out);
        if (outPath is not null) NeighborWriter.CheckExtension(outPath);
        using VlcIndex index = VlcIndex.Open(basePath);
        if (k > index.AliveCount)
        {
            throw new ArgumentException($"-k {k} is more than the index's {index.AliveCount} vectors.");
        }

        SearchOptions options = Options(parsed, index);
        using SelectedDevice device = SelectedDevice.Open(parsed.GetValue(Device) ?? DeviceOption.Cpu);
        using DeviceIndex? onDevice = device.Load(index, k);
        using VectorSource source = Queries.Open(parsed, terminal);
        QueryVectors.CheckDimension(source, index.Dimension);

        using NeighborWriter? writer = outPath is null ? null : NeighborWriter.Create(outPath, k);
        List<QueryNeighbors> results = [];
        long wanted = writer is null && !terminal.Json ? Math.Min(source.Count, QueriesInTable) : source.Count;
        terminal.WithProgress(progress =>
        {
            NeighborSink sink = (result, ids) =>
            {
                if (writer is null) results.Add(result);
                else writer.Write(result, ids);
            };
            Search(index, onDevice, source, wanted, k, options, sink, progress, cancellationToken);
            return true;
        });
        writer?.Complete();

        ProbingPlan plan = index.Plan(options);
        var answer = new QueryResult(
            source.Count, k, index.Count, index.Dimension, Spellings.Metric[index.Metric], plan.Probes, plan.ScannedRows,
            plan.DistanceRatio, device.Name, outPath,
            writer is null ? [.. results] : null);
        terminal.Write(answer, ResultJsonContext.Readable.QueryResult, console => Print(console, answer));
        return ExitCode.Success;
    }

    private static SearchOptions Options(ParseResult parsed, VlcIndex index)
    {
        Metric? metric = Spellings.Metric.ParseOptional(parsed.GetValue(MetricWord));
        if (metric is { } wanted && wanted != index.Metric)
        {
            throw new ArgumentException(
                $"The index was built for metric {Spellings.Metric[index.Metric]}; a search by {Spellings.Metric[wanted]} would return "
                + $"wrong neighbours. Rebuild it with --metric {Spellings.Metric[wanted]}.");
        }

        return new SearchOptions
        {
            Probes = NumberOption.ValueOf(parsed, Probes),
            TargetRecall = parsed.GetValue(TargetRecall),
            Filter = parsed.GetValue(Allow) is { } allow ? RowFilter.Allow(index.Count, IdListFile.Read(allow, index.Count))
                : parsed.GetValue(Deny) is { } deny ? RowFilter.Deny(index.Count, IdListFile.Read(deny, index.Count))
                : null,
            Metric = metric,
            Threads = parsed.GetValue(SharedOptions.Threads),
        };
    }

    private static void Search(
        VlcIndex index, DeviceIndex? onDevice, VectorSource source, long wanted, int k, SearchOptions options, NeighborSink sink,
        ProgressReport progress, CancellationToken cancellationToken)
    {
        int block = (int)Math.Min(Math.Clamp(NeighborsAtOnce / k, 1, QueriesAtOnce), wanted);
        var rows = new float[block * index.Dimension];
        var ids = new int[block * k];
        var scores = new float[block * k];
        for (long first = 0; first < wanted; first += block)
        {
            int count = (int)Math.Min(block, wanted - first);
            QueryVectors.Read(source, first, count, index.Metric, rows, cancellationToken);
            ReadOnlyMemory<float> queries = rows.AsMemory(0, count * index.Dimension);
            if (onDevice is null) index.SearchBatch(queries, k, ids, scores, options, cancellationToken);
            else onDevice.SearchBatch(queries, k, ids, scores, options, cancellationToken);
            for (int query = 0; query < count; query++)
            {
                ReadOnlySpan<int> found = ids.AsSpan(query * k, k);
                sink(QueryNeighbors.Of(first + query, found, scores.AsSpan(query * k, k), index), found);
            }

            progress("search", (double)(first + count) / wanted);
        }
    }

    private static void Print(IAnsiConsole console, QueryResult answer)
    {
        if (answer.Results is { } results)
        {
            bool keys = results.Any(result => result.Neighbors.Any(neighbor => neighbor.Key is not null));
            string[] headings = [">query", ">rank", ">row", ">score"];
            Table table = FactTable.Create(keys ? [.. headings, "key"] : headings);
            foreach (QueryNeighbors result in results)
            {
                for (int rank = 0; rank < result.Neighbors.Length; rank++)
                {
                    Neighbor neighbor = result.Neighbors[rank];
                    string[] cells = [rank == 0 ? $"{result.Query}" : "", $"{rank + 1}", $"{neighbor.Id}", $"{neighbor.Score:G6}"];
                    table.Row(keys ? [.. cells, neighbor.Key ?? ""] : cells);
                }
            }

            console.Write(table);
            if (results.Length < answer.Queries)
            {
                console.WriteLine($"{results.Length} of {answer.Queries:N0} queries shown; --out or --json gives all.");
            }
        }

        string ratio = answer.DistanceRatio is { } factor
            ? $", none beyond {factor:F2} times the squared distance of the k-th of the first rows,"
            : "";
        string written = answer.Out is null ? "" : $"; {answer.Queries:N0} queries written to {answer.Out}";
        console.WriteLine($"{answer.Metric}, at most {answer.Probes:N0} cells or {answer.ScannedRows:N0} rows a query{ratio} on "
            + $"{answer.Device}{written}");
    }

    private delegate void NeighborSink(QueryNeighbors result, ReadOnlySpan<int> ids);
}

/// <summary>What <c>vlc query</c> reports.</summary>
internal sealed record QueryResult(
    long Queries, int K, int N, int D, string Metric, int Probes, int ScannedRows, float? DistanceRatio, string Device, string? Out,
    QueryNeighbors[]? Results);

/// <summary>The neighbours of a query, nearest first; fewer than k where no more were found.</summary>
internal sealed record QueryNeighbors(long Query, Neighbor[] Neighbors)
{
    public static QueryNeighbors Of(long query, ReadOnlySpan<int> ids, ReadOnlySpan<float> scores, VlcIndex index)
    {
        int found = ids.IndexOf(-1) is >= 0 and var end ? end : ids.Length;
        var neighbors = new Neighbor[found];
        for (int rank = 0; rank < found; rank++) neighbors[rank] = new Neighbor(ids[rank], scores[rank], index.Key(ids[rank])?.ToString());
        return new QueryNeighbors(query, neighbors);
    }
}

/// <summary>A row that was found.</summary>
/// <param name="Id">Row number.</param>
/// <param name="Score">Squared distance (l2), cosine, or product.</param>
/// <param name="Key">The user's key, where the vectors came with keys.</param>
internal sealed record Neighbor(int Id, float Score, string? Key);
