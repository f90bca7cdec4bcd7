namespace Vlc.Scanning;

/// <summary>A codec's memory of one query.</summary>
internal interface IQueryState : IDisposable
{
    /// <summary>Forgets the last query.</summary>
    void Reset();
}
