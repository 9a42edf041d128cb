namespace CudaViT.Core;

/// <summary>What a random number is drawn for. Part of its address, see <see cref="RandomStream"/>.</summary>
/// <remarks>
/// One list for the whole program, so that no two uses share numbers. The values decide what a seeded run computes:
/// add new ones at the end of their group, never renumber. At most 2^24 - 1.
/// </remarks>
public enum RandomOperation
{
    /// <summary>Initial values of parameters: epoch and sample = hash of the name.</summary>
    WeightInit = 1,

    /// <summary>Synthetic inputs of tests, gradient checks and benchmarks.</summary>
    Synthetic = 2,

    /// <summary>Dropout masks: epoch = training step, sample = index of the layer.</summary>
    Dropout = 3,

    /// <summary>Drop-path masks: epoch = training step, sample = index of the layer.</summary>
    DropPath = 4,

    /// <summary>Order of the training samples in an epoch.</summary>
    Shuffle = 16,

    /// <summary>Box of the random resized crop.</summary>
    Crop = 17,

    /// <summary>Whether, in which order and how strongly colours are jittered.</summary>
    ColorJitter = 18,

    /// <summary>Whether a view loses its colours.</summary>
    Grayscale = 19,

    /// <summary>Whether and how strongly a view is blurred.</summary>
    Blur = 20,

    /// <summary>Whether bright pixels are inverted.</summary>
    Solarize = 21,

    /// <summary>Whether a view is mirrored.</summary>
    Flip = 22,

    /// <summary>Which image takes the place of a damaged one.</summary>
    Replacement = 23,

    /// <summary>Which operations of RandAugment, and how strong.</summary>
    RandAugment = 24,

    /// <summary>Whether and where a view is erased.</summary>
    Erase = 25,

    /// <summary>What an erased part is filled with: epoch = training step.</summary>
    EraseNoise = 26,

    /// <summary>How a batch is mixed with itself: sample = iteration of its epoch.</summary>
    Mix = 27,
}
