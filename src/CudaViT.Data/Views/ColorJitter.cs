using CudaViT.Core;
using CudaViT.Data.Pixels;

namespace CudaViT.Data.Views;

/// <summary>A drawn colour jitter: four operations in random order, each with its strength.</summary>
/// <param name="First">Applied first.</param>
/// <param name="Second">Applied second.</param>
/// <param name="Third">Applied third.</param>
/// <param name="Fourth">Applied last.</param>
/// <param name="Brightness">Factor; 1 changes nothing.</param>
/// <param name="Contrast">Factor; 1 changes nothing.</param>
/// <param name="Saturation">Factor; 1 changes nothing.</param>
/// <param name="Hue">Turn of the colour circle, -0.5 to 0.5.</param>
public readonly record struct ColorJitter(
    ColorOperation First,
    ColorOperation Second,
    ColorOperation Third,
    ColorOperation Fourth,
    float Brightness,
    float Contrast,
    float Saturation,
    float Hue)
{
    /// <summary>Draws an order, all 24 equally likely, and then the four strengths.</summary>
    internal static ColorJitter Draw(ref RandomSequence random, AugmentationSettings settings) =>
        Draw(ref random, settings.Brightness, settings.Contrast, settings.Saturation, settings.Hue);

    /// <summary>
    /// The same with the ranges by themselves: factors from 1 - range to 1 + range, turns to either side.
    /// </summary>
    internal static ColorJitter Draw(
        ref RandomSequence random, double brightnesses, double contrasts, double saturations, double hues)
    {
        Span<ColorOperation> order =
            [ColorOperation.Brightness, ColorOperation.Contrast, ColorOperation.Saturation, ColorOperation.Hue];
        random.Shuffle(order);
        float brightness = (float)random.NextDouble(1 - brightnesses, 1 + brightnesses);
        float contrast = (float)random.NextDouble(1 - contrasts, 1 + contrasts);
        float saturation = (float)random.NextDouble(1 - saturations, 1 + saturations);
        float hue = (float)random.NextDouble(-hues, hues);
        return new ColorJitter(order[0], order[1], order[2], order[3], brightness, contrast, saturation, hue);
    }

    /// <summary>The same in the numbers of a device.</summary>
    internal ColorTransform ToTransform() => new(
        Step(First), Step(Second), Step(Third), Step(Fourth), Brightness, Contrast, Saturation, HueKernel.StepsOf(Hue));

    /// <summary>Changes an image in place; a grey one has neither saturation nor hue.</summary>
    internal void Apply(Span<byte> pixels, int channels)
    {
        Apply(First, pixels, channels);
        Apply(Second, pixels, channels);
        Apply(Third, pixels, channels);
        Apply(Fourth, pixels, channels);
    }

    private ColorStep Step(ColorOperation operation) => operation switch
    {
        ColorOperation.Brightness => ColorStep.Brightness,
        ColorOperation.Contrast => ColorStep.Contrast,
        ColorOperation.Saturation => ColorStep.Saturation,
        _ => Hue == 0 ? ColorStep.None : ColorStep.Hue,
    };

    private void Apply(ColorOperation operation, Span<byte> pixels, int channels)
    {
        switch (operation)
        {
            case ColorOperation.Brightness:
                ImageOps.Brightness(pixels, Brightness);
                break;
            case ColorOperation.Contrast:
                ImageOps.Contrast(pixels, channels, Contrast);
                break;
            case ColorOperation.Saturation when channels == 3:
                ImageOps.Saturation(pixels, Saturation);
                break;
            case ColorOperation.Hue when channels == 3 && Hue != 0: // a turn by 0 would round; no range means no turn
                ImageOps.Hue(pixels, Hue);
                break;
        }
    }
}

/// <summary>The parts of a colour jitter, numbered as in the reference pipeline.</summary>
public enum ColorOperation
{
    /// <summary>Blend with black.</summary>
    Brightness,

    /// <summary>Blend with the mean of the grey image.</summary>
    Contrast,

    /// <summary>Blend with the grey image.</summary>
    Saturation,

    /// <summary>Turn the colour circle.</summary>
    Hue,
}
