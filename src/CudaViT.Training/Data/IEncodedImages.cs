namespace CudaViT.Training.Data;

/// <summary>Image files that lie somewhere, not decoded. Safe to use from several threads.</summary>
internal interface IEncodedImages
{
    int Count { get; }

    /// <summary>Where each shard begins; see <see cref="IImageDataset.ShardStarts"/>.</summary>
    IReadOnlyList<int> ShardStarts { get; }

    /// <summary>-1 without labels.</summary>
    int Label(int index);

    /// <summary>What to call an image in messages.</summary>
    string NameOf(int index);

    /// <summary>The bytes of one file, in the scratch memory.</summary>
    /// <exception cref="IOException">It cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    /// <exception cref="UndecodableImageException">It is too large to be an image.</exception>
    ReadOnlySpan<byte> Load(int index, ImageBuffer scratch);
}
