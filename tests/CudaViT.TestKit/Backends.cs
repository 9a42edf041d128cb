using System.Reflection;
using CudaViT.Core;
using CudaViT.Cpu;
using CudaViT.Cuda;
using CudaViT.Emulator;
using Xunit;

namespace CudaViT.TestKit;

/// <summary>The backends that tests run on, and case lists that cross them with element types and shapes.</summary>
/// <remarks>
/// A backend that this machine lacks gets no rows. One test of each project (<see cref="RequireRows"/>) then shows as
/// skipped, with their number and the reason.
/// </remarks>
public static class Backends
{
    /// <summary>The managed backend.</summary>
    public const string Cpu = "cpu";

    /// <summary>The kernels on the CPU, as fast as they go: for whole models.</summary>
    public const string Emulator = "emulator";

    /// <summary>The kernels on the CPU with every access checked: for single operations.</summary>
    public const string StrictEmulator = "emulator-strict";

    /// <summary>The kernels on a GPU.</summary>
    public const string Cuda = "cuda";

    private static readonly Lazy<KernelCatalog> Kernels = new(() => new KernelCatalog(KernelSources.BuiltIn()));

    // Two threads even on one core: a result that depends on the partition should show.
    private static readonly Dictionary<string, Lazy<IBackend>> Opened = new()
    {
        [Cpu] = new(() => new CpuBackend(threads: 2, poison: true)),
        [Emulator] = new(() => New(Emulator)),
        [StrictEmulator] = new(() => New(StrictEmulator)),
        [Cuda] = new(() => New(Cuda)),
    };

    /// <summary>Names of the backends this machine can test single operations on.</summary>
    public static IReadOnlyList<string> Names { get; } = Available(Cpu, StrictEmulator, Cuda);

    /// <summary>Names of the backends this machine can test whole models on.</summary>
    public static IReadOnlyList<string> ModelNames { get; } = Available(Cpu, Emulator, Cuda);

    /// <summary>The types in which every operation computes.</summary>
    public static IReadOnlyList<DType> FloatTypes { get; } = [DType.F64, DType.F32, DType.BF16];

    /// <summary>One case per backend.</summary>
    public static TheoryData<string> All => [.. Names];

    /// <summary>One case per backend that is quick enough for whole models.</summary>
    public static TheoryData<string> Models => [.. ModelNames];

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
    public static TestRun Open(string name) => new(Get(name));

    /// <summary>A backend that all tests share.</summary>
    public static IBackend Get(string name) => Opened.TryGetValue(name, out Lazy<IBackend>? backend)
        ? backend.Value
        : throw new ArgumentException($"No test backend is called {name}; known are {string.Join(", ", Opened.Keys)}.");

    /// <summary>Opens a backend of its own, for tests that measure its memory; the caller disposes of it.</summary>
    public static IBackend New(string name) => name switch
    {
        Cpu => new CpuBackend(threads: 1, poison: true),
        Cuda => new CudaBackend(new CudaDriver(), Kernels.Value),
        _ => new CudaBackend(
            new EmulatorDriver(new EmulatorOptions { Checked = name == StrictEmulator }, Kernels.Value), Kernels.Value),
    };

    /// <summary>Why a backend cannot run here; null if it can.</summary>
    public static string? Problem(string name) => name switch
    {
        Emulator or StrictEmulator => EmulatorDriver.Unavailable,
        Cuda => CudaDriver.Unavailable,
        _ => null,
    };

    /// <summary>
    /// Passes where a backend can run. Elsewhere skips with the reason and the number of cases of this assembly that
    /// have no twin on it, or fails if the environment variable is 1: machines that are meant to have it set that.
    /// </summary>
    public static void RequireRows(string backend, string variable, Assembly tests)
    {
        if (Problem(backend) is { } problem)
        {
            string message = $"{CountRows(tests)} cases on {backend} were left out: {problem}";
            Assert.False(Environment.GetEnvironmentVariable(variable) == "1", $"{variable} is 1, but {message}");
            Skip.If(true, message);
        }
    }

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

    private static string[] Available(params ReadOnlySpan<string> names)
    {
        var available = new List<string>();
        foreach (string name in names)
        {
            if (Problem(name) is null)
            {
                available.Add(name);
            }
        }

        return [.. available];
    }

    // Every case that names a backend has one row per backend, so the rows of the one that is always there count them.
    private static int CountRows(Assembly tests) => tests.GetTypes()
        .SelectMany(type => type.GetMethods())
        .SelectMany(method => method.GetCustomAttributes<MemberDataAttribute>()
            .SelectMany(data => data.GetData(method)))
        .Count(row => row.Contains(Cpu));

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
