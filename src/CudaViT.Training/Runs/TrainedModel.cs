using System.Text.Json;
using System.Text.Json.Nodes;
using CudaViT.Core;
using CudaViT.Training.Checkpoints;
using CudaViT.Training.MoCo;
using CudaViT.Training.Settings;

namespace CudaViT.Training.Runs;

/// <summary>A model from a checkpoint or a <c>final.safetensors</c>, to be used rather than trained.</summary>
public sealed class TrainedModel
{
    private TrainedModel(TrainSettings settings, MoCoV3 model) => (Settings, Model) = (settings, model);

    /// <summary>What it was trained with.</summary>
    public TrainSettings Settings { get; }

    /// <summary>The model.</summary>
    public MoCoV3 Model { get; }

    /// <summary>Reads a file that training wrote.</summary>
    /// <param name="path">A safetensors file with the settings in its header.</param>
    /// <param name="backend">Device to put the model on.</param>
    /// <exception cref="InputException">
    /// The file cannot be read, has no settings, or its tensors do not fit them.
    /// </exception>
    public static TrainedModel Open(string path, IBackend backend)
    {
        using SafetensorsFile file = SafetensorsFile.Open(path);
        TrainSettings settings = ReadSettings(file, path);
        var model = new MoCoV3(settings.Model, settings.Recipe.Temperature) { ComputeType = settings.Dtype };
        model.Initialize(backend, settings.ParameterType, settings.Seed);
        using var scope = new StepScope();
        model.Load(TensorFile.Read(file, backend, path)
            .Where(pair => !pair.Key.StartsWith(Learner.OptimizerPrefix, StringComparison.Ordinal))
            .ToDictionary());
        return new TrainedModel(settings, model);
    }

    private static TrainSettings ReadSettings(SafetensorsFile file, string path)
    {
        if (!file.Metadata.TryGetValue(TrainSettings.MetadataKey, out string? json))
        {
            throw new CheckpointException(
                $"{path}: the file does not say what model it holds; expected one that cudavit train wrote; "
                + "name a checkpoint or a final.safetensors.");
        }

        try
        {
            return SettingsJson.Merge(new TrainSettings(), (JsonObject)JsonNode.Parse(json)!, path);
        }
        catch (Exception e) when (e is JsonException or InvalidCastException)
        {
            throw new CheckpointException($"{path}: the settings in its header are damaged; copy the file again.", e);
        }
    }
}
