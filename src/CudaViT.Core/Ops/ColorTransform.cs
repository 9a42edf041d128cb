namespace CudaViT.Core;

/// <summary>Up to four changes of colour, one after the other.</summary>
/// <param name="First">Applied first.</param>
/// <param name="Second">Applied second.</param>
/// <param name="Third">Applied third.</param>
/// <param name="Fourth">Applied last.</param>
/// <param name="Brightness">Factor of a blend with black.</param>
/// <param name="Contrast">Factor of a blend with the mean of the grey image.</param>
/// <param name="Saturation">Factor of a blend with the grey image.</param>
/// <param name="Hue">Turn of the colour circle in 256ths, −255 to 255.</param>
public readonly record struct ColorTransform(
    ColorStep First,
    ColorStep Second,
    ColorStep Third,
    ColorStep Fourth,
    float Brightness,
    float Contrast,
    float Saturation,
    int Hue);
