using CudaViT.Data.Pixels;
using CudaViT.Data.Views;

namespace CudaViT.Benchmarks;

/// <summary>Strengths of all operations for one image; both sides get the same.</summary>
internal sealed record AugmentPlan(
    CropBox Crop, float Brightness, float Contrast, float Saturation, float Hue, int[] Order, float BlurSigma)
{
    /// <summary>The jitter by itself.</summary>
    public ColorJitter Jitter { get; } = new(
        (ColorOperation)Order[0], (ColorOperation)Order[1], (ColorOperation)Order[2], (ColorOperation)Order[3],
        Brightness, Contrast, Saturation, Hue);

    /// <summary>Draws what view A of an image gets if every operation is on.</summary>
    public static AugmentPlan Draw(AugmentationSettings settings, ulong seed, int image, int height, int width)
    {
        AugmentationSettings always = settings with { JitterProbability = 1, BlurProbabilityA = 1 };
        var plan = ViewPlan.Draw(always, seed, epoch: 0, image, view: 0, height, width);
        ColorJitter jitter = plan.Jitter!.Value;
        return new AugmentPlan(
            plan.Crop, jitter.Brightness, jitter.Contrast, jitter.Saturation, jitter.Hue,
            [(int)jitter.First, (int)jitter.Second, (int)jitter.Third, (int)jitter.Fourth], plan.BlurSigma!.Value);
    }

    /// <summary>Crop, jitter, blur, solarise, flip; not grey, which would hide the colours.</summary>
    public ViewPlan ToViewPlan() => new(Crop, Jitter, Grayscale: false, BlurSigma, Solarize: true, Flip: true);
}
