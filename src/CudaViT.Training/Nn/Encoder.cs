using CudaViT.Core;

namespace CudaViT.Training.Nn;

/// <summary>A backbone that turns an image into a vector, with the projector on top.</summary>
public abstract class Encoder : Module
{
    /// <summary>Width of the features.</summary>
    public abstract int FeatureWidth { get; }

    /// <summary>Maps features to embeddings.</summary>
    public abstract MlpHead Projector { get; }

    /// <summary>The parts in which instability starts and ends: input, first block, last block.</summary>
    public abstract IReadOnlyList<ParameterSet> WatchedParts { get; }

    /// <summary>Features of images: what is used after pre-training.</summary>
    /// <param name="images">[B, channels, H, W], standardized.</param>
    /// <param name="groups">Number of equal runs of images that batch normalizations keep apart, such as views.</param>
    /// <returns>[B, <see cref="FeatureWidth"/>], in the type of <paramref name="images"/>.</returns>
    public abstract Tensor Features(Tensor images, int groups = 1);

    /// <summary>Embeddings of images: features through the projector.</summary>
    /// <param name="images">[B, channels, H, W], standardized.</param>
    /// <param name="groups">Number of equal runs of images that batch normalizations keep apart, such as views.</param>
    /// <returns>[B, embedding width], in the type of <paramref name="images"/>.</returns>
    public Tensor Forward(Tensor images, int groups = 1) => Projector.Forward(Features(images, groups), groups);

    /// <summary>
    /// Runs a part of the network. Where nothing is recorded, what the part allocated is given back at once, its result
    /// excepted: the memory of a forward pass is then that of its largest part.
    /// </summary>
    private protected static Tensor Run(Func<Tensor> part)
    {
        if (!NoGrad.IsActive)
        {
            return part();
        }

        using var scope = new StepScope();
        return scope.Keep(part());
    }
}
