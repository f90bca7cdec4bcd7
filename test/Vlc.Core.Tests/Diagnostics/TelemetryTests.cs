using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Diagnostics.Tracing;
using Vlc.Core.Tests.Segments;
using Vlc.Diagnostics;
using Vlc.Indexing;
using Vlc.Scanning;
using Vlc.Search;
using Vlc.Tests;

namespace Vlc.Core.Tests.Diagnostics;

/// <summary>What observers hear. Listeners hear the whole process, so that other tests stand aside.</summary>
[Collection(nameof(TelemetryTests))]
[CollectionDefinition(nameof(TelemetryTests), DisableParallelization = true)]
public sealed class TelemetryTests
{
    private const int Count = 400;

    [Theory]
    [InlineData(CodecKind.Int8)]
    [InlineData(CodecKind.Packed)]
    public void Searches_tell_their_queries_and_the_rows_that_they_scanned_and_measured(CodecKind codec)
    {
        using TemporaryFolder folder = new();
        int d = SegmentData.Dimension(codec);
        string path = SegmentData.Build(folder, Datasets.Clusters(Count, d, 8, 1), d, codec, tuningRows: 20);
        SegmentData.Add(path, Datasets.Clusters(100, d, 8, 2), d);
        IndexUpdater.Remove(path, [1, 450]);
        float[] queries = Datasets.Clusters(6, d, 8, 3);
        using VlcIndex index = VlcIndex.Open(path);
        int alive = index.AliveCount;
        float middle = SegmentData.MiddleScore(index, queries);
        using var heard = new Instruments();

        // What a search will scan is known beforehand, a threshold taken into account.
        SearchOptions[] ways = [new(), new() { ScoreThreshold = middle }, new() { ScoreThreshold = 0.01f }, new() { Probes = 3 }];
        foreach (SearchOptions options in ways)
        {
            index.Search(Datasets.Row(queries, d, 1), new int[5], new float[5], options);
            heard.AssertSearch("single", 1, index.Extent(Datasets.Row(queries, d, 1), 5, options).Rows, prunes: true);
        }

        index.Search(Datasets.Row(queries, d, 0), 5, SearchOptions.Exhaustive);
        heard.AssertSearch("single", 1, alive, prunes: codec == CodecKind.Packed);
        index.Search(Datasets.Row(queries, d, 0), new int[5], new float[5], new SearchOptions { ScannedRows = 50 });
        heard.AssertSearch(
            "single", 1, index.Extent(Datasets.Row(queries, d, 0), 5, new SearchOptions { ScannedRows = 50 }).Rows, prunes: true);
        index.Search(
            Datasets.Row(queries, d, 0), 5, new SearchOptions { Probes = int.MaxValue, Filter = RowFilter.Allow(500, [2, 3, 460]) });
        heard.AssertSearch("single", 1, 3, prunes: false);
        index.SearchBatch(queries, 5, new int[30], new float[30], SearchOptions.Exhaustive);
        heard.AssertSearch("batch", 6, 6 * alive, prunes: codec == CodecKind.Packed);
        index.SearchRange(Datasets.Row(queries, d, 0), float.MaxValue);
        heard.AssertSearch("range", 1, alive, prunes: false);
        var rerank = new Reranking((_, vector) => vector.Clear());
        index.SearchBatch(queries, 5, new int[30], new float[30], new SearchOptions { Probes = int.MaxValue, Rerank = rerank });
        heard.AssertSearch("batch", 6, 6 * alive, prunes: codec == CodecKind.Packed);

        // What fails, and what is no search, tells nothing.
        Assert.ThrowsAny<ArgumentException>(() => index.Search(new float[d + 1], 5));
        index.MeasureRecall();
        index.Extent(Datasets.Row(queries, d, 0), 5);
        Assert.Empty(heard.Searches);
    }

