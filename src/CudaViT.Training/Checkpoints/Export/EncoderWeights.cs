using System.Runtime.InteropServices;
using CudaViT.Core;
using CudaViT.Training.Settings;

namespace CudaViT.Training.Checkpoints.Export;

/// <summary>The tensors of the encoder in a file that training or importing wrote, under their names in timm.</summary>
internal sealed class EncoderWeights(SafetensorsFile file, TrainSettings settings)
{
    private readonly string _prefix = TrainedModel.PrefixIn(file);

    public ModelSettings Model { get; } = settings.Model;

    /// <summary>Dimensions of a tensor.</summary>
    public IReadOnlyList<long> Shape(string name) => file[_prefix + name].Shape;

    /// <summary>Whether there is such a tensor.</summary>
    public bool Has(string name) => file.Contains(_prefix + name);

    /// <summary>Reads a tensor as float32.</summary>
    public float[] Read(string name)
    {
        string full = _prefix + name;
        byte[] bytes = file.ReadBytes(full);
        return file[full].DType switch
        {
            SafetensorsDType.F64 => Convert<double>(bytes, value => (float)value),
            SafetensorsDType.BF16 => Convert<BFloat16>(bytes, value => value),
            _ => MemoryMarshal.Cast<byte, float>(bytes).ToArray(),
        };
    }

    private static float[] Convert<T>(byte[] bytes, Converter<T, float> convert)
        where T : unmanaged => Array.ConvertAll(MemoryMarshal.Cast<byte, T>(bytes).ToArray(), convert);
}
