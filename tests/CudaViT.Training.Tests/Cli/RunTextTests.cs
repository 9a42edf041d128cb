using CudaViT.Cli.Output;
using CudaViT.Training.Runs.Pretraining;
using CudaViT.Training.Settings;

namespace CudaViT.Training.Tests.Cli;

public sealed class RunTextTests
{
    // Smaller, larger and as large as the first image, whose shorter side counts; and one that is damaged.
    [Theory]
    [InlineData(375, 500, "views of 64x64 pixels; the first image has 500x375, reduced 5.9 times")]
    [InlineData(500, 375, "views of 64x64 pixels; the first image has 375x500, reduced 5.9 times")]
    [InlineData(48, 52, "views of 64x64 pixels; the first image has 52x48, enlarged 1.3 times")]
    [InlineData(64, 90, "views of 64x64 pixels; the first image has 90x64, not reduced")]
    [InlineData(0, 0, "views of 64x64 pixels")]
    public void The_first_lines_say_how_far_images_are_reduced(int height, int width, string expected)
    {
        string[] lines = [.. RunText.Preparation(new RunPreparation
        {
            Settings = TrainSettings.Of("small-64"),
            Data = "photos",
            TrainImages = 2000,
            HeldOutImages = 500,
            FirstImage = height == 0 ? null : (height, width),
        })];
        Assert.Equal("small-64: photos", lines[0]);
        Assert.Equal("2000 images to train on, 500 held out", lines[1]); // which scripts read
        Assert.Equal(expected, lines[2]);
        Assert.Equal("ViT: 64 patches of 8x8 pixels, width 128, depth 4, heads 4", lines[3]);
        Assert.All(lines, line => Assert.InRange(line.Length, 1, 80));
    }

    [Fact]
    public void A_network_without_patches_has_none_in_its_line() =>
        Assert.Equal("ResNet-50", RunText.Model(ModelSettings.ResNet50));
}
