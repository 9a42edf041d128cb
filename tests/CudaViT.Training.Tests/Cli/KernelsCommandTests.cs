using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using CudaViT.Cuda;
using CudaViT.Training.Tests.Support;
using static CudaViT.Training.Tests.Support.CommandRunner;

namespace CudaViT.Training.Tests.Cli;

public sealed class KernelsCommandTests : IDisposable
{
    private const string Good = """
        // Good: y = 2 x.
        // Builds   f32 f64
        // Launch   block 256
        // Cost     good: 2*count*sizeof(scalar_t) bytes, count FLOPs
        #include "common/types.cuh"

        extern "C" __global__ void good(scalar_t* y, const scalar_t* x, int count)
        {
            const int i = blockIdx.x * blockDim.x + threadIdx.x;
            if (i < count) y[i] = x[i] + x[i];
        }
        """;

    private const string Types = """
        #pragma once
        #if defined(SCALAR_F64)
        typedef double scalar_t;
        #else
        typedef float scalar_t;
        #endif
        """;

    private const string Bad = """
        // Bad: does not compile for float64.
        // Builds   f32 f64
        #include "common/types.cuh"

        extern "C" __global__ void bad(scalar_t* y)
        {
        #if defined(SCALAR_F64)
            *y = missing;
        #else
            *y = 1;
        #endif
        }
        """;

    private readonly TemporaryFolder _folder = new();

    public KernelsCommandTests()
    {
        Directory.CreateDirectory(_folder["common"]);
        File.WriteAllText(_folder["common", "types.cuh"], Types);
        File.WriteAllText(_folder["good.cu"], Good);
    }

    public void Dispose() => _folder.Dispose();

    [SkippableFact]
    public void Every_build_of_every_kernel_is_listed_with_what_it_takes()
    {
        RequireNvrtc();
        (int status, string output, string error) = Run("kernels", "--arch", "sm_80", "--kernels-dir", _folder.Path);
        Assert.Equal((0, ""), (status, error));
        string[] lines = output.TrimEnd().Split('\n');
        Assert.StartsWith("sm_80, NVRTC 1", lines[0], StringComparison.Ordinal);
        Assert.EndsWith(_folder.Path, lines[0], StringComparison.Ordinal);
        Assert.Matches(@"^good   f32 +[0-9]+ +0 +0 +0   2\*count\*sizeof\(scalar_t\); count$", lines[2]);
        Assert.Matches("^       f64 +[0-9]+ +0 +0 +0$", lines[3]);
        Assert.Equal(4, lines.Length);
    }

    [SkippableFact]
    public void A_script_gets_the_same_as_JSON()
    {
        RequireNvrtc();
        (int status, string output, string error) = Run(
            "kernels", "--kernels-dir", _folder.Path, "--json", "--build", "f64");
        Assert.Equal((0, ""), (status, error));
        JsonObject report = JsonNode.Parse(output)!.AsObject();
        Assert.Equal("sm_90a", (string)report["architecture"]!);
        JsonNode row = Assert.Single(report["entries"]!.AsArray())!;
        Assert.Equal(("good", "good.cu", 7), ((string)row["entry"]!, (string)row["file"]!, (int)row["line"]!));
        Assert.Equal("f64", (string)row["build"]!);
        Assert.InRange((int)row["registers"]!, 4, 64);
        Assert.Equal(0, (int)row["spillBytes"]!);
        Assert.Equal("2*count*sizeof(scalar_t)", (string)row["bytes"]!);
        Assert.Empty(report["errors"]!.AsArray());
    }

    // One file that does not compile hides nothing of the others, and is named as an editor opens it.
    [SkippableFact]
    public void A_file_with_an_error_is_named_and_the_others_are_listed()
    {
        RequireNvrtc();
        File.WriteAllText(_folder["bad.cu"], Bad);
        (int status, string output, string error) = Run("kernels", "--kernels-dir", _folder.Path);
        Assert.Equal(1, status);
        AssertOneLine(error);
        string place = $"{_folder["bad.cu"]}:8: ";
        Assert.Contains("1 of 4 compilations failed", error, StringComparison.Ordinal);
        Assert.Contains(place, error, StringComparison.Ordinal);
        Assert.Contains(place, output, StringComparison.Ordinal);
        Assert.Contains("missing", output, StringComparison.Ordinal);
        Assert.Equal(3, Regex.Count(output, "^.*  f(32|64)  ", RegexOptions.Multiline));
    }

    [SkippableFact]
    public void Ptx_of_one_kernel_is_printed()
    {
        RequireNvrtc();
        (int status, string output, string error) = Run(
            "kernels", "--kernels-dir", _folder.Path, "--ptx", "good", "--build", "f64");
        Assert.Equal((0, ""), (status, error));
        Assert.Contains(".target sm_90a", output, StringComparison.Ordinal);
        Assert.Contains(".entry good(", output, StringComparison.Ordinal);
        Assert.Contains("add.f64", output, StringComparison.Ordinal);
    }

    [SkippableFact]
    public void Machine_code_is_printed_where_there_is_a_disassembler()
    {
        RequireNvrtc();
        (int status, string output, string error) = Run("kernels", "--kernels-dir", _folder.Path, "--sass", "good");
        if (Disassembler.Find(out _) is null)
        {
            Assert.Equal((1, ""), (status, output));
            AssertOneLine(error);
            Assert.Contains("nvdisasm", error, StringComparison.Ordinal);
        }
        else
        {
            Assert.Equal((0, ""), (status, error));
            Assert.Contains("FADD", output, StringComparison.Ordinal);
            Assert.Contains("good.cu\", line 10", output, StringComparison.Ordinal);
        }
    }

    [SkippableTheory]
    [InlineData("sm_999")]
    [InlineData("hopper")]
    public void An_unknown_architecture_is_one_line(string architecture)
    {
        RequireNvrtc();
        (int status, string output, string error) = Run(
            "kernels", "--kernels-dir", _folder.Path, "--arch", architecture);
        Assert.Equal((1, ""), (status, output));
        AssertOneLine(error);
        Assert.Contains("sm_80", error, StringComparison.Ordinal);
    }

    // The same whether or not this machine has NVRTC: the library is hidden from the program.
    [Fact]
    public void Without_NVRTC_there_is_one_line()
    {
        var environment = new Dictionary<string, string?>
        {
            ["CUDAVIT_CUDA_LIB"] = null,
            ["CUDA_PATH"] = null,
            ["CUDA_HOME"] = null,
            ["CONDA_PREFIX"] = null,
            ["VIRTUAL_ENV"] = null,
            ["HOME"] = "/nowhere",
        };
        (int status, string output, string error) = CliProcess.Run(
            environment, "kernels", "--kernels-dir", _folder.Path);
        if (status == 0)
        {
            return; // installed where no variable hides it
        }

        Assert.Equal((1, ""), (status, output));
        AssertOneLine(error);
        Assert.Contains("CUDAVIT_CUDA_LIB", error, StringComparison.Ordinal);
    }

    private static void RequireNvrtc() => Skip.If(
        !CudaLibraries.Probe(CudaLibrary.Nvrtc).IsFound
        && Environment.GetEnvironmentVariable("CUDAVIT_REQUIRE_NVRTC") != "1",
        $"NVRTC was not found: set {CudaLibraries.SettingVariable}, or run tools/get-nvrtc.sh");
}
