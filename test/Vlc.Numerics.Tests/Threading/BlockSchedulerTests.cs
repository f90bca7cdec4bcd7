using CsCheck;
using Vlc.Numerics.Threading;

namespace Vlc.Numerics.Tests.Threading;

public sealed class BlockSchedulerTests
{
    [Fact]
    public void Every_block_runs_once_on_a_worker_that_exists() =>
        Gen.Select(Gen.Int[0, 300], Gen.Int[1, 9]).Sample(
            (blocks, threads) =>
            {
                var runs = new int[blocks];
                int strangers = 0;
                BlockScheduler.Run(blocks, threads, (block, worker) =>
                {
                    Interlocked.Increment(ref runs[block]);
                    if (worker < 0 || worker >= threads) Interlocked.Increment(ref strangers);
                });
                Assert.All(runs, count => Assert.Equal(1, count));
                Assert.Equal(0, strangers);
            },
            iter: 100);

    [Fact]
    public void No_two_blocks_run_on_one_worker_at_a_time()
    {
        var busy = new int[4];
        int collisions = 0;
        BlockScheduler.Run(400, 4, (_, worker) =>
        {
            if (Interlocked.Increment(ref busy[worker]) != 1) Interlocked.Increment(ref collisions);
            Thread.SpinWait(100);
            Interlocked.Decrement(ref busy[worker]);
        });
        Assert.Equal(0, collisions);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(7)]
    public void An_exception_stops_the_run_and_reaches_the_caller_as_it_was(int threads)
    {
        int ran = 0;
        InvalidTimeZoneException thrown = Assert.Throws<InvalidTimeZoneException>(() => BlockScheduler.Run(10_000, threads, (block, _) =>
        {
            Interlocked.Increment(ref ran);
            if (block == 3) throw new InvalidTimeZoneException("block 3");
            Thread.Sleep(1);
        }));
        Assert.Equal("block 3", thrown.Message);
        Assert.InRange(ran, 4, 1000);
    }

    [Fact]
    public void Of_many_exceptions_one_reaches_the_caller() =>
        Assert.Throws<InvalidTimeZoneException>(
            () => BlockScheduler.Run(100, 8, (_, _) => throw new InvalidTimeZoneException()));

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void Cancellation_stops_the_run_and_is_thrown(int threads)
    {
        using var source = new CancellationTokenSource();
        int ran = 0;
        Assert.Throws<OperationCanceledException>(() => BlockScheduler.Run(
            10_000, threads,
            (block, _) =>
            {
                if (block == 5) source.Cancel();
                Interlocked.Increment(ref ran);
                Thread.Sleep(1);
            },
            source.Token));
        Assert.InRange(ran, 6, 1000);
        Assert.Throws<OperationCanceledException>(() => BlockScheduler.Run(1, threads, (_, _) => ran = -1, source.Token));
        Assert.NotEqual(-1, ran);
    }

    [Fact]
    public void Runs_may_be_nested()
    {
        int ran = 0;
        BlockScheduler.Run(8, 4, (_, _) => BlockScheduler.Run(8, 4, (_, _) => Interlocked.Increment(ref ran)));
        Assert.Equal(64, ran);
    }

    [Fact]
    public void A_run_needs_a_thread() => Assert.Throws<ArgumentOutOfRangeException>(() => BlockScheduler.Run(1, 0, (_, _) => { }));

    [Theory]
    [InlineData(0, 5, 0)]
    [InlineData(1, 5, 1)]
    [InlineData(5, 5, 1)]
    [InlineData(6, 5, 2)]
    [InlineData(10_000_000_000, 5, 2_000_000_000)]
    public void Blocks_cover_all_items(long items, int size, int blocks) => Assert.Equal(blocks, BlockScheduler.BlockCount(items, size));
}
