using CudaViT.Core;
using CudaViT.Data.Sets;

namespace CudaViT.Training.Checkpoints;

/// <summary>What the JSON file beside a checkpoint's tensors says. Its existence makes the checkpoint count.</summary>
/// <remarks>
/// Random numbers are a pure function of seed, epoch and sample, and the optimizer's moments are among the tensors, so
/// seed and position are all that is needed to go on with the same bits.
/// </remarks>
public sealed record CheckpointInfo
{
    /// <summary>The form of this record; <see cref="CheckpointFormat"/> has the history.</summary>
    public int Format { get; init; } = CheckpointFormat.Current;

    /// <summary>Training steps done.</summary>
    public required long Step { get; init; }

    /// <summary>Epoch that the next step belongs to, from 0.</summary>
    public required int Epoch { get; init; }

    /// <summary>Steps of that epoch that are done: where the data goes on.</summary>
    public required int StepInEpoch { get; init; }

    /// <summary>Seed of every random number of the run.</summary>
    public required ulong Seed { get; init; }

    /// <summary>Name of the preset that the settings began with.</summary>
    public required string Preset { get; init; }

    /// <summary>SHA-256 of the settings that decide the result, in hexadecimal.</summary>
    public required string SettingsDigest { get; init; }

    /// <summary>Evaluations done: one after each epoch; in pre-training also one before the first.</summary>
    public required int Evaluations { get; init; }

    /// <summary>
    /// Accuracy at this very step, 0 to 1: of kNN in pre-training, top-1 in fine-tuning; null if it was not measured
    /// here.
    /// </summary>
    public double? Accuracy { get; init; }

    /// <summary>Highest accuracy of the run so far, 0 to 1; null before the first.</summary>
    public double? BestAccuracy { get; init; }

    /// <summary>The images that the run is made with; null in checkpoints of older versions.</summary>
    public DatasetDigest? Data { get; init; }

    /// <summary>
    /// Training and held-out images that could not be decoded, as far as the run met them; null in checkpoints of older
    /// versions.
    /// </summary>
    public IReadOnlyList<IReadOnlyList<DamagedImage>>? LeftOut { get; init; }

    /// <summary>Name of the file with the tensors, in the same folder.</summary>
    public string TensorFile { get; init; } = "";

    /// <summary>Length of that file.</summary>
    public long TensorFileSizeInBytes { get; init; }

    /// <summary>SHA-256 of that file, in hexadecimal.</summary>
    public string TensorFileSha256 { get; init; } = "";
}

/// <summary>A checkpoint on disk whose checksum was found right.</summary>
/// <param name="TensorPath">Path of its safetensors file.</param>
/// <param name="Info">What its JSON file says.</param>
public sealed record Checkpoint(string TensorPath, CheckpointInfo Info)
{
    /// <summary>Copies its tensors to a device.</summary>
    /// <param name="backend">Device to put them on.</param>
    /// <exception cref="CheckpointException">A tensor has an element type that arrays do not have.</exception>
    /// <exception cref="SafetensorsException">The file cannot be read.</exception>
    public Dictionary<string, NdArray> Read(IBackend backend)
    {
        using SafetensorsFile file = SafetensorsFile.Open(TensorPath);
        return Checkpoints.TensorFile.Read(file, backend, TensorPath);
    }
}

/// <summary>A checkpoint cannot be written, or what was found in its place cannot be used.</summary>
public sealed class CheckpointException(string message, Exception? inner = null) : InputException(message, inner);
