namespace CudaViT.Training.Data.Supervised;

/// <summary>What RandAugment chooses from, all equally likely, numbered in the order of the reference.</summary>
public enum RandAugmentOperation
{
    /// <summary>Stretch each channel to the full range.</summary>
    AutoContrast,

    /// <summary>Make all values of a channel about equally frequent.</summary>
    Equalize,

    /// <summary>Negative.</summary>
    Invert,

    /// <summary>Turn by up to 30 degrees to either side.</summary>
    Rotate,

    /// <summary>Keep 4 bits of every value, or fewer.</summary>
    Posterize,

    /// <summary>Invert what is bright, from ever darker values on.</summary>
    Solarize,

    /// <summary>Brighten what is dark, by up to 110.</summary>
    SolarizeAdd,

    /// <summary>Change the saturation by a factor from 0.1 to 1.9.</summary>
    Color,

    /// <summary>Change the contrast by a factor from 0.1 to 1.9.</summary>
    Contrast,

    /// <summary>Change the brightness by a factor from 0.1 to 1.9.</summary>
    Brightness,

    /// <summary>Change the sharpness by a factor from 0.1 to 1.9.</summary>
    Sharpness,

    /// <summary>Slant sideways, by up to 0.3 of the height.</summary>
    ShearX,

    /// <summary>Slant up or down, by up to 0.3 of the width.</summary>
    ShearY,

    /// <summary>Move sideways, by up to 0.45 of the width.</summary>
    TranslateX,

    /// <summary>Move up or down, by up to 0.45 of the height.</summary>
    TranslateY,
}
