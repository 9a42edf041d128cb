using CudaViT.Core;

namespace CudaViT.Training.Checkpoints;

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
