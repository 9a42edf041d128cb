using CudaViT.Data.Pixels;
using CudaViT.Data.Sets;

namespace CudaViT.Training.Tests.Support;

/// <summary>Noise in images that are all of other sizes, some long, some of one row, a few large.</summary>
internal sealed class MixedSizes(int count, int channels, int large = 90) : IImageDataset
{
    public string Name => "mixed sizes";

    public int Count => count;

    public int Channels => channels;

    public int ClassCount => 0;

    public IReadOnlyList<string>? ClassNames => null;

    public Normalization Normalization { get; } = channels == 3 ? Normalization.ImageNet : new([0.3f], [0.25f]);

    public int Label(int index) => -1;

    // Every other one says that it was twice as large before it was decoded.
    public ImageView Read(int index, ImageBuffer scratch, IDecodeScale? scale = null)
    {
        int height = index % 7 == 3 ? 1 : index % 5 == 2 ? large : 9 + index;
        int width = index % 5 == 2 ? large + 20 : 70 - index;
        Span<byte> pixels = scratch.Reserve(height * width * channels);
        var random = new Random(index);
        random.NextBytes(pixels);
        int times = 1 + (index % 2);
        return new ImageView(pixels, height, width, channels, times * height, times * width);
    }
}
