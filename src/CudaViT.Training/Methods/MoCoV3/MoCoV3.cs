using CudaViT.Core;
using CudaViT.Training.Models;
using CudaViT.Training.Models.Nn;
using CudaViT.Training.Settings;

namespace CudaViT.Training.Methods.MoCoV3;

/// <summary>
/// Momentum contrast: an encoder with a predictor learns to recognize, among the momentum encoder's embeddings of a
/// batch, the other view of the same image.
/// </summary>
/// <remarks>
/// X. Chen, S. Xie, K. He, "An empirical study of training self-supervised vision transformers", arXiv:2104.02057.
/// </remarks>
public sealed class MoCoV3 : Module
{
    private const int Views = 2;

    private NdArray[] _averages = [];
    private NdArray[] _sources = [];

    /// <summary>Declares both encoders and the predictor.</summary>
    /// <param name="settings">The model.</param>
    /// <param name="temperature">Temperature τ of the loss.</param>
    /// <exception cref="SettingsException">No model can be built from the settings.</exception>
    public MoCoV3(ModelSettings settings, double temperature)
    {
        ArgumentNullException.ThrowIfNull(settings);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(temperature);
        settings.Validate();
        if (settings.Classes is { } classes)
        {
            throw new SettingsException(
                $"model.classes is {classes}, but pre-training knows no classes. Remove it, or use cudavit finetune.");
        }

        Temperature = temperature;
        BaseEncoder = AddChild("base_encoder", Encoders.Create(settings));
        MomentumEncoder = AddChild("momentum_encoder", Encoders.Create(settings));
        MomentumEncoder.Freeze();
        if (settings.Predictor)
        {
            int width = settings.HeadOutput;
            bool lastNorm = settings.Architecture == Architecture.VisionTransformer;
            Predictor = AddChild(
                "predictor", new MlpHead(2, width, settings.HeadHidden, width, settings.HeadBatchNorm, lastNorm));
        }
    }

    /// <summary>The encoder that is trained, and used afterwards.</summary>
    public Encoder BaseEncoder { get; }

    /// <summary>The slowly following encoder that makes the keys.</summary>
    public Encoder MomentumEncoder { get; }

    /// <summary>Maps base embeddings to predictions of the momentum encoder's; null in the ablation without.</summary>
    public MlpHead? Predictor { get; }

    /// <summary>Temperature τ of the loss.</summary>
    public double Temperature { get; }

    /// <summary>Type of the activations; null for that of the parameters.</summary>
    public DType? ComputeType { get; set; }

    /// <summary>
    /// Whether both views go through an encoder in one pass, as groups that batch normalizations keep apart. The same
    /// numbers as two passes, in larger matrices.
    /// </summary>
    public bool SharesPass { get; set; } = true;

    /// <summary>The parts whose gradients tell of instability: input, every block, heads.</summary>
    public IReadOnlyList<ParameterSet> WatchedParts =>
    [
        .. BaseEncoder.WatchedParts,
        new("heads", [.. BaseEncoder.Projector.Parameters(), .. Predictor?.Parameters() ?? []]),
    ];

    private DType ParameterType => _averages.Length > 0
        ? _averages[0].DType
        : throw new InvalidOperationException("The model has no values yet. Call Initialize first.");

    /// <summary>The forward half of a training step. Call in training mode, inside a step scope.</summary>
    /// <param name="x1">First views [B, channels, H, W], standardized; any floating-point type.</param>
    /// <param name="x2">Second views of the same images.</param>
    /// <param name="momentum">Weight m of the momentum encoder's old parameters in this step.</param>
    /// <returns>L = ctr(q1, k2) + ctr(q2, k1), ready for its backward pass, and the embeddings.</returns>
    /// <remarks>
    /// Order: queries from the base encoder; then the momentum encoder moves towards the base encoder as it was before
    /// this step's update, parameters only; then keys. Batch normalizations of both encoders use and record the
    /// statistics of each view by itself.
    /// </remarks>
    /// <exception cref="ArgumentException">The views do not have one shape, or do not fit the model.</exception>
    public MoCoOutput Loss(Tensor x1, Tensor x2, double momentum)
    {
        ArgumentNullException.ThrowIfNull(x1);
        ArgumentNullException.ThrowIfNull(x2);
        Require.Like(x2, x1.Shape, x1, nameof(MoCoV3), nameof(x2));
        DType compute = ComputeType ?? ParameterType;
        (x1, x2) = (x1.Cast(compute), x2.Cast(compute));

        NdArray? features = null;
        (Tensor q1, Tensor q2) = OfBothViews(x1, x2, (images, groups) => Query(images, groups, ref features));
        EmaStep.Apply(_averages, _sources, momentum);
        (Tensor k1, Tensor k2) = Keys(x1, x2);
        Tensor loss = InfoNce.Apply(q1, k2, Temperature) + InfoNce.Apply(q2, k1, Temperature);
        return new MoCoOutput(loss, q1, q2, k1, k2, features!.Rows(0, x1.Shape[0]));
    }

