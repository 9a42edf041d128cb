namespace CudaViT.Core;

/// <summary>How one view is made of an image: all that was drawn, in the numbers that a kernel needs.</summary>
/// <param name="Source">Where the crop begins in the packed pixels, in bytes.</param>
/// <param name="RowBytes">From one row of the image to the next, in bytes.</param>
/// <param name="Height">Rows of the crop; positive.</param>
/// <param name="Width">Columns of the crop; positive.</param>
/// <param name="Colors">Jitter of colours; the default changes nothing.</param>
/// <param name="Grayscale">Whether red, green and blue become equal; nothing in a grey image.</param>
/// <param name="Blur">The box of the blur; the default changes nothing.</param>
/// <param name="Solarize">Whether values of 128 and more are inverted.</param>
/// <param name="Flip">Whether the view is mirrored left to right.</param>
public readonly record struct ViewTransform(
    long Source,
    int RowBytes,
    int Height,
    int Width,
    ColorTransform Colors = default,
    bool Grayscale = false,
    BlurBox Blur = default,
    bool Solarize = false,
    bool Flip = false);
