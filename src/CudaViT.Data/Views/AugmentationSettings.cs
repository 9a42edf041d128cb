using CudaViT.Data.Pixels;

namespace CudaViT.Data.Views;

/// <summary>
/// How views are made of an image. The defaults are MoCo v3's for ViT (arXiv:2104.02057, and its code): two views, and
/// no extra crops.
/// </summary>
/// <remarks>
/// Order of application: crop, jitter, grey, blur, solarise, flip; every result is rounded to 8 bits. All draws are
/// independent between views and images.
/// </remarks>
public sealed record AugmentationSettings : IViewRecipe
{
    private const int MainViews = 2;
    private const int MaxViews = byte.MaxValue + 1; // the random numbers of a view are addressed by a byte

    /// <summary>Height and width of views A and B in pixels. MoCo v3: 224.</summary>
    public required int OutputSize { get; init; }

    /// <summary>Smallest area of a crop, as a share of the image. MoCo v3: 0.08 for ViT, 0.2 for ResNet-50.</summary>
    public double MinCropArea { get; init; } = 0.08;

    /// <summary>Largest area of a crop, as a share of the image.</summary>
    public double MaxCropArea { get; init; } = 1;

    /// <summary>Smallest width / height of a crop; its logarithm is drawn uniformly.</summary>
    public double MinAspectRatio { get; init; } = 3.0 / 4;

    /// <summary>Largest width / height of a crop.</summary>
    public double MaxAspectRatio { get; init; } = 4.0 / 3;

    /// <summary>How often the colours of a view are jittered.</summary>
    public double JitterProbability { get; init; } = 0.8;

    /// <summary>Brightness is multiplied by a factor drawn from 1 - this to 1 + this.</summary>
    public double Brightness { get; init; } = 0.4;

    /// <summary>Contrast is multiplied by a factor drawn from 1 - this to 1 + this.</summary>
    public double Contrast { get; init; } = 0.4;

    /// <summary>Saturation is multiplied by a factor drawn from 1 - this to 1 + this.</summary>
    public double Saturation { get; init; } = 0.2;

    /// <summary>Hues are turned by a part of the colour circle drawn from - this to + this.</summary>
    public double Hue { get; init; } = 0.1;

    /// <summary>How often a view loses its colours.</summary>
    public double GrayscaleProbability { get; init; } = 0.2;

    /// <summary>How often the first view is blurred.</summary>
    public double BlurProbabilityA { get; init; } = 1;

    /// <summary>How often the second view is blurred.</summary>
    public double BlurProbabilityB { get; init; } = 0.1;

    /// <summary>Weakest blur, as a standard deviation in pixels of the view.</summary>
    public double MinBlurSigma { get; init; } = 0.1;

    /// <summary>Strongest blur.</summary>
    public double MaxBlurSigma { get; init; } = 2;

    /// <summary>How often bright pixels of the first view are inverted.</summary>
    public double SolarizeProbabilityA { get; init; }

    /// <summary>How often bright pixels of the second view are inverted.</summary>
    public double SolarizeProbabilityB { get; init; } = 0.2;

    /// <summary>How often a view is mirrored.</summary>
    public double FlipProbability { get; init; } = 0.5;

    /// <summary>Further views besides A and B, for recipes with multi-crop; MoCo v3 has none.</summary>
    public IReadOnlyList<ExtraCrops> ExtraCrops { get; init; } = [];

    /// <summary>Views of each image: A, B and the extra crops in their order.</summary>
    public int ViewCount
    {
        get
        {
            int count = MainViews;
            for (int i = 0; i < ExtraCrops.Count; i++)
            {
                count += ExtraCrops[i].Count;
            }

            return count;
        }
    }

    /// <summary>Height and width of a view in pixels.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such view.</exception>
    public int SizeOf(int view) => KindOf(view).Size;

