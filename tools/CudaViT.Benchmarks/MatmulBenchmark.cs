using System.Diagnostics;
using System.Globalization;
using CudaViT.Cpu;

namespace CudaViT.Benchmarks;

/// <summary>Our float32 matrix products beside OpenBLAS's, alternating in one run: medians and their ratio.</summary>
internal static class MatmulBenchmark
{
    // OpenBLAS's threads keep the cores busy for some 20 ms after their last product; ours park within 0.1 ms.
    private static readonly TimeSpan Rest = TimeSpan.FromMilliseconds(60);
    private static readonly TimeSpan SampleLength = TimeSpan.FromMilliseconds(40);

    private static readonly Problem[] Problems =
    [
        new("square", 1024, 1024, 1024),
        new("square, B transposed", 1024, 1024, 1024, TransposeB: true),
        new("ViT-S/16 qkv forward", 1576, 1152, 384, TransposeB: true),
        new("ViT-S/16 fc1 forward", 1576, 1536, 384, TransposeB: true),
        new("ViT-S/16 fc2 forward", 1576, 384, 1536, TransposeB: true),
        new("ViT-S/16 fc2 backward, dx", 1576, 1536, 384),
        new("ViT-S/16 qkv backward, dW", 1152, 384, 1576, TransposeA: true),
        new("ViT-S/16 fc1 backward, dW", 1536, 384, 1576, TransposeA: true),
        new("tiny fc1 forward", 3200, 256, 64, TransposeB: true),
        new("tiny fc1 backward, dW", 256, 64, 3200, TransposeA: true),
        new("tiny proj forward", 3200, 128, 128, TransposeB: true),
        new("projector forward", 128, 4096, 384, TransposeB: true),
        new("logits", 256, 256, 256, TransposeB: true),
        new("attention scores, T 197", 197, 197, 64, TransposeB: true, Items: 48),
        new("attention values, T 197", 197, 64, 197, Items: 48),
        new("attention scores, T 50", 50, 50, 32, TransposeB: true, Items: 128),
        new("attention values, T 50", 50, 32, 50, Items: 128),
    ];

    private static bool _countProcessorTime;

    /// <summary>
    /// Arguments: any of threads=N (default: all processors), samples=N (default 15), name=PART, clock=wall|cpu. The
    /// latter counts the processor time of the whole process, for machines that do other work; it means something for
    /// one thread only, because threads that wait for work spend it too.
    /// </summary>
    public static int Run(string[] arguments)
    {
        _countProcessorTime = Arguments.Option(arguments, "clock") == "cpu";
        int threads = int.Parse(
            Arguments.Option(arguments, "threads") ?? $"{Environment.ProcessorCount}", CultureInfo.InvariantCulture);
        int samples = int.Parse(Arguments.Option(arguments, "samples") ?? "15", CultureInfo.InvariantCulture);
        string name = Arguments.Option(arguments, "name") ?? "";

        if (OpenBlas.IsPresent)
        {
            OpenBlas.Threads = threads;
            Console.WriteLine(OpenBlas.Description);
        }
        else
        {
            Console.WriteLine(
                "libopenblas is not installed (Debian: libopenblas0-pthread): only our own figures follow.");
        }

        Console.WriteLine(
            $"{threads} threads, median of {samples} samples, GFLOP/s; the ratio is ours over OpenBLAS's");
        Console.WriteLine($"{"product",-28}{"M",6}{"N",6}{"K",6}{"items",7}{"ours",9}{"OpenBLAS",10}{"ratio",8}");
        using var team = new WorkerTeam(threads);
        foreach (Problem problem in Problems.Where(x => x.Name.Contains(name, StringComparison.OrdinalIgnoreCase)))
        {
            Measure(problem, team, samples);
        }

        return 0;
    }

    private static void Measure(Problem problem, WorkerTeam team, int samples)
    {
        var operands = new Operands(problem);
        Action ours = () => operands.Ours(team);
        Action theirs = operands.Theirs;
        double flops = 2.0 * problem.M * problem.N * problem.K * problem.Items;
        double[] oursGflops = new double[samples];
        double[] theirsGflops = new double[samples];
        int repeats = Repeats(ours);
        if (OpenBlas.IsPresent)
        {
            theirs();
            operands.Verify(team);
        }

        for (int i = 0; i < samples; i++)
        {
            oursGflops[i] = flops / Seconds(ours, repeats) / 1e9;
            if (OpenBlas.IsPresent)
            {
                theirsGflops[i] = flops / Seconds(theirs, repeats) / 1e9;
                Thread.Sleep(Rest);
            }
        }

        string comparison = OpenBlas.IsPresent
            ? $"{Median(theirsGflops),10:f1}{Median([.. oursGflops.Zip(theirsGflops, (x, y) => x / y)]),8:f2}"
            : "";
        Console.WriteLine(
            $"{problem.Name,-28}{problem.M,6}{problem.N,6}{problem.K,6}{problem.Items,7}{Median(oursGflops),9:f1}"
            + comparison);
    }

