using CudaViT.Core;

namespace CudaViT.Training.Models.Nn;

/// <summary>A backbone that turns an image into a vector, with the projector on top.</summary>
public abstract class Encoder : Module
{
    // DeiT's, arXiv:2012.12877; its cut at 100 of these is never reached.
    private const double ClassifierDeviation = 0.02;

    /// <summary>Width of the features.</summary>
    public abstract int FeatureWidth { get; }

    /// <summary>What stands on top: the projector of pre-training, or a classifier.</summary>
    public abstract Module Head { get; }

    /// <summary>Maps features to embeddings.</summary>
    /// <exception cref="InvalidOperationException">There is a classifier in its place.</exception>
    public MlpHead Projector => Head as MlpHead ?? throw new InvalidOperationException(
        "This encoder has a classifier in place of the projector. Build it from settings without model.classes.");

    /// <summary>All parameters by depth: input, every block, output with the head.</summary>
    public abstract IReadOnlyList<IReadOnlyList<Parameter>> Layers { get; }

    /// <summary>The parts through which instability goes, by depth: input, then every block.</summary>
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

    /// <summary>How well images fit each class.</summary>
    /// <param name="images">[B, channels, H, W], standardized.</param>
    /// <returns>[B, classes], in the type of <paramref name="images"/>.</returns>
    /// <exception cref="InvalidOperationException">There is no classifier.</exception>
    public Tensor Logits(Tensor images) => Head is LinearLayer classifier
        ? classifier.Forward(Features(images))
        : throw new InvalidOperationException(
            "This encoder has a projector in place of a classifier. Build it from settings with model.classes.");

    /// <summary>
    /// Parameters and statistics without the head's: what is used after pre-training. Enumerate within a step scope.
    /// </summary>
    public IReadOnlyList<NamedArray> BackboneState() =>
        [.. Slots("", without: Head).Select(slot => new NamedArray(slot.Name, slot.Read()))];

    /// <summary>
    /// Names and shapes of <see cref="BackboneState"/>, in its order. Known before <see cref="Module.Initialize"/>.
    /// </summary>
    public IReadOnlyList<StateEntry> BackboneLayout() => [.. Entries("", without: Head)];

    /// <summary>Takes over everything but the head; floating-point types are converted.</summary>
    /// <param name="state">Exactly the names of <see cref="BackboneState"/>, on the same device.</param>
    /// <exception cref="StateException">
    /// Names are missing or left over, or a shape differs; the message lists them, and nothing was changed.
    /// </exception>
    public void LoadBackbone(IReadOnlyDictionary<string, NdArray> state)
    {
        ArgumentNullException.ThrowIfNull(state);
        StateSlot.WriteAll([.. Slots("", without: Head)], state, "encoder");
    }

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

    /// <summary>A linear layer to classes, as supervised training starts it.</summary>
    private protected static LinearLayer ClassifierHead(int width, int classes) =>
        new(width, classes, Initializers.Normal(ClassifierDeviation), Initializers.Zeros);
}

/// <summary>Maps images to features.</summary>
/// <param name="pixels">[count, size, size, channels].</param>
/// <returns>[count, D], F64 or F32.</returns>
public delegate NdArray FeatureExtractor(ReadOnlySpan<byte> pixels);
