namespace Vlc.Probing;

/// <summary>
/// Early termination of a search, which probes inverted lists from the nearest anchor on. The limit that is met first ends it.
/// </summary>
/// <param name="Probes">Most lists.</param>
/// <param name="ScannedRows">Rows after which no further list is begun; rows that a filter excludes do not count.</param>
/// <param name="DistanceRatio">
/// No list is begun whose anchor's squared distance to the query is more than this many times that of the k-th nearest row among the first
/// 40 · k scanned. Null for no such limit: for products, which are not distances, and where the index did not choose the plan.
/// </param>
public readonly record struct ProbingPlan(int Probes, int ScannedRows, float? DistanceRatio = null);
