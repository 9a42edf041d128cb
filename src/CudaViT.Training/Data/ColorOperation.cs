namespace CudaViT.Training.Data;

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
