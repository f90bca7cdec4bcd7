namespace Vlc.Numerics.Threading;

/// <summary>
/// Runs numbered blocks of work on a fixed number of threads. The result of a block depends on its number alone, never on its thread, so
/// results are the same on any thread count.
/// </summary>
public static class BlockScheduler
{
    /// <summary>Runs <paramref name="body"/> once for each block in [0, <paramref name="blockCount"/>), in any order.</summary>
    /// <param name="blockCount">Number of blocks.</param>
    /// <param name="threads">Threads to use; at least 1. One runs everything on the caller's thread.</param>
    /// <param name="body">Gets the block's number and the worker's number in [0, threads), for scratch memory.</param>
    /// <param name="cancellationToken">Checked before each block.</param>
    /// <exception cref="OperationCanceledException">Cancelled; some blocks have not run.</exception>
    public static void Run(int blockCount, int threads, Action<int, int> body, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        ArgumentNullException.ThrowIfNull(body);
        int workers = Math.Min(threads, blockCount);
        if (workers <= 1)
        {
            for (int block = 0; block < blockCount; block++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                body(block, 0);
            }

            return;
        }

        int next = -1;
        Exception? failure = null;
        void Work(int worker)
        {
            try
            {
                while (Volatile.Read(ref failure) is null)
                {
                    int block = Interlocked.Increment(ref next);
                    if (block >= blockCount) return;
                    cancellationToken.ThrowIfCancellationRequested();
                    body(block, worker);
                }
            }
            catch (Exception exception) when (Interlocked.CompareExchange(ref failure, exception, null) is null)
            {
                // Rethrown below on the caller's thread.
            }
            catch (Exception) when (failure is not null)
            {
                // A second failure adds nothing to the first.
            }
        }

        var others = new Task[workers - 1];
        for (int worker = 1; worker < workers; worker++)
        {
            int number = worker;
            others[worker - 1] = Task.Factory.StartNew(
                () => Work(number), CancellationToken.None, TaskCreationOptions.DenyChildAttach, TaskScheduler.Default);
        }

        Work(0);
        Task.WaitAll(others, CancellationToken.None);
        if (failure is not null) System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(failure);
    }

    /// <summary>Number of blocks of <paramref name="blockSize"/> that cover <paramref name="count"/> items.</summary>
    /// <param name="count">Items.</param>
    /// <param name="blockSize">Items in a block; at least 1.</param>
    public static int BlockCount(long count, int blockSize) => checked((int)((count + blockSize - 1) / blockSize));
}