    /// <summary>Checks every value.</summary>
    /// <exception cref="ArgumentException">A value is out of range; the message names it.</exception>
    public void Validate()
    {
        Require(OutputSize > 0, nameof(OutputSize), OutputSize, "a positive number of pixels");
        RequireAreas(MinCropArea, MaxCropArea);
        Require(MinAspectRatio > 0 && MinAspectRatio <= MaxAspectRatio, nameof(MinAspectRatio), MinAspectRatio,
            "above 0, at most MaxAspectRatio");
        Require(double.IsFinite(MaxAspectRatio), nameof(MaxAspectRatio), MaxAspectRatio, "finite");
        Require(Brightness is >= 0 and <= 1, nameof(Brightness), Brightness, "from 0 to 1");
        Require(Contrast is >= 0 and <= 1, nameof(Contrast), Contrast, "from 0 to 1");
        Require(Saturation is >= 0 and <= 1, nameof(Saturation), Saturation, "from 0 to 1");
        Require(Hue is >= 0 and <= 0.5, nameof(Hue), Hue, "from 0 to 0.5");
        Require(MinBlurSigma > 0 && MinBlurSigma <= MaxBlurSigma, nameof(MinBlurSigma), MinBlurSigma,
            "above 0, at most MaxBlurSigma");
        Require(MaxBlurSigma <= BoxBlur.MaxSigma, nameof(MaxBlurSigma), MaxBlurSigma, $"at most {BoxBlur.MaxSigma}");
        RequireProbability(JitterProbability, nameof(JitterProbability));
        RequireProbability(GrayscaleProbability, nameof(GrayscaleProbability));
        RequireProbability(BlurProbabilityA, nameof(BlurProbabilityA));
        RequireProbability(BlurProbabilityB, nameof(BlurProbabilityB));
        RequireProbability(SolarizeProbabilityA, nameof(SolarizeProbabilityA));
        RequireProbability(SolarizeProbabilityB, nameof(SolarizeProbabilityB));
        RequireProbability(FlipProbability, nameof(FlipProbability));
        foreach (ExtraCrops extra in ExtraCrops)
        {
            Require(extra.Count is > 0 and < MaxViews, nameof(extra.Count), extra.Count, "a positive number of views");
            Require(extra.Size > 0, nameof(extra.Size), extra.Size, "a positive number of pixels");
            RequireAreas(extra.MinCropArea, extra.MaxCropArea);
            RequireProbability(extra.BlurProbability, nameof(extra.BlurProbability));
            RequireProbability(extra.SolarizeProbability, nameof(extra.SolarizeProbability));
        }

        Require(ViewCount <= MaxViews, nameof(ViewCount), ViewCount, $"at most {MaxViews}");
    }

    /// <inheritdoc/>
    IViewMaker IViewRecipe.CreateMaker(ulong seed) => new ViewAugmenter(this, seed);

    /// <summary>What a view has of its own.</summary>
    internal ViewKind KindOf(int view)
    {
        if (view is 0 or 1)
        {
            return view == 0
                ? new ViewKind(OutputSize, MinCropArea, MaxCropArea, BlurProbabilityA, SolarizeProbabilityA)
                : new ViewKind(OutputSize, MinCropArea, MaxCropArea, BlurProbabilityB, SolarizeProbabilityB);
        }

        int position = view - MainViews;
        for (int i = 0; i < ExtraCrops.Count && position >= 0; i++)
        {
            ExtraCrops extra = ExtraCrops[i];
            if (position < extra.Count)
            {
                return new ViewKind(
                    extra.Size,
                    extra.MinCropArea,
                    extra.MaxCropArea,
                    extra.BlurProbability,
                    extra.SolarizeProbability);
            }

            position -= extra.Count;
        }

        throw new ArgumentOutOfRangeException(nameof(view), view, $"There are {ViewCount} views.");
    }

    private static void RequireAreas(double min, double max)
    {
        Require(min > 0 && min <= max, nameof(MinCropArea), min, "above 0, at most MaxCropArea");
        Require(max <= 1, nameof(MaxCropArea), max, "at most 1");
    }

    private static void RequireProbability(double value, string name) =>
        Require(value is >= 0 and <= 1, name, value, "a probability from 0 to 1");

    private static void Require(bool holds, string name, double value, string expected)
    {
        if (!holds)
        {
            throw new ArgumentException($"{name} is {value}, but must be {expected}. " +
                "Correct the augmentation settings.");
        }
    }
}

/// <summary>
/// Further views of every image besides A and B, usually smaller ones of smaller parts: multi-crop (SwAV,
/// arXiv:2006.09882, section 3.2). The defaults are SwAV's.
/// </summary>
public sealed record ExtraCrops
{
    /// <summary>Views of this kind for each image.</summary>
    public required int Count { get; init; }

    /// <summary>Height and width of a view in pixels.</summary>
    public int Size { get; init; } = 96;

    /// <summary>Smallest area of a crop, as a share of the image.</summary>
    public double MinCropArea { get; init; } = 0.05;

    /// <summary>Largest area of a crop, as a share of the image.</summary>
    public double MaxCropArea { get; init; } = 0.14;

    /// <summary>How often a view is blurred.</summary>
    public double BlurProbability { get; init; } = 0.5;

    /// <summary>How often bright pixels of a view are inverted.</summary>
    public double SolarizeProbability { get; init; }
}
