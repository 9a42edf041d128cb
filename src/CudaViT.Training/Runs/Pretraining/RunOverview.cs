using CudaViT.Core;
using CudaViT.Data.Pixels;
using CudaViT.Data.Sets;
using CudaViT.Training.Models.Nn;
using CudaViT.Training.Runs.Shared;
using CudaViT.Training.Settings;

namespace CudaViT.Training.Runs.Pretraining;

/// <summary>What a run is going to learn from, known before there is a model.</summary>
public sealed record RunPreparation
{
    /// <summary>Resolved settings.</summary>
    public required TrainSettings Settings { get; init; }

    /// <summary>Name of the training data.</summary>
    public required string Data { get; init; }

    /// <summary>Images to train on.</summary>
    public required int TrainImages { get; init; }

    /// <summary>Images to judge by; 0 for none.</summary>
    public required int HeldOutImages { get; init; }

    /// <summary>
    /// Height and width in pixels of the first image, of which views are made; null if it is damaged.
    /// </summary>
    public required (int Height, int Width)? FirstImage { get; init; }

    /// <summary>Looks at images.</summary>
    /// <exception cref="DatasetException">They cannot be read.</exception>
    internal static RunPreparation Of(TrainSettings settings, DatasetSplits images, bool isJudged) => new()
    {
        Settings = settings,
        Data = images.Train.Name,
        TrainImages = images.Train.Count,
        HeldOutImages = isJudged ? images.HeldOut!.Count : 0,
        FirstImage = SizeOf(images.Train, 0),
    };

    private static (int Height, int Width)? SizeOf(IImageDataset images, int index)
    {
        try
        {
            ImageView image = images.Read(index, new ImageBuffer());
            return (image.FullHeight, image.FullWidth);
        }
        catch (UndecodableImageException)
        {
            return null; // it is counted, and listed at the end of the run
        }
    }
}

/// <summary>What is about to be trained.</summary>
public sealed record RunOverview
{
    /// <summary>Folder of the run.</summary>
    public required string Folder { get; init; }

    /// <summary>Resolved settings.</summary>
    public required TrainSettings Settings { get; init; }

    /// <summary>The device.</summary>
    public required IBackend Backend { get; init; }

    /// <summary>Training images, and those to judge by.</summary>
    public required DatasetSplits Images { get; init; }

    /// <summary>Images that could not be decoded, at any time.</summary>
    public required LeftOutImages LeftOut { get; init; }

    /// <summary>
    /// The encoder that is trained, as it is at any time: who looks at it leaves it as it was, its mode included.
    /// </summary>
    public required Encoder Encoder { get; init; }

    /// <summary>Images to judge by; 0 for none.</summary>
    public required int HeldOutImages { get; init; }

    /// <summary>Parameters of base encoder, projector and predictor.</summary>
    public required long Parameters { get; init; }

    /// <summary>Parameters that are trained.</summary>
    public required long TrainedParameters { get; init; }

    /// <summary>Steps in an epoch.</summary>
    public required int StepsPerEpoch { get; init; }

    /// <summary>Steps done already, in an earlier process.</summary>
    public required long StepsDone { get; init; }

    /// <summary>Steps of the whole run.</summary>
    public long Steps => (long)StepsPerEpoch * Settings.Recipe.Epochs;

    /// <summary>Name of the device.</summary>
    public string Device => Backend.Name;

    /// <summary>Name of the training data.</summary>
    public string Data => Images.Train.Name;

    /// <summary>Images to train on.</summary>
    public int TrainImages => Images.Train.Count;

    /// <summary>What <c>run.json</c> says of the run by now.</summary>
    internal RunRecord ToRecord() => new()
    {
        Device = Device,
        Data = Data,
        TrainImages = TrainImages,
        HeldOutImages = HeldOutImages,
        Parameters = Parameters,
        TrainedParameters = TrainedParameters,
        StepsPerEpoch = StepsPerEpoch,
        Damaged = LeftOut.All,
    };
}
