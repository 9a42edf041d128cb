using CudaViT.Core;
using CudaViT.TestKit;
using CudaViT.Training.Methods.MoCoV3;
using CudaViT.Training.Models.Nn;
using CudaViT.Training.Settings;

namespace CudaViT.Training.Tests.MoCo;

/// <summary>A model small enough for many steps, and inputs for it.</summary>
internal static class TinyMoCo
{
    public const int Batch = 6;

    public static ModelSettings Settings { get; } = new()
    {
        ImageSize = 8,
        Channels = 2,
        Patch = 4,
        Width = 16,
        Depth = 2,
        Heads = 2,
        HeadHidden = 24,
        HeadOutput = 8,
        FreezePatch = true,
    };

    public static MoCoV3 Create(TestRun run, ModelSettings? settings = null, DType dtype = DType.F32)
    {
        var model = new MoCoV3(settings ?? Settings, temperature: 0.2);
        model.Initialize(run.Backend, dtype, seed: 1);
        return model;
    }

    public static Tensor Images(MoCoV3 model, int seed, ModelSettings? settings = null)
    {
        settings ??= Settings;
        NdArray like = model.BaseEncoder.Parameters().First().Value.Data;
        Shape shape = [Batch, settings.Channels, settings.ImageSize, settings.ImageSize];
        return new Tensor(NdArray.FromDoubles(like.Backend, Values.Normal(shape.Count, seed), shape, like.DType));
    }

    /// <summary>The bytes of everything a model or optimizer keeps, by name.</summary>
    public static Dictionary<string, byte[]> Bits(IEnumerable<NamedArray> state) => state.ToDictionary(
        entry => entry.Name,
        entry =>
        {
            byte[] bytes = new byte[entry.Array.SizeInBytes];
            entry.Array.Backend.CopyToHost(entry.Array, bytes);
            return bytes;
        });
}
