using CudaViT.Data.Pixels;
using CudaViT.Data.Views;
using CudaViT.Images;
using CudaViT.TestKit;

namespace CudaViT.Training.Tests.Images;

/// <summary>Photographs much larger than what is cut out of them.</summary>
public sealed class ScaledDecodingTests
{
    private static readonly AugmentationSettings Augmentation = new() { OutputSize = 24 };

    [Fact]
    public void The_share_is_that_of_the_view_that_needs_most()
    {
        var augmenter = new ViewAugmenter(Augmentation, seed: 4);
        for (int sample = 0; sample < 50; sample++)
        {
            double smallest = augmenter.ScaleOf(2, sample).Smallest(300, 400);
            double[] needs = [.. Enumerable.Range(0, 2).Select(view =>
            {
                CropBox crop = ViewPlan.Draw(Augmentation, 4, 2, sample, view, 300, 400).Crop;
                return 24.0 / Math.Min(crop.Height, crop.Width);
            })];
            Assert.Equal(needs.Max(), smallest);
        }

        Assert.Equal(0.25, new EvaluationTransform(64, 32).Smallest(256, 900));
    }

    [Theory]
    [InlineData(0, 0, 400, 300, 0, 0, 50, 38)] // the whole
    [InlineData(399, 299, 1, 1, 49, 37, 1, 1)] // the last pixel
    [InlineData(80, 40, 160, 80, 10, 5, 20, 10)] // eight times the result
    public void A_crop_of_the_full_size_is_found_again_in_the_smaller_image(
        int top, int left, int height, int width, int scaledTop, int scaledLeft, int scaledHeight, int scaledWidth) =>
        Assert.Equal(
            new CropBox(scaledTop, scaledLeft, scaledHeight, scaledWidth),
            new CropBox(top, left, height, width).Scale(400, 300, 50, 38));

    // The same view within a few levels, whether the photograph was decoded at full size or not.
    [SkippableFact]
    public void Views_hardly_differ()
    {
        ImageCodecs.Require();
        byte[] file = JpegWriter.Encode(TexturedScenes.Draw(2, 1, 5, 320, 480), 320, 480, 3, halvesColor: true);
        AugmentationSettings settings = Augmentation with { JitterProbability = 0, SolarizeProbabilityB = 0 };
        var augmenter = new ViewAugmenter(settings, seed: 4);
        var decoder = new ImageDecoder();
        int smaller = 0;
        for (int sample = 0; sample < 20; sample++)
        {
            ImageView full = decoder.Decode(file, null, new ImageBuffer());
            ImageView scaled = decoder.Decode(file, augmenter.ScaleOf(0, sample), new ImageBuffer());
            smaller += scaled.Height < full.Height ? 1 : 0;
            for (int view = 0; view < 2; view++)
            {
                byte[] expected = new byte[24 * 24 * 3];
                byte[] actual = new byte[24 * 24 * 3];
                augmenter.Augment(full, 0, sample, view, expected);
                augmenter.Augment(scaled, 0, sample, view, actual);
                Assert.InRange(expected.Zip(actual, (e, a) => Math.Abs(e - a)).Average(), 0, 3);
            }
        }

        Assert.InRange(smaller, 15, 20);
    }
}
