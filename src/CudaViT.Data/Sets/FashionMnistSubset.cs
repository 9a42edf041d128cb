using CudaViT.Data.Pixels;

namespace CudaViT.Data.Sets;

/// <summary>
/// 10,000 images of Fashion-MNIST that come with the program: 28 x 28 grey, ten classes, 8,000 to train on and 2,000
/// held out, every class equally often.
/// </summary>
/// <remarks>Xiao, Rasul, Vollgraf, arXiv:1708.07747. How they were chosen: README.md beside the files.</remarks>
public static class FashionMnistSubset
{
    private static readonly string[] Classes =
    [
        "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
    ];

    private static readonly Lazy<InMemoryDataset> LazyTrain = new(() => Load("train", normalization: null));

    private static readonly Lazy<InMemoryDataset> LazyHeldOut = new(() => Load("t10k", Train.Normalization));

    /// <summary>800 images of each class, from the original training set.</summary>
    public static IImageDataset Train => LazyTrain.Value;

    /// <summary>200 images of each class, from the original test set; normalised like the training images.</summary>
    public static IImageDataset HeldOut => LazyHeldOut.Value;

    private static InMemoryDataset Load(string part, Normalization? normalization)
    {
        (string imagesName, string labelsName) = ($"{part}-images-idx3-ubyte.gz", $"{part}-labels-idx1-ubyte.gz");
        using Stream images = Open(imagesName);
        using Stream labels = Open(labelsName);
        DatasetFile[] files = [new(imagesName, images.Length), new(labelsName, labels.Length)];
        return IdxDataset.Create(
            $"Fashion-MNIST subset, {(normalization is null ? "training" : "held out")}",
            IdxFile.ReadImages(images, imagesName),
            IdxFile.ReadLabels(labels, labelsName),
            Classes.Length,
            Classes,
            normalization,
            files);
    }

    private static Stream Open(string name) =>
        typeof(FashionMnistSubset).Assembly.GetManifestResourceStream($"FashionMnist/{name}")
        ?? throw new InvalidOperationException($"The resource {name} was not built into this program.");
}
