using CudaViT.Data.Sets;
using CudaViT.Training.Runs.Shared;

namespace CudaViT.Training.Tests.Runs;

public sealed class RequireBatchTests
{
    // What is proposed must be possible: no batch below the smallest, and no more images than the limit lets through.
    [Theory]
    [InlineData(1, 1, 2, "1 image is fewer than one batch of 8; expected at least one batch; use --limit 8 or more.")]
    [InlineData(1, null, 2, "1 image is fewer than one batch of 8; expected at least one batch; use more images.")]
    [InlineData(
        5,
        null,
        2,
        "5 images are fewer than one batch of 8; expected at least one batch; use --batch 5 or less, or "
            + "more images.")]
    [InlineData(
        5,
        5,
        1,
        "5 images are fewer than one batch of 8; expected at least one batch; use --batch 5 or less, or "
            + "--limit 8 or more.")]
    public void Too_few_images_are_refused_with_what_would_do(int count, int? limit, int least, string expected)
    {
        var images = new InMemoryDataset("grey", new byte[count], 1, 1, 1);
        string message = Assert.Throws<RunException>(() => RunException.RequireBatch(images, 8, least, limit)).Message;
        Assert.Equal($"grey: {expected}", message);
        RunException.RequireBatch(images, count, least, limit);
    }
}
