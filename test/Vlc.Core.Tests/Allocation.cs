namespace Vlc.Core.Tests;

/// <summary>Asserts that an operation allocates nothing on the managed heap once its scratch memory has grown.</summary>
internal static class Allocation
{
    private const int WarmUpRounds = 10;
    private const int Rounds = 30;

    /// <summary>
    /// Runs <paramref name="operation"/> with the numbers of its rounds. Two rounds may differ: where a collection by another test falls
    /// into a round, the runtime counts what it gives back of this thread's allocation context.
    /// </summary>
    public static void AssertNone(Action<int> operation)
    {
        var allocated = new long[Rounds];
        for (int round = 0; round < WarmUpRounds + Rounds; round++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            operation(round);
            long bytes = GC.GetAllocatedBytesForCurrentThread() - before;
            if (round >= WarmUpRounds) allocated[round - WarmUpRounds] = bytes;
        }

        Array.Sort(allocated);
        Assert.Equal(0, allocated[^3]);
    }
}
