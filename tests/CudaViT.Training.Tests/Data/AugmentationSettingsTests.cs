using System.Text.Json;
using CudaViT.Data.Views;

namespace CudaViT.Training.Tests.Data;

public sealed class AugmentationSettingsTests
{
    private static readonly AugmentationSettings Augmentation = new() { OutputSize = 12 };

    [Fact]
    public void A_value_out_of_range_is_refused_by_name()
    {
        foreach ((string name, AugmentationSettings wrong) in new[]
        {
            ("OutputSize", Augmentation with { OutputSize = 0 }),
            ("MinCropArea", Augmentation with { MinCropArea = 0 }),
            ("MaxCropArea", Augmentation with { MaxCropArea = 1.5 }),
            ("MinAspectRatio", Augmentation with { MinAspectRatio = 2 }),
            ("FlipProbability", Augmentation with { FlipProbability = double.NaN }),
            ("Brightness", Augmentation with { Brightness = -0.1 }),
            ("Saturation", Augmentation with { Saturation = 1.1 }),
            ("Hue", Augmentation with { Hue = 0.6 }),
            ("MinBlurSigma", Augmentation with { MinBlurSigma = 0 }),
            ("MaxBlurSigma", Augmentation with { MaxBlurSigma = double.PositiveInfinity }),
            ("BlurProbabilityA", Augmentation with { BlurProbabilityA = 2 }),
            ("GrayscaleProbability", Augmentation with { GrayscaleProbability = -1 }),
            ("Count", Augmentation with { ExtraCrops = [new ExtraCrops { Count = 0 }] }),
            ("Size", Augmentation with { ExtraCrops = [new ExtraCrops { Count = 1, Size = 0 }] }),
            ("MaxCropArea", Augmentation with { ExtraCrops = [new ExtraCrops { Count = 1, MaxCropArea = 2 }] }),
            ("ViewCount", Augmentation with
            {
                ExtraCrops = [new ExtraCrops { Count = 200 }, new ExtraCrops { Count = 200 }],
            }),
        })
        {
            Assert.StartsWith(name, Assert.Throws<ArgumentException>(wrong.Validate).Message);
        }
    }

    [Fact]
    public void They_survive_json()
    {
        AugmentationSettings settings = Augmentation with
        {
            MinCropArea = 0.2,
            SolarizeProbabilityB = 0,
            ExtraCrops = [new ExtraCrops { Count = 6, Size = 10 }],
        };
        AugmentationSettings read =
            JsonSerializer.Deserialize<AugmentationSettings>(JsonSerializer.Serialize(settings))!;
        Assert.Equal(settings.ExtraCrops, read.ExtraCrops);
        Assert.Equal(settings, read with { ExtraCrops = settings.ExtraCrops });
    }
}
