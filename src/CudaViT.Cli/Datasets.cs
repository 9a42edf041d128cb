using CudaViT.Images;
using CudaViT.Training.Data;
using CudaViT.Training.Settings;

namespace CudaViT.Cli;

/// <summary>Opens data sets with the decoders that this program has.</summary>
internal static class Datasets
{
    /// <summary>Opens what <c>--data</c> names, decoded as in the training that a model comes from.</summary>
    public static DatasetSplits Open(string? path, DataSettings trained) =>
        DatasetLocator.Open(path, limit: null, new ImageDecoder(), trained.ScaledDecoding);
}
