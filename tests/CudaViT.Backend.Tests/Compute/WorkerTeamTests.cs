using System.Collections.Concurrent;
using CudaViT.Cpu;

namespace CudaViT.Backend.Tests.Compute;

public sealed class WorkerTeamTests
{
    // Nothing; one; fewer and more chunks than threads; a last chunk of one; a grain above the count.
    [Theory]
    [InlineData(1, 10, 3)]
    [InlineData(2, 0, 1)]
    [InlineData(2, 1, 1)]
    [InlineData(2, 1000, 1)]
    [InlineData(5, 3, 1)]
    [InlineData(5, 1001, 10)]
    [InlineData(5, 10, 100)]
    public void Every_index_runs_exactly_once(int threads, int count, int grain)
    {
        using var team = new WorkerTeam(threads);
        int[] runs = new int[count];
        team.For(count, grain, (start, end) =>
        {
            for (long i = start; i < end; i++)
            {
                Interlocked.Increment(ref runs[i]);
            }
        });
        Assert.All(runs, x => Assert.Equal(1, x));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    public void Chunks_depend_on_count_and_grain_alone(int threads)
    {
        using var team = new WorkerTeam(threads);
        var chunks = new ConcurrentBag<(long Start, long End)>();
        team.For(100, 30, (start, end) => chunks.Add((start, end)));
        Assert.Equal([(0L, 30L), (30L, 60L), (60L, 90L), (90L, 100L)], chunks.Order());
    }

    [Fact]
    public void Members_help_the_caller()
    {
        using var team = new WorkerTeam(3);
        using var meeting = new Barrier(3);

        // No chunk ends before three threads are inside one, so three threads there must be.
        team.For(3, 1, (_, _) => Assert.True(meeting.SignalAndWait(TimeSpan.FromSeconds(30))));
    }

    [Fact]
    public void Members_that_have_parked_wake_up()
    {
        using var team = new WorkerTeam(3);
        using var meeting = new Barrier(3);
        for (int i = 0; i < 5; i++)
        {
            Thread.Sleep(20); // hundreds of times as long as members spin
            team.For(3, 1, (_, _) => Assert.True(meeting.SignalAndWait(TimeSpan.FromSeconds(30))));
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void An_exception_reaches_the_caller_and_the_team_goes_on(int threads)
    {
        using var team = new WorkerTeam(threads);
        for (int i = 0; i < 100; i++)
        {
            InvalidTimeZoneException e = Assert.Throws<InvalidTimeZoneException>(() => team.For(50, 1, (start, _) =>
            {
                if (start == 7)
                {
                    throw new InvalidTimeZoneException("seven");
                }
            }));
            Assert.Equal("seven", e.Message);
        }

        Assert.Equal(4950, Sum(team, 100));
    }

    [Fact]
    public void A_loop_inside_a_loop_runs_on_its_own_thread()
    {
        using var team = new WorkerTeam(4);
        long total = 0;
        team.For(20, 1, (_, _) =>
        {
            int thread = Environment.CurrentManagedThreadId;
            team.For(10, 3, (start, end) =>
            {
                Assert.Equal(thread, Environment.CurrentManagedThreadId);
                Interlocked.Add(ref total, end - start);
            });
        });
        Assert.Equal(200, total);
    }

    [Fact]
    public void Several_threads_may_call_at_the_same_time()
    {
        using var team = new WorkerTeam(3);
        long[] sums = new long[6];
        Thread[] callers =
        [
            .. sums.Select((_, i) => new Thread(() =>
            {
                for (int repeat = 0; repeat < 300; repeat++)
                {
                    sums[i] += Sum(team, 100);
                }
            })),
        ];
        Array.ForEach(callers, caller => caller.Start());
        Array.ForEach(callers, caller => caller.Join());
        Assert.All(sums, sum => Assert.Equal(300 * 4950, sum));
    }

    // The runtime allocates once for a lock that is contended for the first time, whenever that is. A loop that
    // allocates does so in every batch.
    [Fact]
    public void Thousands_of_loops_reuse_the_team_and_allocate_nothing()
    {
        const int Batches = 5;
        const int Loops = 4_000;
        using var team = new WorkerTeam(3);
        long[] counts = new long[64];
        var body = new CountBody(counts);
        long least = long.MaxValue;
        for (int batch = 0; batch < Batches; batch++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < Loops; i++)
            {
                team.For(counts.Length, 4, body);
            }

            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        Assert.Equal(0, least);
        Assert.All(counts, x => Assert.Equal(Batches * Loops, x));
    }

    [Fact]
    public void A_negative_count_and_a_grain_of_zero_are_refused()
    {
        using var team = new WorkerTeam(2);
        Assert.Throws<ArgumentOutOfRangeException>(() => team.For(-1, 1, (_, _) => { }));
        Assert.Throws<ArgumentOutOfRangeException>(() => team.For(1, 0, (_, _) => { }));
        Assert.Throws<ArgumentOutOfRangeException>(() => new WorkerTeam(0).Dispose());
    }

    private static long Sum(WorkerTeam team, int count)
    {
        long sum = 0;
        team.For(count, 7, (start, end) =>
        {
            for (long i = start; i < end; i++)
            {
                Interlocked.Add(ref sum, i);
            }
        });
        return sum;
    }

    private readonly struct CountBody(long[] counts) : IRangeBody
    {
        public void Run(long start, long end)
        {
            for (long i = start; i < end; i++)
            {
                counts[i]++;
            }
        }
    }
}
