using CudaViT.Data.Pixels;

namespace CudaViT.Data.Sets;

/// <summary>Images of another data set that were chosen one by one.</summary>
internal sealed class DatasetSelection : IImageDataset
{
    private readonly IImageDataset _all;
    private readonly int[] _indices;

    /// <param name="all">The other data set.</param>
    /// <param name="indices">Which of its images, in ascending order.</param>
    /// <param name="name">What to call them.</param>
    public DatasetSelection(IImageDataset all, int[] indices, string name) =>
        (_all, _indices, Name) = (all, indices, name);

    public string Name { get; }

    public int Count => _indices.Length;

    public int Channels => _all.Channels;

    public int ClassCount => _all.ClassCount;

    public IReadOnlyList<string>? ClassNames => _all.ClassNames;

    public Normalization Normalization => _all.Normalization;

    public IReadOnlyList<int> ShardStarts => StartsOf(_all.ShardStarts, _indices);

    public int? LargestImageBytes => _all.LargestImageBytes;

    public IReadOnlyList<DamagedImage> Damaged => _all.Damaged;

    public IEnumerable<DatasetFile> Files => FilesOf(_all, _indices);

    public int Label(int index) => _all.Label(_indices[index]);

    public string NameOf(int index) => _all.NameOf(_indices[index]);

    public ImageView Read(int index, ImageBuffer scratch, IDecodeScale? scale = null) =>
        _all.Read(_indices[index], scratch, scale);

    /// <summary>The first image of each shard that has any left.</summary>
    /// <param name="starts">The first of each shard among all images.</param>
    /// <param name="indices">The images that are left, in ascending order.</param>
    public static int[] StartsOf(IReadOnlyList<int> starts, int[] indices) =>
    [
        .. starts
            .Select(start => Array.BinarySearch(indices, start))
            .Select(place => place < 0 ? ~place : place)
            .Distinct()
            .Where(place => place < indices.Length),
    ];

    /// <summary>The files of some images; all of them where a file is not that of one image.</summary>
    public static IEnumerable<DatasetFile> FilesOf(IImageDataset all, IEnumerable<int> indices)
    {
        DatasetFile[] files = [.. all.Files];
        return files.Length == all.Count ? indices.Select(index => files[index]) : files;
    }
}
