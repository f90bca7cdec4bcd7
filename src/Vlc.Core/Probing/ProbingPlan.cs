namespace Vlc.Probing;

/// <summary>When a search stops going from cell to cell, nearest first; whichever limit is met first ends it.</summary>
/// <param name="Probes">Most cells.</param>
/// <param name="ScannedRows">Rows after which no further cell is begun; rows that a filter stops do not count.</param>
/// <param name="DistanceRatio">
/// No cell is begun whose anchor's squared distance to the query is more than this many times that of the k-th nearest row among the first 40 · k scanned. Null for
/// no such limit: for products, which are no distances, and where the plan was not chosen by the index.
/// </param>
public readonly record struct ProbingPlan(int Probes, int ScannedRows, float? DistanceRatio = null);
