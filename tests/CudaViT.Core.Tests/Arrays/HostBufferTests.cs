namespace CudaViT.Core.Tests;

public sealed class HostBufferTests
{
    [Fact]
    public void A_batch_that_no_buffer_holds_is_told_with_the_largest_that_one_does()
    {
        Assert.Equal(4096 * 150528, HostBuffer.SizeFor(4096, 224 * 224 * 3));

        var error = Assert.Throws<DeviceMemoryException>(() => HostBuffer.SizeFor(4096, 448 * 448 * 3));

        Assert.Equal(
            "a batch of 4096 images of 588.0 KiB takes 2.3 GiB, but one piece of host memory has at most 2.0 GiB. "
            + "Use a batch of 3566 or less, or smaller images.",
            error.Message);
    }
}
