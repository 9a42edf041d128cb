using System.Text;
using CudaViT.Cuda;

namespace CudaViT.Backend.Tests.Cuda;

public sealed class KernelCompilerTests : IDisposable
{
    private readonly MadeUpKernels _kernels = new();

    public void Dispose() => _kernels.Dispose();

    [SkippableFact]
    public void A_kernel_becomes_machine_code_with_a_list_of_what_it_takes()
    {
        CompiledKernels compiled = NvrtcAtHand.Compiler().Build(_kernels.Module(), "sm_80");
        Assert.Equal([0x7f, (byte)'E', (byte)'L', (byte)'F'], compiled.Image[..4].ToArray());
        KernelResources scale = Assert.Single(compiled.Resources);
        Assert.Equal(("scale", 0, 0, 0), (scale.Entry, scale.SpillBytes, scale.StackBytes, scale.SharedBytes));
        Assert.InRange(scale.Registers, 4, 32);
    }

    // The cache is for all processes of a user: the folder that one of them runs in must not stand in the code.
    [SkippableFact]
    public void The_code_names_the_source_and_not_the_folder_the_program_runs_in()
    {
        string code = Encoding.Latin1.GetString(NvrtcAtHand.Compiler().Compile(_kernels.Module(), "sm_80"));
        Assert.Contains(_kernels.Sources.Origin, code, StringComparison.Ordinal);
        Assert.DoesNotContain(Environment.CurrentDirectory, code, StringComparison.Ordinal);
    }

    [SkippableFact]
    public void A_virtual_architecture_gives_text()
    {
        byte[] ptx = NvrtcAtHand.Compiler().Compile(_kernels.Module(), "compute_80");
        Assert.Contains(".entry scale(", Encoding.UTF8.GetString(ptx), StringComparison.Ordinal);
        Assert.Equal(0, ptx[^1]); // the driver takes PTX as a C string
    }

    // What an error must say: file and line of the user's own text, build, options, and the log.
    [SkippableTheory]
    [InlineData("scale.cu", 4)]
    [InlineData("common/half.cuh", 2)]
    public void An_error_points_into_the_users_file(string file, int line)
    {
        KernelCompiler compiler = NvrtcAtHand.Compiler();
        _kernels.Write(file, file == "scale.cu"
            ? "// Builds   f32\n#include \"common/half.cuh\"\n\n__device__ int a = missing;\n"
                + "__device__ int b = missing;\n"
            : "#pragma once\n__device__ float half(float x) { return missing; }\n");
        var error = Assert.Throws<KernelCompilationException>(() => compiler.Compile(_kernels.Module(), "sm_80"));
        string path = Path.Combine(_kernels.Sources.Origin, file);
        Assert.Equal((path, line), (error.Errors[0].File, error.Errors[0].Line));
        Assert.Contains("missing", error.Errors[0].Text, StringComparison.Ordinal);
        Assert.StartsWith($"scale.cu (f32) does not compile: {path}:{line}: ", error.Summary, StringComparison.Ordinal);
        Assert.Contains("-arch=sm_80 -std=c++17", error.Message, StringComparison.Ordinal);
        Assert.Contains("-DSCALAR_F32", error.Message, StringComparison.Ordinal);
        Assert.Contains("error", error.Message.Split('\n')[^1], StringComparison.Ordinal); // the log stands at the end
    }

    [SkippableFact]
    public void A_header_that_is_not_there_is_named()
    {
        KernelCompiler compiler = NvrtcAtHand.Compiler();
        _kernels.Write("scale.cu", "// Builds   any\n#include \"common/none.cuh\"\n");
        var error = Assert.Throws<KernelCompilationException>(() => compiler.Compile(_kernels.Module(), "sm_80"));
        Assert.Equal(2, error.Errors[0].Line);
        Assert.Contains("common/none.cuh", error.Summary, StringComparison.Ordinal);
    }

    [SkippableTheory]
    [InlineData("sm_12")]
    [InlineData("sm_999")]
    [InlineData("hopper")]
    [InlineData("")]
    public void An_unknown_architecture_is_answered_with_those_there_are(string architecture)
    {
        KernelCompiler compiler = NvrtcAtHand.Compiler();
        var error = Assert.Throws<GpuException>(() => compiler.Compile(_kernels.Module(), architecture));
        Assert.Contains("sm_90a", error.Message, StringComparison.Ordinal);
    }

    [SkippableFact]
    public void The_second_compilation_comes_from_the_cache()
    {
        var cache = new KernelCache(_kernels.CacheFolder, note => Assert.Fail(note));
        CompiledKernels first = NvrtcAtHand.Compiler(cache).Build(_kernels.Module(), "sm_90a");
        CompiledKernels second = NvrtcAtHand.Compiler(cache).Build(_kernels.Module(), "sm_90a");
        CompiledKernels other = NvrtcAtHand.Compiler(cache).Build(_kernels.Module(), "sm_80");
        Assert.Equal((false, true, false), (first.IsFromCache, second.IsFromCache, other.IsFromCache));
        Assert.Equal(first.Image.ToArray(), second.Image.ToArray());
        Assert.Equal(first.Resources, second.Resources);
    }

    // NVRTC 12.4's list, and one that knows what came later.
    [Theory]
    [InlineData("8.0", "50 52 53 60 61 62 70 72 75 80 86 87 89 90", "sm_80")]
    [InlineData("9.0", "50 52 53 60 61 62 70 72 75 80 86 87 89 90", "sm_90a")] // the suffix: Hopper's own instructions
    [InlineData("8.8", "50 52 53 60 61 62 70 72 75 80 86 87 89 90", "sm_87")] // the same generation
    [InlineData("10.0", "50 52 53 60 61 62 70 72 75 80 86 87 89 90", "compute_90")] // newer than the compiler
    [InlineData("12.1", "75 80 86 87 88 89 90 100 103 110 120 121", "sm_121")]
    [InlineData("10.3", "75 80 86 87 88 89 90 100 120", "sm_100")]
    [InlineData("13.0", "75 80 86 87 88 89 90 100 103 110 120 121", "compute_121")]
    [InlineData("7.0", "75 80 90", null)] // older than the compiler
    public void The_target_suits_the_device(string capability, string known, string? expected) => Assert.Equal(
        expected,
        KernelCompiler.TargetFor(Version.Parse(capability), [.. known.Split(' ').Select(int.Parse)]));
}
