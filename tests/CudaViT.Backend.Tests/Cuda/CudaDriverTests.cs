using CudaViT.Cuda;

namespace CudaViT.Backend.Tests.Cuda;

public sealed class CudaDriverTests
{
    [SkippableFact]
    public void Without_a_driver_the_error_is_one_line_that_says_so()
    {
        FoundLibrary driver = CudaLibraries.Probe(CudaLibrary.Driver);
        Skip.If(driver.IsFound, "this machine has a driver");

        var error = Assert.Throws<GpuException>(() => new CudaDriver());

        Assert.StartsWith(driver.Problem!, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
        Assert.Contains("libcuda.so.1", error.Message, StringComparison.Ordinal);
    }
}
