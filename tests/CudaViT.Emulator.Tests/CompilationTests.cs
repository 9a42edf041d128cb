using CudaViT.Cuda;

namespace CudaViT.Emulator.Tests;

/// <summary>Compiling kernels for the host, and the folder where the results are kept.</summary>
public sealed class CompilationTests : IDisposable
{
    private const string Text =
        """
        // Builds   f32 f64
        #include "common/scalar.cuh"

        extern "C" __global__ void set(scalar_t* y) { y[threadIdx.x] = 7; }
        """;

    private readonly string _folder = Directory.CreateTempSubdirectory("cudavit-cache-").FullName;

    // The runtime takes longer to compile than all these modules; it comes from the usual folder.
    public CompilationTests()
    {
        if (EmulatorDriver.Unavailable is null)
        {
            using var driver = new EmulatorDriver();
            foreach (string runtime in Directory.GetFiles(CacheFolder.For("emulator"), "runtime-*.so"))
            {
                File.Copy(runtime, Path.Combine(_folder, Path.GetFileName(runtime)));
            }
        }
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [SkippableFact]
    public void A_damaged_library_is_made_again()
    {
        EmulatorAtHand.OrSkip();
        using (EmulatorDriver first = Driver())
        {
            first.Prepare([Module(KernelBuild.F32)]);
        }

        string library = Directory.GetFiles(_folder, "test-f32-*.so").Single();
        byte[] bytes = File.ReadAllBytes(library);
        foreach (byte[] damaged in new[] { bytes[..(bytes.Length / 2)], [], [.. bytes[..^1], (byte)(bytes[^1] ^ 1)] })
        {
            File.WriteAllBytes(library, damaged);
            using EmulatorDriver driver = Driver();
            driver.Prepare([Module(KernelBuild.F32)]);
            Assert.Equal(bytes, File.ReadAllBytes(library));
        }

        using EmulatorDriver last = Driver();
        Run(last);
    }

    [SkippableFact]
    public async Task Several_may_compile_the_same()
    {
        EmulatorAtHand.OrSkip();
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() =>
        {
            using EmulatorDriver driver = Driver();
            Run(driver);
        })));
        Assert.Single(Directory.GetFiles(_folder, "test-*")); // no drafts are left
    }

    [SkippableFact]
    public void Every_build_and_mode_has_a_library_of_its_own()
    {
        EmulatorAtHand.OrSkip();
        foreach (bool isChecked in new[] { true, false })
        {
            using var driver = new EmulatorDriver(
                new EmulatorOptions { CacheDirectory = _folder, Checked = isChecked });
            driver.Prepare([Module(KernelBuild.F32), Module(KernelBuild.F64)]);
        }

        Assert.Equal(4, Directory.GetFiles(_folder, "test-*.so").Length);
    }

    [SkippableFact]
    public void A_kernel_that_does_not_compile_is_named_with_the_compilers_words()
    {
        EmulatorAtHand.OrSkip();
        using EmulatorDriver driver = Driver();
        var module = new KernelModule(
            TestKernels.File(Text.Replace("= 7", "= seven", StringComparison.Ordinal)), KernelBuild.F64);
        KernelCompilationException error = Assert.Throws<KernelCompilationException>(() => driver.Load(module));
        Assert.StartsWith("test.cu (f64) does not compile for the emulator.", error.Message, StringComparison.Ordinal);
        Assert.Contains("-DSCALAR_F64", error.Message, StringComparison.Ordinal);
        Assert.Matches("test.cu:4:[0-9]+: error: .*seven", error.Message);
        Assert.Throws<KernelCompilationException>(() => driver.Prepare([module]));

        // A function that nothing defines is found here, not when the kernel first calls it.
        module = new KernelModule(
            TestKernels.File(Text.Replace("extern", "__device__ int seven();\nextern", StringComparison.Ordinal)
                .Replace("= 7", "= seven()", StringComparison.Ordinal)),
            KernelBuild.F64);
        error = Assert.Throws<KernelCompilationException>(() => driver.Load(module));
        Assert.Contains("undefined", error.Message, StringComparison.Ordinal);
    }

    [SkippableFact]
    public void A_missing_compiler_is_named()
    {
        EmulatorAtHand.OrSkip();
        GpuException error = Assert.Throws<GpuException>(
            () => new EmulatorDriver(new EmulatorOptions { CacheDirectory = _folder, Compiler = "no-such-compiler" }));
        Assert.Equal(
            "The CUDA emulator needs g++ 11 or clang++ 15 or newer; no-such-compiler is none. Install g++.",
            error.Message);
    }

    private static KernelModule Module(KernelBuild build) => new(TestKernels.File(Text), build);

    private static unsafe void Run(EmulatorDriver driver)
    {
        GpuModule module = driver.Load(Module(KernelBuild.F32));
        GpuFunction function = driver.GetFunction(module, module.Source.File.Entries[0]);
        nint y = driver.Allocate(32 * sizeof(float));
        void* argument = &y;
        driver.Launch(function, 1, 32, 0, GpuStream.Compute, (nint)(&argument));
        float[] values = new float[32];
        fixed (float* pointer = values)
        {
            driver.CopyToHost(y, new Span<byte>(pointer, 128), GpuStream.Compute);
        }

        Assert.All(values, value => Assert.Equal(7, value));
    }

    private EmulatorDriver Driver() => new(new EmulatorOptions { CacheDirectory = _folder });
}
