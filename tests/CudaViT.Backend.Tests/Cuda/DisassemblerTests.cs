using CudaViT.Cuda;

namespace CudaViT.Backend.Tests.Cuda;

public sealed class DisassemblerTests : IDisposable
{
    private readonly MadeUpKernels _kernels = new();

    public void Dispose() => _kernels.Dispose();

    [Fact]
    public void It_is_looked_for_where_the_libraries_are()
    {
        MadeUpMachine machine = new MadeUpMachine()
            .With("CUDAVIT_CUDA_LIB", "/own").With("CUDA_HOME", "/cuda/home").With("PATH", "/a:/b")
            .With("CONDA_PREFIX", "/conda")
            .WithFiles("/usr/local/cuda-12.4/lib64/libnvrtc.so.12");
        Assert.Equal(
            [
                ("/own/bin", "/own/bin/nvdisasm"),
                ("/own", "/own/nvdisasm"),
                ("/cuda/home/bin", "/cuda/home/bin/nvdisasm"),
                ("PATH", "/a/nvdisasm"),
                ("PATH", "/b/nvdisasm"),
                ("/usr/local/cuda-12.4/bin", "/usr/local/cuda-12.4/bin/nvdisasm"),
                ("/conda/bin", "/conda/bin/nvdisasm"),
            ],
            Disassembler.Candidates(machine));
    }

    [Fact]
    public void One_kernel_is_cut_out_of_the_listing()
    {
        const string Listing = """
            	.headerflags	@"EF"
            //--------------------- .text.first_more --------------------------
            	.section	.text.first_more
            //--------------------- .text.first --------------------------
            	.section	.text.first
                    EXIT ;
            //--------------------- .text.other --------------------------
                    BRA ;
            """;
        Assert.Equal("\t.section\t.text.first\n        EXIT ;\n", Disassembler.Section(Listing, "first"));
        Assert.Throws<GpuException>(() => Disassembler.Section(Listing, "fir"));
    }

    [SkippableFact]
    public void Instructions_stand_below_the_lines_they_come_from()
    {
        CompiledKernels compiled = NvrtcAtHand.Compiler().Build(_kernels.Module(), "sm_80");
        Disassembler? disassembler = Disassembler.Find(out _);
        Skip.If(disassembler is null, "nvdisasm was not found: tools/get-nvrtc.sh --disassembler fetches it");
        string code = disassembler.Disassemble(compiled, "scale");
        Assert.Contains("scale.cu\", line 8", code, StringComparison.Ordinal);
        Assert.Contains("LDG.E", code, StringComparison.Ordinal);
    }
}
