using CudaViT.Core;
using CudaViT.Training.Checkpoints;
using CudaViT.Training.Methods.MoCoV3;
using CudaViT.Training.Models.Nn;
using CudaViT.Training.Settings;

namespace CudaViT.Training.Tests.Support;

/// <summary>Files as training writes them, without any training.</summary>
internal static class ModelFile
{
    /// <summary>Writes a whole model with random values.</summary>
    /// <param name="path">The file.</param>
    /// <param name="backend">Any device.</param>
    /// <param name="model">Its settings.</param>
    /// <param name="extra">Name of a tensor that is not the model's.</param>
    /// <param name="data">How its images were opened; null for the usual way.</param>
    /// <param name="edit">Gets the name and the values of every floating-point tensor, which it may change.</param>
    /// <returns>The path.</returns>
    public static string Write(
        string path,
        IBackend backend,
        ModelSettings model,
        string? extra = null,
        DataSettings? data = null,
        Action<string, float[]>? edit = null)
    {
        using var scope = new StepScope();
        var whole = new MoCoV3(model, temperature: 1);
        whole.Initialize(backend, DType.F32, seed: 1);
        var random = new Random(1);
        List<NamedArray> state = [.. whole.State()];
        foreach (NamedArray named in state.Where(named => named.Array.Shape.Rank == 1))
        {
            // Off their usual zeros and ones, so that none can be ignored or swapped.
            named.Array.CopyFrom<float>(Array.ConvertAll(
                named.Array.ToArray<float>(), value => value + (0.2f * random.NextSingle())));
        }

        foreach (NamedArray named in state.Where(named => edit is not null && named.Array.DType == DType.F32))
        {
            float[] values = named.Array.ToArray<float>();
            edit!(named.Name, values);
            named.Array.CopyFrom<float>(values);
        }

        if (extra is not null)
        {
            state.Add(new NamedArray(extra, state[0].Array));
        }

        using FileStream stream = File.Create(path);
        TensorFile.Write(stream, state, new Dictionary<string, string>
        {
            [TrainSettings.MetadataKey] = SettingsJson.Write(
                new TrainSettings { Model = model, Data = data ?? new DataSettings() }),
        });
        return path;
    }
}
