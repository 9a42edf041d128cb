using CudaViT.Data.Sets;

namespace CudaViT.Training.Runs.Shared;

/// <summary>
/// The images of a run that could not be decoded, whichever of its processes met them: checkpoints carry the list on.
/// </summary>
/// <param name="data">The images of the run.</param>
public sealed class LeftOutImages(DatasetSplits data)
{
    private readonly IImageDataset[] _sets = data.HeldOut is null ? [data.Train] : [data.Train, data.HeldOut];
    private IReadOnlyList<IReadOnlyList<DamagedImage>> _before = [];

    /// <summary>The images of the run.</summary>
    public DatasetSplits Data => data;

    /// <summary>
    /// Those among the training images, then those among the held-out ones, in the order of their names, which does not
    /// depend on who came across them when.
    /// </summary>
    public IReadOnlyList<IReadOnlyList<DamagedImage>> BySet => [.. _sets.Select((set, i) => (DamagedImage[])
        [.. (i < _before.Count ? _before[i] : [])
            .UnionBy(set.Damaged, image => image.Name)
            .OrderBy(image => image.Name, StringComparer.Ordinal)])];

    /// <summary>All of them.</summary>
    public IReadOnlyList<DamagedImage> All => [.. BySet.SelectMany(images => images)];

    /// <summary>Takes over what earlier processes met.</summary>
    /// <param name="before">One list for each data set; null for none.</param>
    internal void GoOn(IReadOnlyList<IReadOnlyList<DamagedImage>>? before) => _before = before ?? [];

    /// <summary>Lists them.</summary>
    /// <param name="note">Gets lines for the user.</param>
    internal void List(Action<string> note)
    {
        foreach ((IImageDataset set, IReadOnlyList<DamagedImage> images) in _sets.Zip(BySet))
        {
            if (images.Count > 0)
            {
                note($"{set.Name}: {images.Count} of {set.Count} images could not be decoded:");
            }

            foreach (DamagedImage image in images)
            {
                note($"  {image.Name}: {image.Reason}");
            }
        }
    }
}