    /// <summary>Features of images by the base encoder in evaluation mode, off the tape.</summary>
    /// <param name="images">[B, channels, H, W], standardized.</param>
    /// <returns>[B, feature width], in the type of the parameters; the step scope of the caller owns it.</returns>
    public NdArray Features(Tensor images)
    {
        ArgumentNullException.ThrowIfNull(images);
        bool wasTraining = BaseEncoder.IsTraining;
        BaseEncoder.Train(false);
        try
        {
            using var scope = new StepScope();
            using var noGrad = new NoGrad();
            Tensor features = BaseEncoder.Features(images.Cast(ComputeType ?? ParameterType));
            return scope.Keep(features.Data.Cast(ParameterType));
        }
        finally
        {
            BaseEncoder.Train(wasTraining);
        }
    }

    /// <summary>Makes the momentum encoder's parameters those of the base encoder; running statistics stay.</summary>
    public void CopyBaseToMomentum()
    {
        for (int i = 0; i < _averages.Length; i++)
        {
            _averages[i].Backend.Copy(_sources[i], _averages[i]);
            _averages[i].Storage.MarkChanged();
        }
    }

    internal override void InitializeOwn(IBackend backend, DType dtype, ulong seed)
    {
        BaseEncoder.InitializeOwn(backend, dtype, seed);
        MomentumEncoder.InitializeLike(BaseEncoder, backend, dtype);
        Predictor?.InitializeOwn(backend, dtype, seed);
        _averages = [.. MomentumEncoder.Parameters().Select(parameter => parameter.Value.Data)];
        _sources = [.. BaseEncoder.Parameters().Select(parameter => parameter.Value.Data)];
    }

    // The first views come first, in a pass of their own or at the head of the shared one.
    private Tensor Query(Tensor images, int groups, ref NdArray? firstFeatures)
    {
        Tensor features = BaseEncoder.Features(images, groups);
        firstFeatures ??= features.Data;
        Tensor z = BaseEncoder.Projector.Forward(features, groups);
        return (Predictor?.Forward(z, groups) ?? z).Cast(ParameterType);
    }

    private (Tensor K1, Tensor K2) Keys(Tensor x1, Tensor x2)
    {
        using var scope = new StepScope();
        using var noGrad = new NoGrad();
        (Tensor k1, Tensor k2) = OfBothViews(
            x1, x2, (images, groups) => MomentumEncoder.Forward(images, groups).Cast(ParameterType));
        return (scope.Keep(k1), scope.Keep(k2));
    }

    private (Tensor First, Tensor Second) OfBothViews(Tensor x1, Tensor x2, Func<Tensor, int, Tensor> encode)
    {
        if (!SharesPass)
        {
            return (encode(x1, 1), encode(x2, 1));
        }

        int batch = x1.Shape[0];
        Tensor both = encode(Concat.Apply([x1, x2], axis: 0), Views);
        return (Slice.Apply(both, 0, 0, batch), Slice.Apply(both, 0, batch, Views * batch));
    }
}

/// <summary>Loss of one step, and the embeddings it compares.</summary>
/// <param name="Loss">Scalar, on the tape.</param>
/// <param name="Q1">Predictions for the first view, [B, d], not normalized.</param>
/// <param name="Q2">Predictions for the second view.</param>
/// <param name="K1">The momentum encoder's embeddings of the first view; constants.</param>
/// <param name="K2">The momentum encoder's embeddings of the second view.</param>
/// <param name="Features">
/// The base encoder's features of the first view, [B, D], in the type of the activations; valid until the backward
/// pass.
/// </param>
public sealed record MoCoOutput(Tensor Loss, Tensor Q1, Tensor Q2, Tensor K1, Tensor K2, NdArray Features);
