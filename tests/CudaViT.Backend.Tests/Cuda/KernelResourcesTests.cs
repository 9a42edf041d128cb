using CudaViT.Cuda;

namespace CudaViT.Backend.Tests.Cuda;

public sealed class KernelResourcesTests
{
    // As NVRTC 12.4 prints it: a kernel that spills, then one that calls a function which is not inlined.
    private const string Log = """
        scale.cu(7): warning #177-D: variable "s" was declared but never referenced

        ptxas info    : 280 bytes gmem
        ptxas info    : Compiling entry function 'second' for 'sm_90a'
        ptxas info    : Function properties for second
        ptxas         .     1120 bytes stack frame, 1564 bytes spill stores, 1924 bytes spill loads
        ptxas info    : Used 32 registers, 1120 bytes cumulative stack size, 380 bytes cmem[0], 8 bytes cmem[2]
        ptxas info    : Compiling entry function 'first' for 'sm_90a'
        ptxas info    : Function properties for first
        ptxas         .     24 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
        ptxas info    : Used 40 registers, used 1 barriers, 64 bytes cumulative stack size, 512 bytes smem
        ptxas info    : Function properties for _Z4slowdPi
        ptxas         .     40 bytes stack frame, 4 bytes spill stores, 8 bytes spill loads
        """;

    [Fact]
    public void The_assemblers_account_is_read() => Assert.Equal(
        [
            new KernelResources("second", 32, 1564, 1924, 1120, 0, 388),
            new KernelResources("first", 40, 4, 8, 64, 512, 0),
        ],
        KernelResources.Parse(Log));

    [Theory]
    [InlineData("")]
    [InlineData("ptxas info    : 0 bytes gmem\n")]
    [InlineData("ptxas info    : Used 32 registers\n")]
    public void A_log_without_kernels_has_none(string log) => Assert.Empty(KernelResources.Parse(log));

    [Theory]
    [InlineData("a.cu(5): error: identifier \"foo\" is undefined", "a.cu", 5, "identifier \"foo\" is undefined")]
    [InlineData("b.cuh(1): catastrophic error: cannot open source file", "b.cuh", 1, "cannot open source file")]
    [InlineData("a.cu(5): error #20: identifier \"foo\" is undefined", "a.cu", 5, "identifier \"foo\" is undefined")]
    [InlineData("/k/common/a.cuh:12:7: error: 'x' was not declared", "/k/common/a.cuh", 12, "'x' was not declared")]
    [InlineData("a.cu:12:7: fatal error: x.h: No such file", "a.cu", 12, "x.h: No such file")]
    public void Errors_of_every_compiler_are_read(string line, string file, int number, string text) => Assert.Equal(
        new KernelDiagnostic(file, number, text),
        Assert.Single(KernelDiagnostic.Parse($"a.cu(3): warning: b\n{line}\n   source text\n1 error detected\n")));
}
