using CudaViT.Core;
using CudaViT.Data.Sets;
using CudaViT.Data.Views;
using CudaViT.Training.Evaluation;
using CudaViT.Training.Models;
using CudaViT.Training.Models.Nn;
using CudaViT.Training.Models.Vit;
using CudaViT.Training.Settings;

namespace CudaViT.Training.Reports.Pictures;

/// <summary>
/// Makes the pictures of a report from an encoder and its data. The encoder is used in evaluation mode and left as it
/// was, and no random number is drawn that anything else draws: a run is the same bits with it and without.
/// </summary>
public sealed class PictureMaker
{
    // Enough to judge by, and few enough to be looked at and embedded.
    private const int Pairs = 8;
    private const int Queries = 8;
    private const int Neighbours = 8;
    private const int Candidates = 2000; // among which neighbours are looked for, whatever the size of the data
    private const int AttentionImages = 6;
    private const int ComponentImages = 8;

    private readonly Encoder _encoder;
    private readonly TrainSettings _settings;
    private readonly DatasetSplits _data;
    private readonly ImageInput _input;
    private readonly IImageDataset _shown;
    private readonly PictureSource _source;
    private readonly WorkWatch? _watch;

    private PictureMaker(
        Encoder encoder, TrainSettings settings, DatasetSplits data, IBackend backend, WorkWatch? watch)
    {
        (_encoder, _settings, _data, _watch) = (encoder, settings, data, watch);
        _input = new ImageInput(settings, backend, data.Train.Normalization);
        _shown = data.HeldOut ?? data.Train;
        _source = new PictureSource(_shown, settings.Model.ImageSize);
    }

    /// <summary>Makes all pictures.</summary>
    /// <param name="encoder">The encoder, in whatever mode.</param>
    /// <param name="settings">What it is trained with, its channels those of the data.</param>
    /// <param name="data">Images; those that are held out are shown, or else training images.</param>
    /// <param name="backend">Where the encoder is.</param>
    /// <param name="step">Steps that the encoder was trained.</param>
    /// <param name="watch">Is told how far it is; null for nobody.</param>
    /// <exception cref="InputException">Images cannot be read, or the encoder gives no numbers.</exception>
    public static RunPictures Make(
        Encoder encoder,
        TrainSettings settings,
        DatasetSplits data,
        IBackend backend,
        long step,
        WorkWatch? watch = null)
    {
        ArgumentNullException.ThrowIfNull(encoder);
        ArgumentNullException.ThrowIfNull(settings);
        ArgumentNullException.ThrowIfNull(data);
        bool wasTraining = encoder.IsTraining;
        encoder.Train(false);
        try
        {
            using var scope = new StepScope();
            using var noGrad = new NoGrad();
            return new PictureMaker(encoder, settings, data, backend, watch).Make(step);
        }
        finally
        {
            encoder.Train(wasTraining);
        }
    }

    /// <summary>Makes those pictures that need no encoder: images with their two views.</summary>
    /// <param name="settings">What the encoder is trained with, its channels those of the data.</param>
    /// <param name="data">Images; training images are shown.</param>
    /// <param name="step">Steps that the encoder was trained.</param>
    /// <exception cref="InputException">Images cannot be read.</exception>
    public static RunPictures Views(TrainSettings settings, DatasetSplits data, long step)
    {
        ArgumentNullException.ThrowIfNull(settings);
        ArgumentNullException.ThrowIfNull(data);
        AugmentationSettings augmentation =
            settings.Views.ToAugmentation(settings.Model.ImageSize, settings.Recipe.CropMinimum);
        var training = new PictureSource(data.Train, settings.Model.ImageSize);
        return new RunPictures
        {
            Step = step,
            Pairs = [.. training.Choose(Pairs).Select(index => training.Views(index, augmentation, settings.Seed))],
        };
    }

    private RunPictures Make(long step)
    {
        IReadOnlyList<int> shown = _source.Choose(Math.Max(AttentionImages, ComponentImages));
        IReadOnlyList<Inspection> inspected = _encoder is VisionTransformer transformer
            ? [.. shown.Select(index => Inspect(transformer, index))]
            : [];
        var neighbours = new NeighbourSearch(_data, _settings, Features, _watch);
        return Views(_settings, _data, step) with
        {
            Neighbours = neighbours.Rows(_source.Choose(Queries), Neighbours, Candidates),
            NeighbourSource = neighbours.Describe(Candidates),
            Attention = [.. inspected.Take(AttentionImages).Select(Attention)],
            Components = inspected.Count == 0 ? null : Components(inspected),
        };
    }

    private float[] Features(ReadOnlySpan<byte> pixels)
    {
        using var scope = new StepScope();
        Tensor images = _input.ToTensor(pixels).Cast(_settings.Dtype);
        return _encoder.Features(images).Data.Cast(DType.F32).ToArray<float>();
    }

    // One image at a time: the probabilities of a large grid take more memory than the network.
    private Inspection Inspect(VisionTransformer transformer, int index)
    {
        using var scope = new StepScope();
        Tensor image = _input.ToTensor(_source.Pixels(index)).Cast(_settings.Dtype);
        (NdArray attention, Tensor tokens) = transformer.Inspect(image);
        return new Inspection(
            _source.Picture(index),
            transformer,
            attention.Cast(DType.F64).ToArray<double>(),
            tokens.Data.Cast(DType.F64).ToArray<double>());
    }

    private static AttentionRow Attention(Inspection inspected)
    {
        double[][] heads = inspected.HeadMaps();
        double[] mean = [.. Enumerable.Range(0, heads[0].Length).Select(i => heads.Average(head => head[i]))];
        return new AttentionRow(
            inspected.Image,
            HeatMap.Of(mean, inspected.Grid),
            [.. heads.Select(head => HeatMap.Of(head, inspected.Grid))]);
    }

    private static PatchComponents Components(IReadOnlyList<Inspection> inspected)
    {
        (IReadOnlyList<Picture> maps, IReadOnlyList<double> shares) = PatchColors.Of(
            [.. inspected.Select(image => image.PatchFeatures())], inspected[0].Grid);
        return new PatchComponents([.. inspected.Zip(maps, (image, map) => (image.Image, map))], shares);
    }

    /// <summary>What the last block did with one image.</summary>
    /// <param name="Image">The image.</param>
    /// <param name="Network">The network.</param>
    /// <param name="Probabilities">[heads, T, T].</param>
    /// <param name="Tokens">[T, D].</param>
    private sealed record Inspection(
        Picture Image, VisionTransformer Network, double[] Probabilities, double[] Tokens)
    {
        public int Grid => Network.Grid;

        private int First => Network.HasClassToken ? 1 : 0;

        private int TokenCount => (Grid * Grid) + First;

        // The class token's row of each head; without one, the mean over all rows: how much each patch is looked at.
        public double[][] HeadMaps()
        {
            int count = TokenCount;
            int rows = Network.HasClassToken ? 1 : count;
            return [.. Enumerable.Range(0, Probabilities.Length / (count * count)).Select(head =>
                Enumerable.Range(First, Grid * Grid).Select(patch =>
                    Enumerable.Range(0, rows).Average(row => Probabilities[(((head * count) + row) * count) + patch]))
                .ToArray())];
        }

        public double[][] PatchFeatures()
        {
            int width = Tokens.Length / TokenCount;
            return [.. Enumerable.Range(First, Grid * Grid).Select(token =>
                Tokens.AsSpan(token * width, width).ToArray())];
        }
    }
}
