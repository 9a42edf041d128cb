using System.Text.Json;
using System.Text.Json.Nodes;
using CudaViT.Core;
using CudaViT.Data.Pixels;
using CudaViT.Data.Sets;
using CudaViT.Training.Models;
using CudaViT.Training.Models.Nn;
using CudaViT.Training.Settings;

namespace CudaViT.Training.Checkpoints;

/// <summary>
/// The encoder of a checkpoint, of a <c>final.safetensors</c>, or of an imported or exported file, to be used rather
/// than trained.
/// </summary>
public sealed class TrainedModel
{
    /// <summary>What the names of the encoder's tensors begin with.</summary>
    internal const string EncoderPrefix = "base_encoder.";

    private TrainedModel(string path, TrainSettings settings, Encoder encoder) =>
        (Path, Settings, Encoder) = (path, settings, encoder);

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>What it was trained with.</summary>
    public TrainSettings Settings { get; }

    /// <summary>The encoder in evaluation mode; its head has no meaning.</summary>
    public Encoder Encoder { get; }

    /// <summary>Where the encoder is.</summary>
    public IBackend Backend => Encoder.Parameters().First().Value.Backend;

    /// <summary>Reads the encoder of a file that training or importing wrote.</summary>
    /// <param name="path">A safetensors file with the settings in its header.</param>
    /// <param name="backend">Device to put the encoder on.</param>
    /// <exception cref="InputException">
    /// The file cannot be read, has no settings, or its tensors do not fit them.
    /// </exception>
    public static TrainedModel Open(string path, IBackend backend)
    {
        using SafetensorsFile file = SafetensorsFile.Open(path);
        TrainSettings settings = ReadSettings(file, path);
        Encoder encoder = Declare(file, path, settings.Model);
        encoder.Initialize(backend, settings.ParameterType, settings.Seed);
        encoder.Train(false);
        encoder.Freeze();
        LoadBackbone(file, path, encoder, backend);
        return new TrainedModel(path, settings, encoder);
    }

    /// <summary>Copies what a file has of an encoder into one, without the head.</summary>
    /// <exception cref="CheckpointException">The tensors do not fit.</exception>
    internal static void LoadBackbone(SafetensorsFile file, string path, Encoder encoder, IBackend backend)
    {
        using var scope = new StepScope();
        string head = encoder.Head.Path[encoder.Path.Length..];
        Dictionary<string, NdArray> backbone = TensorFile.Read(file, backend, path, PrefixIn(file))
            .Where(pair => !pair.Key.StartsWith(head, StringComparison.Ordinal))
            .ToDictionary();
        try
        {
            encoder.LoadBackbone(backbone);
        }
        catch (StateException e)
        {
            throw new CheckpointException($"{path}: {e.Message}", e);
        }
    }

    /// <summary>
    /// What the names of the encoder's tensors begin with in a file: nothing in one that was exported for other
    /// programs, where they have the names of timm.
    /// </summary>
    internal static string PrefixIn(SafetensorsFile file) =>
        file.Tensors.Any(tensor => tensor.Name.StartsWith(EncoderPrefix, StringComparison.Ordinal))
            ? EncoderPrefix
            : "";

    /// <summary>The settings in the header of a file that training or importing wrote.</summary>
    /// <exception cref="CheckpointException">There are none, or they are damaged.</exception>
    public static TrainSettings ReadSettings(SafetensorsFile file, string path)
    {
        ArgumentNullException.ThrowIfNull(file);
        if (!file.Metadata.TryGetValue(TrainSettings.MetadataKey, out string? json))
        {
            throw new CheckpointException(
                $"{path}: the file does not say what model it holds; expected one that cudavit train or cudavit import "
                + $"wrote; name a checkpoint or a final.safetensors, or import it: cudavit import {path} --out "
                + "NAME.safetensors.");
        }

        try
        {
            TrainSettings settings = SettingsJson.Merge(new TrainSettings(), Parse(json), path);
            settings.Validate();
            return settings;
        }
        catch (Exception e) when (e is JsonException or SettingsException)
        {
            string why = e.Message.ReplaceLineEndings(" ").TrimEnd('.');
            throw new CheckpointException(
                $"{path}: the settings in its header are damaged ({why}); copy the file again.", e);
        }

        static JsonObject Parse(string json) =>
            JsonNode.Parse(json, documentOptions: new JsonDocumentOptions { AllowDuplicateProperties = false })
                as JsonObject ?? throw new JsonException("no object");
    }

