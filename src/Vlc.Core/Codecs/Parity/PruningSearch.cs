using Vlc.Codecs.Packed;
using Vlc.Numerics.Kernels;
using Vlc.Numerics.Memory;
using Vlc.Numerics.Threading;
using Vlc.Scanning;

namespace Vlc.Codecs.Parity;

/// <summary>
/// Chooses how many nibbles the first stage of a scan reads and how many sigma beyond the bound it drops rows: of those that lose no more
/// recall on the tuning sample than may be lost, the fastest by a model of the costs.
/// </summary>
/// <remarks>
/// A row counts with its coarse distance less m sigma where that is more than its measured distance, so that what pruning loses does not
/// depend on the order of a scan: the ranking of the candidates by what they count with tells it.
/// </remarks>
/// <param name="chosen">The model, and which codes rows get.</param>
/// <param name="sample">Queries with their candidates.</param>
/// <param name="context">Sizes, and where to compute.</param>
internal sealed class PruningSearch(PackedLevelSearch.Trial chosen, PackedTuningSample sample, LearningContext context)
{
    /// <summary>
    /// Nibbles where rows are dropped by the proven bound: more than by sigma, since ranges of values say less than their means.
    /// </summary>
    public const int ExactNibbles = 128;

    /// <summary>Largest m that is tried, in eighths.</summary>
    private const int MostSigmaEighths = 80;

    /// <summary>Share of the rows that a search scans, and costs in ns: of a nibble of a row, its share of a list's tables and of cold
    /// memory with it, of a row that is measured after the first stage, and of one without.</summary>
    private const double ScannedShare = 0.1, NibbleCost = 0.04, SurvivorCost = 100, RowCost = 60;

    private static readonly int[] NibbleChoices = [32, 48, 64, 96];

    private readonly byte[][] _symbols = new byte[sample.Rows.Length][];
    private readonly int[] _lists = new int[sample.Rows.Length];
    private readonly PackedModel _model = chosen.Coder.Model;

    /// <summary>Searches.</summary>
    /// <param name="loss">Recall that may be lost.</param>
    /// <returns>The choice, and what it loses.</returns>
    public (ParityPruning Pruning, double Loss) Find(double loss)
    {
        Code();
        var best = new ParityPruning(0, 0);
        double bestLoss = 0, bestCost = RowCost * ScannedShare * context.Count;
        foreach (int nibbles in NibbleChoices)
        {
            Candidate[][] candidates = Measure(nibbles);
            double measured = Hits(candidates, float.PositiveInfinity);
            int low = 0, high = MostSigmaEighths;
            // The least m that loses no more: what is lost falls with m.
            while (high - low > 1)
            {
                int middle = (low + high) / 2;
                if (measured - Hits(candidates, middle / 8f) <= loss) high = middle;
                else low = middle;
            }

            double own = measured - Hits(candidates, high / 8f), cost = Cost(candidates, high / 8f, nibbles);
            if (own <= loss && cost < bestCost) (best, bestLoss, bestCost) = (new ParityPruning(nibbles, high), Math.Max(own, 0), cost);
        }

        return (best, bestLoss);
    }

    /// <summary>A candidate as the two stages see it.</summary>
    private readonly record struct Candidate(float Distance, float Coarse, float Sigma)
    {
        /// <summary>What the row counts with.</summary>
        public float With(float sigmas) => float.IsPositiveInfinity(sigmas) ? Distance : MathF.Max(Distance, Coarse - (sigmas * Sigma));
    }

    private int K => Math.Min(PackedOptions.TargetNeighbors, sample.CandidateCount);

    private void Code()
    {
        using var pass = new PackedPass(chosen.Coder, ParityCode.Designed, chosen.Unbiased, context.Backend, context.Threads);
        pass.Code(
            sample.Rows.Length, sample.Row, sample.Cells, row => (_symbols[row.Row], _lists[row.Row]) = (row.States.ToArray(), row.List),
            context.CancellationToken);
    }

