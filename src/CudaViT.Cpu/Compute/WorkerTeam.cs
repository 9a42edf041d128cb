using System.Diagnostics;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;

namespace CudaViT.Cpu;

/// <summary>A fixed team of compute threads that runs parallel loops; the calling thread is one of them.</summary>
/// <remarks>
/// A training step makes thousands of loops of some microseconds each, so members spin for a moment between loops
/// before they park. A loop waits only for members that took part in it: when other work holds the cores, the caller
/// simply does more of the loop itself. One loop runs at a time; a call that finds the team busy, such as one from
/// inside a body, runs on its own thread alone. Chunk boundaries depend only on the count and the grain, so whatever
/// is computed per chunk has the same bits with any number of threads.
/// </remarks>
internal sealed class WorkerTeam : IDisposable
{
    // Long enough to bridge the serial code between two operations, short enough to cost an idle process nothing.
    private static readonly long SpinTicks = Stopwatch.Frequency / 20_000;

    private const int Closed = int.MinValue;

    private readonly Thread[] _members;
    private readonly SemaphoreSlim _wake = new(0);
    private Shared _shared = new() { Gate = Closed };
    private Job? _job;
    private bool _disposed;

    /// <summary>Starts a team.</summary>
    /// <param name="threads">Threads that compute, the caller of a loop included; at least 1.</param>
    public WorkerTeam(int threads)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        _members = new Thread[threads - 1];
        for (int i = 0; i < _members.Length; i++)
        {
            _members[i] = new Thread(Serve) { IsBackground = true, Name = $"compute {i + 1}" };
            _members[i].Start();
        }
    }

    /// <summary>The number of threads that compute, the caller of a loop included.</summary>
    public int Threads => _members.Length + 1;

    /// <summary>
    /// Runs <paramref name="body"/> over [0, count) in chunks of <paramref name="grain"/>, the last one shorter;
    /// returns when all are done. Chunks run in any order and at the same time. If a body throws, chunks not yet begun
    /// are left out and the first exception is thrown here.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The count is negative, or the grain is not positive.</exception>
    public void For<TBody>(long count, long grain, in TBody body)
        where TBody : struct, IRangeBody
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(grain);
        ObjectDisposedException.ThrowIf(_disposed, this);

        if (count <= grain || _members.Length == 0 || Interlocked.CompareExchange(ref _shared.Busy, 1, 0) != 0)
        {
            RunAlone(count, grain, in body);
            return;
        }

        Job<TBody> job = Job<TBody>.Rent();
        job.Start(count, grain, in body);
        Dispatch(job, helpers: (count - 1) / grain);
        Volatile.Write(ref _shared.Busy, 0);
        job.Finish()?.Throw();
    }

    /// <inheritdoc cref="For{TBody}(long, long, in TBody)"/>
    public void For(long count, long grain, Action<long, long> body) =>
        For(count, grain, new DelegateBody(body));

    /// <summary>Ends the threads. No loop may be running.</summary>
    public void Dispose()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        Interlocked.Increment(ref _shared.Generation);
        _wake.Release(_members.Length + 1);
        foreach (Thread member in _members)
        {
            member.Join();
        }

        _wake.Dispose();
    }

    private static void RunAlone<TBody>(long count, long grain, in TBody body)
        where TBody : struct, IRangeBody
    {
        for (long start = 0; start < count; start += grain)
        {
            body.Run(start, Math.Min(count, start + grain));
        }
    }

    private void Dispatch(Job job, long helpers)
    {
        _job = job;
        Volatile.Write(ref _shared.Gate, 0);
        // a full fence: who parks after this sees it, who parked is counted
        Interlocked.Increment(ref _shared.Generation);
        int woken = 0;
        while (woken < helpers && TryTakeMark())
        {
            woken++;
        }

        if (woken > 0)
        {
            _wake.Release(woken);
        }

        job.Work();

        // All chunks are taken. Nobody enters any more; those inside finish the chunk they hold.
        Interlocked.Or(ref _shared.Gate, Closed);
        var spinner = new SpinWait();
        while (Volatile.Read(ref _shared.Gate) != Closed)
        {
            spinner.SpinOnce(sleep1Threshold: -1); // yields after some spins, but never sleeps a whole millisecond
        }

        _job = null;
    }

    private void Serve()
    {
        int seen = 0;
        while (true)
        {
            seen = AwaitGenerationAfter(seen);
            if (Volatile.Read(ref _disposed))
            {
                return;
            }

            if (TryEnter())
            {
                // Whoever is inside keeps the gate from closing, so the job is the one the gate was opened for.
                _job!.Work();
                Interlocked.Decrement(ref _shared.Gate);
            }
        }
    }

    private bool TryEnter()
    {
        int gate = Volatile.Read(ref _shared.Gate);
        while (gate >= 0)
        {
            int before = Interlocked.CompareExchange(ref _shared.Gate, gate + 1, gate);
            if (before == gate)
            {
                return true;
            }

            gate = before;
        }

        return false;
    }

    private int AwaitGenerationAfter(int seen)
    {
        long deadline = Stopwatch.GetTimestamp() + SpinTicks;
        do
        {
            for (int i = 0; i < 32; i++)
            {
                int generation = Volatile.Read(ref _shared.Generation);
                if (generation != seen)
                {
                    return generation;
                }

                Thread.SpinWait(4);
            }
        }
        while (Stopwatch.GetTimestamp() < deadline);

        Interlocked.Increment(ref _shared.Parked);
        // If a loop began since the last look, either this thread takes its mark back, or that loop's caller has taken
        // it and a permit to wake up is, or soon will be, in the semaphore.
        if (Volatile.Read(ref _shared.Generation) == seen || !TryTakeMark())
        {
            _wake.Wait();
        }

        return Volatile.Read(ref _shared.Generation);
    }

    // Marks carry no name: as many permits are released as marks were taken by callers, so nobody sleeps unseen.
    private bool TryTakeMark()
    {
        int parked = Volatile.Read(ref _shared.Parked);
        while (parked > 0)
        {
            int before = Interlocked.CompareExchange(ref _shared.Parked, parked - 1, parked);
            if (before == parked)
            {
                return true;
            }

            parked = before;
        }

        return false;
    }

    // What all threads write, a cache line apart (two, for the prefetcher fetches pairs).
    [StructLayout(LayoutKind.Explicit, Size = 5 * 128)]
    private struct Shared
    {
        /// <summary>Grows by one with every loop.</summary>
        [FieldOffset(128)]
        public int Generation;

        /// <summary>The number of members inside the current job; negative once it takes no more.</summary>
        [FieldOffset(256)]
        public int Gate;

        /// <summary>
        /// The number of members that are parked, or about to be, and that no caller has begun to wake.
        /// </summary>
        [FieldOffset(384)]
        public int Parked;

        /// <summary>1 while a loop runs.</summary>
        [FieldOffset(512)]
        public int Busy;
    }

    [StructLayout(LayoutKind.Explicit, Size = 2 * 128)]
    private struct Counter
    {
        [FieldOffset(128)]
        public long Value;
    }

    private readonly struct DelegateBody(Action<long, long> body) : IRangeBody
    {
        public void Run(long start, long end) => body(start, end);
    }

    private abstract class Job
    {
        public abstract void Work();
    }

    private sealed class Job<TBody> : Job
        where TBody : struct, IRangeBody
    {
        [ThreadStatic]
        private static Job<TBody>? _idle;

        private TBody _body;
        private long _count;
        private long _grain;
        private Counter _next;
        private ExceptionDispatchInfo? _failure;

        // One loop of a kind is enough for almost every caller; a second, nested in another team, gets its own.
        public static Job<TBody> Rent()
        {
            Job<TBody> job = _idle ?? new Job<TBody>();
            _idle = null;
            return job;
        }

        public void Start(long count, long grain, in TBody body)
        {
            (_count, _grain, _body) = (count, grain, body);
            _next.Value = 0;
        }

        public override void Work()
        {
            try
            {
                while (true)
                {
                    long start = Interlocked.Add(ref _next.Value, _grain) - _grain;
                    if (start >= _count)
                    {
                        return;
                    }

                    _body.Run(start, Math.Min(_count, start + _grain));
                }
            }
            catch (Exception e)
            {
                Interlocked.CompareExchange(ref _failure, ExceptionDispatchInfo.Capture(e), null);
                Interlocked.Exchange(ref _next.Value, _count);
            }
        }

        public ExceptionDispatchInfo? Finish()
        {
            ExceptionDispatchInfo? failure = _failure;
            (_body, _failure) = (default, null); // holds no one's memory while idle
            _idle = this;
            return failure;
        }
    }
}

/// <summary>The body of a parallel loop, as a struct so that a loop allocates nothing.</summary>
internal interface IRangeBody
{
    /// <summary>
    /// Does the iterations from <paramref name="start"/> up to, not including, <paramref name="end"/>.
    /// </summary>
    void Run(long start, long end);
}