    /// <summary>Builds the encoder of a file without values, and checks that the file has them all.</summary>
    /// <exception cref="CheckpointException">It lacks some, or they have another shape or type.</exception>
    internal static Encoder Declare(SafetensorsFile file, string path, ModelSettings model)
    {
        Encoder encoder = Encoders.Create(model with { HeadHidden = 1, HeadOutput = 1 }); // not used: no memory for it
        string prefix = PrefixIn(file);
        IReadOnlyList<StateEntry> layout = model.Classes is null ? encoder.BackboneLayout() : encoder.Layout();
        LayoutCheck.Require(path, layout, name =>
            file.Contains(prefix + name) ? file[prefix + name] : null);
        return encoder;
    }

    /// <summary>Throws unless the encoder takes images like those of a data set.</summary>
    /// <exception cref="CheckpointException">Their channels differ.</exception>
    public void RequireFit(IImageDataset dataset)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        if (Settings.Model.Channels != dataset.Channels)
        {
            throw new CheckpointException(
                $"{dataset.Name}: the images have {dataset.Channels} channels, but the model of {Path} takes "
                + $"{Settings.Model.Channels}; expected the same; choose other images.");
        }
    }

    /// <summary>Features of images, off the tape; the caller's step scope owns them.</summary>
    /// <param name="images">[B, channels, H, W], standardized.</param>
    /// <returns>[B, feature width], in the type of the parameters; finite.</returns>
    /// <exception cref="CheckpointException">A feature is no number, or infinite.</exception>
    public Tensor Features(Tensor images)
    {
        ArgumentNullException.ThrowIfNull(images);
        using var scope = new StepScope();
        using var noGrad = new NoGrad();
        Tensor features = Encoder.Features(images.Cast(Settings.Dtype)).Cast(Settings.ParameterType);
        return Backend.IndexOfNonFinite(features.Data) < 0 ? scope.Keep(features) : throw NotFinite(features.Data);
    }

    // Nothing that is made of such features says anything: a nearest neighbour would be the first image.
    private CheckpointException NotFinite(NdArray features)
    {
        string[] broken = [.. Encoder.BackboneState()
            .Where(named => named.Array.DType.IsFloatingPoint() && Backend.IndexOfNonFinite(named.Array) >= 0)
            .Select(named => named.Name)];
        int bad = features.ToDoubles().Chunk(features.Shape[1]).Count(row => !row.All(double.IsFinite));
        string why = broken.Length > 0
            ? $"{LayoutCheck.Shown(broken)} {(broken.Length == 1 ? "has" : "have")} such values already"
            : "all weights are finite, so the network overflows";
        return new CheckpointException(
            $"{Path}: the features of {bad} of {features.Shape[0]} images are not numbers or infinite, and {why}; "
            + "expected finite ones; use another checkpoint.");
    }

    /// <summary>Compares every tensor of the encoder with its file, bit for bit.</summary>
    /// <returns>How many there are.</returns>
    /// <exception cref="CheckpointException">One is not as it was read; the message names it.</exception>
    public int RequireUnchanged()
    {
        using var scope = new StepScope();
        using SafetensorsFile file = SafetensorsFile.Open(Path);
        IReadOnlyList<NamedArray> state = Encoder.BackboneState();
        Dictionary<string, NdArray> stored = TensorFile.Read(file, Backend, Path, PrefixIn(file));
        foreach (NamedArray named in state)
        {
            if (!Bytes(stored[named.Name].Cast(named.Array.DType)).AsSpan().SequenceEqual(Bytes(named.Array)))
            {
                throw new CheckpointException(
                    $"{Path}: {named.Name} is not as it was read; expected a frozen encoder; this is a bug, or the "
                    + "file was replaced meanwhile.");
            }
        }

        return state.Count;

        static byte[] Bytes(NdArray array)
        {
            byte[] bytes = new byte[array.SizeInBytes];
            array.Backend.CopyToHost(array, bytes);
            return bytes;
        }
    }

    /// <summary>Maps pixels to features.</summary>
    /// <param name="normalization">How pixels become numbers around zero.</param>
    public FeatureExtractor Extractor(Normalization normalization)
    {
        var input = new ImageInput(Settings, Backend, normalization);
        return pixels => Features(input.ToTensor(pixels)).Data;
    }
}
