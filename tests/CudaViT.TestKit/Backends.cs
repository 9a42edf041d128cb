using CudaViT.Core;
using CudaViT.Cpu;
using Xunit;

namespace CudaViT.TestKit;

/// <summary>The backends that tests run on, and case lists that cross them with element types and shapes.</summary>
public static class Backends
{
    // Two threads even on one core: a result that depends on the partition should show.
    private static readonly Lazy<CpuBackend> Cpu = new(() => new CpuBackend(threads: 2, poison: true));

    /// <summary>Names of the backends this machine can test.</summary>
    public static IReadOnlyList<string> Names { get; } = ["cpu"];

    /// <summary>The types in which every operation computes.</summary>
    public static IReadOnlyList<DType> FloatTypes { get; } = [DType.F64, DType.F32, DType.BF16];

    /// <summary>One case per backend.</summary>
    public static TheoryData<string> All => [.. Names];

    /// <summary>One case per backend and floating-point type.</summary>
    public static TheoryData<string, DType> AllTypes
    {
        get
        {
            var data = new TheoryData<string, DType>();
            ForEach((backend, dtype) => data.Add(backend, dtype));
            return data;
        }
    }

    /// <summary>Opens a backend for one test.</summary>
    public static TestRun Open(string name) => name switch
    {
        "cpu" => new TestRun(Cpu.Value),
        _ => throw new ArgumentException($"No test backend is called {name}; known are {string.Join(", ", Names)}."),
    };

    /// <summary>Every backend and floating-point type with each of the given cases.</summary>
    public static TheoryData<string, DType, T> Cross<T>(params T[] cases)
    {
        var data = new TheoryData<string, DType, T>();
        ForEach((backend, dtype) => Array.ForEach(cases, c => data.Add(backend, dtype, c)));
        return data;
    }

    /// <summary>Every backend and floating-point type with each of the given pairs.</summary>
    public static TheoryData<string, DType, T1, T2> Cross<T1, T2>(params (T1, T2)[] cases)
    {
        var data = new TheoryData<string, DType, T1, T2>();
        ForEach((backend, dtype) => Array.ForEach(cases, c => data.Add(backend, dtype, c.Item1, c.Item2)));
        return data;
    }

    /// <summary>Every backend and floating-point type with each of the given triples.</summary>
    public static TheoryData<string, DType, T1, T2, T3> Cross<T1, T2, T3>(params (T1, T2, T3)[] cases)
    {
        var data = new TheoryData<string, DType, T1, T2, T3>();
        ForEach((backend, dtype) => Array.ForEach(cases, c => data.Add(backend, dtype, c.Item1, c.Item2, c.Item3)));
        return data;
    }

    /// <summary>Every backend and floating-point type with each of the given quadruples.</summary>
    public static TheoryData<string, DType, T1, T2, T3, T4> Cross<T1, T2, T3, T4>(params (T1, T2, T3, T4)[] cases)
    {
        var data = new TheoryData<string, DType, T1, T2, T3, T4>();
        ForEach((backend, dtype) => Array.ForEach(
            cases, c => data.Add(backend, dtype, c.Item1, c.Item2, c.Item3, c.Item4)));
        return data;
    }

    private static void ForEach(Action<string, DType> add)
    {
        foreach (string backend in Names)
        {
            foreach (DType dtype in FloatTypes)
            {
                add(backend, dtype);
            }
        }
    }
}
