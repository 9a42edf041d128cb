using System.Text.Json.Serialization;
using CudaViT.Data.Sets;
using CudaViT.Data.Views;
using CudaViT.Training.Settings;

namespace CudaViT.Training.Evaluation.Linear;

/// <summary>How a linear probe is trained; the defaults are those of MoCo v3's code.</summary>
public sealed record LinearSettings
{
    // The published rate, and its neighbours: the paper chose one for each model.
    private static readonly double[] RatesForTransformers = [0.3, 1, 3, 10];
    private static readonly double[] RatesForResNets = [0.03, 0.1, 0.3, 1];

    /// <summary>Passes over the training images.</summary>
    public int Epochs { get; init; } = 90;

    /// <summary>Images per step; the last step of an epoch has what is left.</summary>
    public int Batch { get; init; } = 1024;

    /// <summary>
    /// Learning rates for a batch of 256, each of which trains a classifier of its own; those used are proportional to
    /// the batch.
    /// </summary>
    public required IReadOnlyList<double> BaseLearningRates { get; init; }

    /// <summary>What the shorter side of a test image is resized to before its middle is cut out.</summary>
    public required int TestShortSide { get; init; }

    /// <summary>Smallest share of an image's area that a random crop takes.</summary>
    public double CropMinimum { get; init; } = 0.08;

    /// <summary>Seed of the first weights, the order of the images and their views.</summary>
    public ulong Seed { get; init; }

    /// <summary>Whether the images are turned upright as their EXIF data say: how they were opened.</summary>
    public bool ExifOrientation { get; init; }

    /// <summary>Managed if managed code decoded the JPEG files; else auto, which is not written.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public DecoderKind Decoder { get; init; }

    /// <summary>Threads that prepare images; null for one on each processor that computing leaves.</summary>
    public int? Workers { get; init; }

    /// <summary>The published protocol for an encoder.</summary>
    public static LinearSettings For(ModelSettings model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return new LinearSettings
        {
            BaseLearningRates = model.Architecture == Settings.Architecture.ResNet50
                ? RatesForResNets
                : RatesForTransformers,
            TestShortSide = EvaluationTransform.UsualShortSide(model.ImageSize),
        };
    }
}
