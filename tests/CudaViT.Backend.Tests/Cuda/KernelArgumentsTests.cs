using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using CudaViT.Core;
using CudaViT.Cuda;

namespace CudaViT.Backend.Tests.Cuda;

public sealed unsafe class KernelArgumentsTests : IDisposable
{
    private readonly FakeGpu _gpu = new();
    private readonly CudaBackend _backend;
    private readonly MadeUpKernels _kernels = new();

    public KernelArgumentsTests()
    {
        _backend = new CudaBackend(_gpu);
        _kernels.Write("all.cu", """
            // All: one parameter of every kind.
            // Builds   f64 f32
            struct Pair { int a; int b; int c; };

            extern "C" __global__ void all(
                float* y, const float* absent, acc_t epsilon, index_t rows, int width, Pair pair,
                u64 key, u32 sample, u32 epoch, u32 purpose, int last)
            {
            }
            """);
    }

    // Nothing else refers to the array; its memory must not become somebody else's before the launch has been
    // submitted.
    [Fact]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void An_array_lives_until_it_has_been_launched_with()
    {
        int launches = 0;
        _gpu.OnLaunch = _ =>
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            Assert.NotEqual(0, _backend.Memory.LiveBytes);
            launches++;
        };

        KernelArguments whole = new() { NewArray() };
        PassToScale(whole);
        KernelArguments part = default;
        part.AddFrom(NewArray(), 3);
        PassToScale(part);
        Assert.Equal(2, launches);
        GC.Collect();
        GC.WaitForPendingFinalizers();

        [MethodImpl(MethodImplOptions.NoInlining)]
        NdArray NewArray() => NdArray.Empty(_backend, [64], DType.F32);

        [MethodImpl(MethodImplOptions.NoInlining)]
        void PassToScale(in KernelArguments first)
        {
            KernelArguments arguments = first;
            arguments.Add(first.Count == 1 ? (NdArray?)null
                : throw new ArgumentException("One expected.", nameof(first)));
            arguments.Add(64);
            KernelModule module = _kernels.Module();
            arguments.Pass(
                _gpu.GetFunction(_gpu.Load(module), module.File.Entries[0]), 1, 1, 0, GpuStream.Compute, _gpu);
        }
    }

    [Theory, InlineData(KernelBuild.F64), InlineData(KernelBuild.F32)]
    public void Every_argument_arrives_in_its_parameters_type(KernelBuild build)
    {
        NdArray y = NdArray.Empty(_backend, [4, 4], DType.F32).Rows(1, 3);
        var random = new RandomStream(seed: 7, epoch: 5, sample: 3, view: 1, RandomOperation.Dropout);
        PhiloxBlock counter = random.Counter(0);
        bool isLaunched = false;
        _gpu.OnLaunch = pointer =>
        {
            void** arguments = (void**)pointer;
            Assert.Equal(GpuStorage.AddressOf(y), *(nint*)arguments[0]);
            Assert.Equal(0, *(nint*)arguments[1]);
            Assert.Equal(0.1, build == KernelBuild.F64 ? *(double*)arguments[2] : *(float*)arguments[2], 1e-8);
            Assert.Equal(1L << 40, *(long*)arguments[3]);
            Assert.Equal(-2, *(int*)arguments[4]);
            Assert.Equal(new Pair(1, 2, 3), *(Pair*)arguments[5]);
            Assert.Equal(random.Key, *(ulong*)arguments[6]);
            Assert.Equal((counter.X1, counter.X2), (*(uint*)arguments[7], *(uint*)arguments[8]));
            Assert.Equal(counter.X3, *(uint*)arguments[9]);
            Assert.Equal(9, *(int*)arguments[10]);
            isLaunched = true;
        };

        KernelArguments arguments = new() { y, (NdArray?)null, 0.1, 1L << 40, -2 };
        arguments.AddStructure(new Pair(1, 2, 3));
        arguments.Add(random);
        arguments.Add(9);
        Pass(arguments, build);

        Assert.True(isLaunched);
    }

    [Fact]
    public void A_wrong_number_of_arguments_is_refused()
    {
        NdArray y = NdArray.Empty(_backend, [4], DType.F32);

        var error = Assert.Throws<ArgumentException>(() => Pass(new() { y, 1 }, KernelBuild.F32, "scale.cu", "scale"));

        Assert.Equal("scale takes 3 arguments, but the launcher passes 2.", error.Message);
        Assert.Equal(0, _gpu.Launches);
    }

    [Fact]
    public void An_argument_of_the_wrong_kind_is_refused()
    {
        NdArray y = NdArray.Empty(_backend, [4], DType.F32);

        var error = Assert.Throws<ArgumentException>(
            () => Pass(new() { y, y, 1.5 }, KernelBuild.F32, "scale.cu", "scale"));

        Assert.Equal("scale: parameter 3, count, is a int, but the launcher passes a Scalar.", error.Message);
    }

    [Fact]
    public void Too_many_arguments_are_refused()
    {
        var error = Assert.Throws<InvalidOperationException>(() =>
        {
            var arguments = default(KernelArguments);
            for (int i = 0; i <= KernelArguments.MaximumCount; i++)
            {
                arguments.Add(i);
            }
        });

        Assert.Contains("at most 40 arguments", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Integers_are_found_by_their_parameters_names()
    {
        NdArray y = NdArray.Empty(_backend, [4], DType.F32);
        KernelArguments arguments = new() { y, y, 17 };
        KernelEntry entry = Function(KernelBuild.F32, "scale.cu", "scale").Entry;

        Assert.Equal(17, arguments.IntegerFor(entry, "count"));
        Assert.Throws<ArgumentException>(() => arguments.IntegerFor(entry, "x"));
    }

    [Fact]
    public void A_launch_allocates_no_managed_memory()
    {
        NdArray y = NdArray.Empty(_backend, [4], DType.F32);
        GpuFunction function = Function(KernelBuild.F32, "scale.cu", "scale");
        Launch();
        long before = GC.GetAllocatedBytesForCurrentThread();

        for (int i = 0; i < 100; i++)
        {
            Launch();
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.Equal(101, _gpu.Launches);

        void Launch() => new KernelArguments { y, y, 4 }.Pass(function, 1, 32, 0, GpuStream.Compute, _gpu);
    }

    [Fact]
    public void An_operation_allocates_only_its_results()
    {
        using var scope = new StepScope();
        NdArray x = NdArray.Empty(_backend, [4, 8], DType.F32);
        Step();
        long before = GC.GetAllocatedBytesForCurrentThread();
        Step();
        long operation = GC.GetAllocatedBytesForCurrentThread() - before;

        // Two arrays, each with its storage and shape: nothing that grows with the launch.
        Assert.InRange(operation, 1, 800);

        void Step()
        {
            (NdArray y, NdArray norm) = _backend.L2Normalize(x, 1e-6);
            y.Storage.Release();
            norm.Storage.Release();
        }
    }

    public void Dispose()
    {
        _backend.Dispose();
        _kernels.Dispose();
    }

    private void Pass(
        in KernelArguments arguments, KernelBuild build, string file = "all.cu", string entry = "all") =>
        arguments.Pass(Function(build, file, entry), 1, 32, 0, GpuStream.Compute, _gpu);

    private GpuFunction Function(KernelBuild build, string file, string entry)
    {
        KernelModule module = _kernels.Module(file, build);
        return _gpu.GetFunction(_gpu.Load(module), module.File.Entries.Single(found => found.Name == entry));
    }

    [StructLayout(LayoutKind.Sequential)]
    private record struct Pair(int A, int B, int C);
}