    /// <summary>Both distances of every candidate of every query.</summary>
    private Candidate[][] Measure(int nibbles)
    {
        var code = new ParityCode(ParityTables.Designed, nibbles);
        var candidates = new Candidate[sample.QueryCount][];
        using var codec = new ParityCodec(chosen.Coder, new ParityPruning(nibbles, SigmaEighths: 1), chosen.Unbiased);
        int d = codec.Dimension, most = sample.CandidateCount;
        int largest = Enumerable.Range(0, _model.ListCount).Max(list => _model[list].Stride);
        var scratch = new QueryScratch?[context.Threads];
        var memory = new NativeBytes?[context.Threads];
        BlockScheduler.Run(
            sample.QueryCount, context.Threads,
            (query, worker) =>
            {
                QueryScratch own = scratch[worker] ??= new QueryScratch(
                    context.Metric, d, codec.AnchorCount, most, codec.CreateQueryState());
                NativeBytes bytes = memory[worker] ??= new NativeBytes(((long)most * largest) + ParityLayout.Padding);
                sample.Query(query).CopyTo(own.Vector);
                own.CodecState!.Reset();
                candidates[query] = Measure(codec, code, own, bytes, sample.Exact(query, most));
            },
            context.CancellationToken);
        foreach (QueryScratch? own in scratch) own?.Dispose();
        foreach (NativeBytes? own in memory) own?.Dispose();
        return candidates;
    }

    private Candidate[] Measure(ParityCodec codec, ParityCode code, QueryScratch query, NativeBytes memory, ReadOnlySpan<int> rows)
    {
        var result = new Candidate[rows.Length];
        int[] places = [.. rows.ToArray().Select(row => Array.BinarySearch(sample.Rows, row))];
        float[] distances = new float[rows.Length], coarse = new float[rows.Length];
        foreach (IGrouping<int, int> list in Enumerable.Range(0, rows.Length).GroupBy(i => _lists[places[i]]))
        {
            int[] members = [.. list];
            PackedModel.List coded = _model[list.Key];
            float sigma = 0;
            if (coded.Stride == 0)
            {
                codec.Score(query, list.Key, [], new ListRows(null, members, [], firstRow: 0), distances);
                distances.AsSpan(0, members.Length).CopyTo(coarse);
            }
            else
            {
                var packed = new byte[members.Length * coded.Stride];
                for (int i = 0; i < members.Length; i++)
                {
                    code.Pack(coded, _symbols[places[members[i]]], packed.AsSpan(i * coded.Stride, coded.Stride));
                }

                code.Layout(coded).PackList(packed, memory.Writable(0, packed.Length));
                sigma = codec.MeasureStages(query, list.Key, new CodeRows(memory, 0, members.Length, coded.Stride), distances, coarse);
            }

            for (int i = 0; i < members.Length; i++) result[members[i]] = new Candidate(distances[i], coarse[i], sigma);
        }

        return result;
    }

    /// <summary>Share of the exact neighbours among the k nearest candidates.</summary>
    private double Hits(Candidate[][] candidates, float sigmas)
    {
        long hits = 0;
        foreach (Candidate[] own in candidates)
        {
            // The first k candidates are the neighbours.
            foreach (int place in Enumerable.Range(0, own.Length).OrderBy(i => own[i].With(sigmas)).Take(K)) hits += place < K ? 1 : 0;
        }

        return (double)hits / (candidates.Length * K);
    }

    /// <summary>
    /// Nanoseconds of a query by the model: nibbles of all rows that are scanned, and the rows measured. Those are as many as lie within m
    /// sigma of the k-th nearest, by how fast rows get more with the distance among the candidates.
    /// </summary>
    private double Cost(Candidate[][] candidates, float sigmas, int nibbles)
    {
        double scanned = ScannedShare * context.Count, survivors = 0;
        foreach (Candidate[] own in candidates)
        {
            float[] sorted = [.. own.Select(candidate => candidate.With(sigmas)).Order()];
            double near = sorted[K - 1], far = sorted[^1], slack = sigmas * own.Average(candidate => candidate.Sigma);
            double growth = Math.Log((double)own.Length / K) / Math.Max(far - near, 1e-20);
            survivors += Math.Min(scanned, K * Math.Exp(Math.Min(growth * slack, 30)));
        }

        return (scanned * nibbles * NibbleCost) + (SurvivorCost * survivors / candidates.Length);
    }
}