    private static int Repeats(Action action)
    {
        action();
        return (int)Math.Clamp(SampleLength.TotalSeconds / Seconds(action, 3), 1, 10_000);
    }

    /// <summary>Seconds that one of several calls takes, after one that is not counted.</summary>
    private static double Seconds(Action action, int repeats)
    {
        action();
        TimeSpan start = Now();
        for (int i = 0; i < repeats; i++)
        {
            action();
        }

        return (Now() - start).TotalSeconds / repeats;
    }

    private static TimeSpan Now() =>
        _countProcessorTime ? Environment.CpuUsage.TotalTime : Stopwatch.GetElapsedTime(0);

    private static double Median(double[] values)
    {
        double[] sorted = [.. values.Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }

    /// <summary>One product, or a batch of them as attention has it: heads side by side in rows.</summary>
    private sealed record Problem(
        string Name, int M, int N, int K, bool TransposeA = false, bool TransposeB = false, int Items = 1);

    private sealed class Operands
    {
        // A sample's heads lie side by side, so that one head's rows are this many heads apart.
        private const int Heads = 6;

        private readonly Problem _problem;
        private readonly float[] _a;
        private readonly float[] _b;
        private readonly float[] _c;
        private readonly int _aRow;
        private readonly int _bRow;

        public Operands(Problem problem)
        {
            _problem = problem;
            int spread = problem.Items > 1 ? Heads : 1;
            _aRow = (problem.TransposeA ? problem.M : problem.K) * spread;
            _bRow = (problem.TransposeB ? problem.K : problem.N) * spread;
            var random = new Random(1);
            _a = Values(random, AItem * problem.Items);
            _b = Values(random, BItem * problem.Items);
            _c = new float[problem.M * problem.N * problem.Items];
        }

        private int AItem => _aRow * (_problem.TransposeA ? _problem.K : _problem.M);

        private int BItem => _bRow * (_problem.TransposeB ? _problem.N : _problem.K);

        public void Ours(WorkerTeam team)
        {
            var a = new MatrixView<float>(_a, _aRow, 1, AItem);
            var b = new MatrixView<float>(_b, _bRow, 1, BItem);
            Gemm.Multiply(
                team, new GemmShape(_problem.M, _problem.N, _problem.K, _problem.Items),
                _problem.TransposeA ? a.Transposed : a, _problem.TransposeB ? b.Transposed : b,
                new MatrixTarget<float>(_c, _problem.N, _problem.M * _problem.N), 1f);
        }

        public void Theirs()
        {
            for (int i = 0; i < _problem.Items; i++)
            {
                OpenBlas.Multiply(
                    _problem.M, _problem.N, _problem.K, _a.AsSpan(i * AItem), _aRow, _problem.TransposeA,
                    _b.AsSpan(i * BItem), _bRow, _problem.TransposeB, _c.AsSpan(i * _problem.M * _problem.N),
                    _problem.N);
            }
        }

        /// <summary>Throws unless both give the same product.</summary>
        public void Verify(WorkerTeam team)
        {
            Theirs();
            float[] theirs = [.. _c];
            Ours(team);
            double bound = 1e-6 * _problem.K;
            int wrong = Array.FindIndex(theirs, x => x != 0) < 0 ? 0 : -1;
            for (int i = 0; i < theirs.Length && wrong < 0; i++)
            {
                wrong = Math.Abs(theirs[i] - _c[i]) <= bound ? -1 : i;
            }

            if (wrong >= 0)
            {
                throw new InvalidOperationException(
                    $"{_problem}: element {wrong} is {_c[wrong]}, but OpenBLAS says {theirs[wrong]}.");
            }
        }

        private static float[] Values(Random random, int count)
        {
            float[] values = new float[count];
            for (int i = 0; i < count; i++)
            {
                values[i] = (random.NextSingle() * 2) - 1;
            }

            return values;
        }
    }
}
