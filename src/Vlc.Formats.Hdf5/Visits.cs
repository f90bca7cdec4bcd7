namespace Vlc.Formats.Hdf5;

/// <summary>
/// The blocks that a walk has been to. A block that is reached twice is damage: a loop, or a tree whose branches share a child and whose
/// walk would take exponential time.
/// </summary>
internal sealed class Visits(Hdf5File file)
{
    private readonly HashSet<long> _addresses = [];

    public void Enter(long address)
    {
        if (!_addresses.Add(address)) throw file.Damaged(address, "a block that is used once", "a second reference to it");
    }
}
