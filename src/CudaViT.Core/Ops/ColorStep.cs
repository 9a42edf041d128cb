namespace CudaViT.Core;

/// <summary>One change of colour, as <c>kernels/common/pixels.cuh</c> numbers them.</summary>
public enum ColorStep
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>Blend with black.</summary>
    Brightness,

    /// <summary>Blend with the mean of the grey image. At most once in a transform.</summary>
    Contrast,

    /// <summary>Blend with the grey image; nothing in a grey one.</summary>
    Saturation,

    /// <summary>Turn of the colour circle; nothing in a grey image.</summary>
    Hue,
}
