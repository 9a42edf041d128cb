using CudaViT.Core;
using CudaViT.Data.Pixels;

namespace CudaViT.Data.Sets;

/// <summary>
/// Opens folders of image files, with a folder for each class, a file that names the classes, or without labels; what
/// the folders mean is the business of <see cref="FolderLayout"/>, which files are images that of
/// <see cref="FolderScan"/>.
/// </summary>
public static class ImageFolder
{
    /// <summary>Opens a folder.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="decoder">Makes pixels of the files.</param>
    /// <param name="scales">Whether to decode at a smaller size where that is enough.</param>
    /// <exception cref="DatasetException">There are no images, or the parts do not fit together.</exception>
    /// <exception cref="InputException">They cannot be decoded here.</exception>
    public static DatasetSplits Open(string folder, IImageDecoder decoder, bool scales = true) =>
        Open(folder, FolderScan.Of(folder, decoder), labels: null, decoder, scales);

    /// <summary>Opens a folder that was looked through.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="scan">What is in it.</param>
    /// <param name="labels">Where classes come from; see <see cref="DatasetRequest.Labels"/>.</param>
    /// <param name="decoder">Makes pixels of the files.</param>
    /// <param name="scales">Whether to decode at a smaller size where that is enough.</param>
    internal static DatasetSplits Open(
        string folder, FolderScan scan, string? labels, IImageDecoder decoder, bool scales)
    {
        if (scan.Images.Count == 0)
        {
            throw new DatasetException($"{folder}: there are no images in it. Name another folder.");
        }

        var layout = FolderLayout.Of(folder, scan, labels);
        foreach (ImageFormat format in
            layout.Train.Concat(layout.HeldOut).Select(image => image.File.Format).Distinct())
        {
            decoder.Require(format);
        }

        return new DatasetSplits(
            Part(layout.TrainFolder, layout.Train),
            layout.HeldOutFolder is { } part ? Part(part, layout.HeldOut) : null)
        {
            Summary = layout.Summary,
        };

        EncodedDataset Part(string name, IReadOnlyList<LabelledImage> images) => new(
            name == "" ? folder : Path.Combine(folder, name),
            new Files(folder, [.. images]),
            layout.Classes?.Length ?? 0,
            layout.Classes,
            decoder,
            scales);
    }

    private sealed class Files(string folder, LabelledImage[] images) : IEncodedImages
    {
        public int Count => images.Length;

        public IReadOnlyList<int> ShardStarts => [0];

        public int Label(int index) => images[index].Label;

        public string NameOf(int index) => images[index].File.Path;

        public string PathOf(int index) => Path.Combine(folder, images[index].File.Path);

        public long SizeOf(int index) => images[index].File.SizeInBytes;

        public ReadOnlySpan<byte> Load(int index, ImageBuffer scratch) =>
            EncodedFile.Read(PathOf(index), offset: 0, sizeInBytes: null, scratch);
    }
}
