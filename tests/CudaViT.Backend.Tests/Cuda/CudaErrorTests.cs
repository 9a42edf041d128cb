using System.Runtime.InteropServices;
using CudaViT.Cuda;

namespace CudaViT.Backend.Tests.Cuda;

public sealed class CudaErrorTests
{
    [Theory]
    [InlineData(0, "CUDA_SUCCESS")]
    [InlineData(2, "CUDA_ERROR_OUT_OF_MEMORY")]
    [InlineData(100, "CUDA_ERROR_NO_DEVICE")]
    [InlineData(209, "CUDA_ERROR_NO_BINARY_FOR_GPU")]
    [InlineData(222, "CUDA_ERROR_UNSUPPORTED_PTX_VERSION")]
    [InlineData(700, "CUDA_ERROR_ILLEGAL_ADDRESS")]
    [InlineData(701, "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES")]
    [InlineData(719, "CUDA_ERROR_LAUNCH_FAILED")]
    [InlineData(901, "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED")]
    [InlineData(999, "CUDA_ERROR_UNKNOWN")]
    public void A_status_has_CUDAs_name(int status, string name) =>
        Assert.Equal(name, CudaError.Name((CudaStatus)status));

    [Fact]
    public void A_failure_says_call_name_number_and_what_to_do()
    {
        var error = Assert.Throws<GpuException>(() => CudaError.Check(CudaStatus.NoDevice, "CudaApi.Init(0)"));

        Assert.StartsWith(
            "cuda: cuInit failed: CUDA_ERROR_NO_DEVICE (100). No NVIDIA GPU is visible",
            error.Message,
            StringComparison.Ordinal);
        Assert.False(error.IsOutOfMemory);
        CudaError.Check(CudaStatus.Success);
    }

    [Fact]
    public void The_call_is_written_as_in_the_header() => Assert.StartsWith(
        "cuda: cuMemAlloc failed: CUDA_ERROR_OUT_OF_MEMORY (2).",
        CudaError.For(CudaStatus.OutOfMemory, "CudaApi.MemAlloc(out nint address, bytes)").Message,
        StringComparison.Ordinal);

    [Fact]
    public void Lack_of_memory_can_be_told_from_other_failures()
    {
        Assert.True(CudaError.For(CudaStatus.OutOfMemory, "CudaApi.MemAlloc").IsOutOfMemory);
        Assert.False(CudaError.For(CudaStatus.InvalidValue, "CudaApi.MemAlloc").IsOutOfMemory);
    }

    [Fact]
    public void Every_status_has_one_line_of_advice()
    {
        foreach (int status in Enum.GetValues<CudaStatus>())
        {
            string hint = CudaError.Hint((CudaStatus)status);
            Assert.EndsWith(".", hint, StringComparison.Ordinal);
            Assert.DoesNotContain('\n', hint);
        }
    }

    [Theory]
    [InlineData(700, true)]
    [InlineData(716, true)]
    [InlineData(719, true)]
    [InlineData(214, true)]
    [InlineData(1, false)]
    [InlineData(2, false)]
    [InlineData(701, false)]
    [InlineData(900, false)]
    public void Faults_are_told_from_refusals(int status, bool isFault) =>
        Assert.Equal(isFault, CudaError.IsFault((CudaStatus)status));

    [Fact]
    public void A_failure_of_cuBLASLt_says_call_name_and_number() => Assert.Equal(
        "cuda: cublasLtMatmulDescCreate failed: InvalidValue (7).",
        CublasError.For(CublasStatus.InvalidValue, "CublasLt.MatmulDescCreate(out x, y)").Message);

    // The header's layout: 8 words, size_t, two 4-byte fields, 4 reserved ints.
    [Fact]
    public void A_proposal_of_cuBLASLt_has_the_headers_size() =>
        Assert.Equal(96, Marshal.SizeOf<MatmulHeuristicResult>());

    [Fact]
    public void The_log_names_the_launches_since_all_was_well()
    {
        var log = new LaunchLog();
        Assert.Equal("No kernel was under way.", log.Describe());
        log.Add("a (f32)");
        Assert.Equal("The kernel is a (f32).", log.Describe());
        log.Add("b (f32)");
        Assert.Equal("It was one of a (f32), b (f32); CUDAVIT_SYNC=1 tells which.", log.Describe());
        for (int i = 0; i < 8; i++)
        {
            log.Add($"k{i}");
        }

        Assert.Equal(
            "It was one of 10 launches, the last of them k0, k1, k2, k3, k4, k5, k6, k7; CUDAVIT_SYNC=1 tells which.",
            log.Describe());
        long position = log.Position;
        log.Add("later"); // while somebody waits for what was before
        log.ClearBefore(position);
        log.ClearBefore(position - 1); // somebody who waited for less
        Assert.Equal("The kernel is later.", log.Describe());
        log.ClearBefore(log.Position);
        Assert.Equal("No kernel was under way.", log.Describe());
    }
}
