using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Diagnostics.Tracing;

namespace Vlc.Diagnostics;

/// <summary>
/// What VLC tells an observer, by the means of the base class library: activities of the source "Vlc" (builds and their phases, updates),
/// instruments of the meter "Vlc", and events of the provider "Vlc". Without an observer it costs a comparison. A call that fails or is
/// cancelled tells nothing.
/// </summary>
public static class VlcTelemetry
{
    /// <summary>Name of the activity source, of the meter, and of the event source.</summary>
    public const string Name = "Vlc";

    private static readonly ActivitySource s_activities = new(Name);
    private static readonly Meter s_meter = new(Name);

    private static readonly Histogram<double> s_phaseSeconds = s_meter.CreateHistogram<double>(
        "vlc.build.phase.duration", "s", "Time of a phase of a build or update; tag phase.");

    private static readonly Histogram<double> s_searchSeconds = s_meter.CreateHistogram<double>(
        "vlc.search.duration", "s", "Time of a call that searches; tag kind: single, batch, range, device.");

    private static readonly Counter<long> s_queries = s_meter.CreateCounter<long>("vlc.search.queries", "{query}", "Queries answered.");

    private static readonly Counter<long> s_scanned = s_meter.CreateCounter<long>(
        "vlc.search.rows.scanned", "{row}", "Rows in the lists that queries scanned on the processor, less those that a filter kept out.");

    private static readonly Counter<long> s_measured = s_meter.CreateCounter<long>(
        "vlc.search.rows.measured", "{row}", "Scanned rows whose distance was computed in full; the others were pruned by a lower bound.");

    /// <summary>Whether anybody listens to searches.</summary>
    private static bool ObservesSearches =>
        s_searchSeconds.Enabled || s_queries.Enabled || s_scanned.Enabled || s_measured.Enabled
        || VlcEventSource.Log.IsEnabled(EventLevel.Verbose, EventKeywords.None);

    /// <summary>Begins to observe a call that searches; null where nobody listens.</summary>
    /// <param name="kind">single, batch, range or device.</param>
    internal static SearchObservation? ObserveSearch(string kind) => ObservesSearches ? new SearchObservation(kind) : null;

    /// <summary>Starts an activity; null where nobody listens.</summary>
    internal static Activity? Start(string name) => s_activities.StartActivity(name);

    /// <summary>Tells how long a phase of a build took.</summary>
    internal static void PhaseEnded(string phase, double seconds)
    {
        s_phaseSeconds.Record(seconds, new KeyValuePair<string, object?>("phase", phase));
        VlcEventSource.Log.PhaseEnded(phase, seconds);
    }

    /// <summary>Tells of a call that searched.</summary>
    internal static void SearchEnded(string kind, int queries, long scannedRows, long measuredRows, double seconds)
    {
        s_searchSeconds.Record(seconds, new KeyValuePair<string, object?>("kind", kind));
        s_queries.Add(queries);
        s_scanned.Add(scannedRows);
        s_measured.Add(measuredRows);
        VlcEventSource.Log.SearchEnded(kind, queries, scannedRows, measuredRows, seconds);
    }
}

/// <summary>A call that searches and is observed; its queries may run on several threads.</summary>
/// <param name="kind">single, batch, range or device.</param>
internal sealed class SearchObservation(string kind)
{
    private readonly long _start = Stopwatch.GetTimestamp();
    private long _scannedRows;
    private long _measuredRows;

    /// <summary>Counts the rows of a query.</summary>
    public void Add(long scannedRows, long measuredRows)
    {
        Interlocked.Add(ref _scannedRows, scannedRows);
        Interlocked.Add(ref _measuredRows, measuredRows);
    }

    /// <summary>Tells of the call, once it is done.</summary>
    public void End(int queries) =>
        VlcTelemetry.SearchEnded(kind, queries, _scannedRows, _measuredRows, Stopwatch.GetElapsedTime(_start).TotalSeconds);
}

/// <summary>The same as events, for dotnet-trace and dotnet-counters.</summary>
[EventSource(Name = VlcTelemetry.Name)]
internal sealed class VlcEventSource : EventSource
{
    private const int PhaseEndedId = 1, SearchEndedId = 2;

    public static VlcEventSource Log { get; } = new();

    [Event(PhaseEndedId, Level = EventLevel.Informational, Message = "phase {0} took {1} s")]
    public void PhaseEnded(string phase, double seconds)
    {
        if (IsEnabled()) WriteEvent(PhaseEndedId, phase, seconds);
    }

    [Event(SearchEndedId, Level = EventLevel.Verbose, Message = "{0}: {1} queries, {2} rows scanned, {3} measured, {4} s")]
    public void SearchEnded(string kind, int queries, long scannedRows, long measuredRows, double seconds)
    {
        if (IsEnabled(EventLevel.Verbose, EventKeywords.None)) WriteEvent(SearchEndedId, kind, queries, scannedRows, measuredRows, seconds);
    }
}