    [Fact]
    public void Builds_and_updates_are_activities_and_their_phases_are_timed()
    {
        var activities = new ConcurrentQueue<string>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == VlcTelemetry.Name,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStopped = activity => activities.Enqueue(activity.OperationName),
        };
        ActivitySource.AddActivityListener(listener);
        using TemporaryFolder folder = new();
        using var heard = new Instruments();
        string path = SegmentData.Build(folder, Datasets.Clusters(Count, 12, 8, 1), 12, CodecKind.Int8, tuningRows: 20);
        Assert.Equal([.. Enum.GetNames<IndexPhase>(), "Build"], activities);
        Assert.Equal(Enum.GetNames<IndexPhase>(), heard.Phases.Select(phase => phase.Name));
        Assert.All(heard.Phases, phase => Assert.True(phase.Seconds >= 0));
        activities.Clear();
        SegmentData.Add(path, Datasets.Clusters(10, 12, 8, 2), 12);
        IndexUpdater.Remove(path, [1]);
        IndexUpdater.Compact(path);
        Assert.Equal(["Add", "Remove", "Compact"], activities);
    }

    [Fact]
    public void The_same_is_told_as_events()
    {
        using TemporaryFolder folder = new();
        using var listener = new Events();
        string path = SegmentData.Build(folder, Datasets.Clusters(Count, 12, 8, 1), 12, CodecKind.Int8);
        using VlcIndex index = VlcIndex.Open(path);
        index.Search(new float[12], 5, SearchOptions.Exhaustive);
        Assert.Contains(listener.Heard, heard => heard.Name == "PhaseEnded" && (string)heard.Payload[0]! == "Encode");
        (string _, object?[] payload) = Assert.Single(listener.Heard, heard => heard.Name == "SearchEnded");
        Assert.Equal(["single", 1, (long)Count, (long)Count], payload[..4]);
    }

    [Fact]
    public void A_search_to_which_nobody_listens_allocates_nothing()
    {
        using TemporaryFolder folder = new();
        float[] queries = Datasets.Clusters(50, 12, 8, 3);
        using VlcIndex index = VlcIndex.Open(
            SegmentData.Build(folder, Datasets.Clusters(Count, 12, 8, 1), 12, CodecKind.Int8, tuningRows: 20));
        int[] ids = new int[10];
        float[] scores = new float[10];
        Allocation.AssertNone(round => index.Search(Datasets.Row(queries, 12, round), ids, scores));
    }

    /// <summary>Hears the instruments of the meter.</summary>
    private sealed class Instruments : IDisposable
    {
        private readonly MeterListener _listener = new();
        private readonly ConcurrentDictionary<string, long> _sums = [];

        public Instruments()
        {
            _listener.InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Meter.Name == VlcTelemetry.Name) listener.EnableMeasurementEvents(instrument);
            };
            _listener.SetMeasurementEventCallback<long>(
                (instrument, value, _, _) => _sums.AddOrUpdate(instrument.Name, value, (_, sum) => sum + value));
            _listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) =>
            {
                var tagged = ((string)tags[0].Value!, value);
                if (instrument.Name == "vlc.search.duration") Searches.Enqueue(tagged);
                else Phases.Enqueue(tagged);
            });
            _listener.Start();
        }

        public ConcurrentQueue<(string Kind, double Seconds)> Searches { get; } = [];

        public ConcurrentQueue<(string Name, double Seconds)> Phases { get; } = [];

        /// <summary>Asserts what one call told, and forgets it.</summary>
        public void AssertSearch(string kind, int queries, int scanned, bool prunes)
        {
            Assert.True(Searches.TryDequeue(out (string Kind, double Seconds) search));
            Assert.Equal(kind, search.Kind);
            Assert.True(search.Seconds >= 0);
            Assert.Empty(Searches);
            Assert.Equal((queries, scanned), (_sums["vlc.search.queries"], _sums["vlc.search.rows.scanned"]));
            long measured = _sums["vlc.search.rows.measured"];
            if (prunes) Assert.InRange(measured, 0, scanned);
            else Assert.Equal(scanned, measured);
            _sums.Clear();
        }

        public void Dispose() => _listener.Dispose();
    }

    private sealed class Events : EventListener
    {
        public ConcurrentQueue<(string Name, object?[] Payload)> Heard { get; } = [];

        protected override void OnEventSourceCreated(EventSource eventSource)
        {
            if (eventSource.Name == VlcTelemetry.Name) EnableEvents(eventSource, EventLevel.Verbose);
        }

        protected override void OnEventWritten(EventWrittenEventArgs eventData) => Heard?.Enqueue(
            (eventData.EventName!, [.. eventData.Payload!]));
    }
}
