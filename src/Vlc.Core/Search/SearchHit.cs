namespace Vlc.Search;

/// <summary>A row that a search found.</summary>
/// <param name="Id">Row number.</param>
/// <param name="Score">Squared distance (l2), cosine, or product.</param>
/// <param name="Key">The row's key: a string, a <see cref="Guid"/> or a long; null where the index has none.</param>
public readonly record struct SearchHit(int Id, float Score, object? Key);
