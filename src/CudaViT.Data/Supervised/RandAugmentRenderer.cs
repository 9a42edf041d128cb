using CudaViT.Data.Pixels;

namespace CudaViT.Data.Supervised;

/// <summary>Carries out operations of RandAugment. Keeps scratch memory: one per thread.</summary>
/// <param name="fill">What comes from outside the image when it is moved; one byte for each channel.</param>
public sealed class RandAugmentRenderer(byte[] fill)
{
    private readonly AffineWarp _warp = new();
    private readonly Sharpness _sharpness = new();

    /// <summary>Changes an image in place; a grey one has no colours to change.</summary>
    /// <param name="step">The operation.</param>
    /// <param name="pixels">[height, width, channels].</param>
    /// <param name="height">Rows.</param>
    /// <param name="width">Pixels in a row.</param>
    public void Apply(in RandAugmentStep step, Span<byte> pixels, int height, int width)
    {
        (int channels, double value) = (fill.Length, step.Value);
        switch (step.Operation)
        {
            case RandAugmentOperation.AutoContrast:
                ToneOps.AutoContrast(pixels, channels);
                break;
            case RandAugmentOperation.Equalize:
                ToneOps.Equalize(pixels, channels);
                break;
            case RandAugmentOperation.Invert:
                ToneOps.Invert(pixels);
                break;
            case RandAugmentOperation.Posterize:
                ToneOps.Posterize(pixels, (int)value);
                break;
            case RandAugmentOperation.Solarize:
                ImageOps.Solarize(pixels, (int)value);
                break;
            case RandAugmentOperation.SolarizeAdd:
                ToneOps.SolarizeAdd(pixels, (int)value);
                break;
            case RandAugmentOperation.Color when channels == 3:
                ImageOps.Saturation(pixels, (float)value);
                break;
            case RandAugmentOperation.Contrast:
                ImageOps.Contrast(pixels, channels, (float)value);
                break;
            case RandAugmentOperation.Brightness:
                ImageOps.Brightness(pixels, (float)value);
                break;
            case RandAugmentOperation.Sharpness:
                _sharpness.Apply(pixels, height, width, channels, (float)value);
                break;
            case RandAugmentOperation.Rotate when value != 0:
                _warp.Apply(pixels, height, width, AffineMap.Rotate(value, height, width), fill);
                break;
            case RandAugmentOperation.ShearX:
                _warp.Apply(pixels, height, width, AffineMap.ShearX(value), fill);
                break;
            case RandAugmentOperation.ShearY:
                _warp.Apply(pixels, height, width, AffineMap.ShearY(value), fill);
                break;
            case RandAugmentOperation.TranslateX:
                _warp.Apply(pixels, height, width, AffineMap.Translate(value * width, 0), fill);
                break;
            case RandAugmentOperation.TranslateY:
                _warp.Apply(pixels, height, width, AffineMap.Translate(0, value * height), fill);
                break;
        }
    }
}
