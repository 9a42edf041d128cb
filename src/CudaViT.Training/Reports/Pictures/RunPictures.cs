namespace CudaViT.Training.Reports.Pictures;

/// <summary>The pictures of a report: what the encoder gets, and what it makes of it.</summary>
public sealed record RunPictures
{
    /// <summary>Training steps of the encoder.</summary>
    public required long Step { get; init; }

    /// <summary>Images with their two views, as the first epoch has them.</summary>
    public required IReadOnlyList<ViewPair> Pairs { get; init; }

    /// <summary>Images with those nearest to them in feature space.</summary>
    public required IReadOnlyList<NeighbourRow> Neighbours { get; init; }

    /// <summary>Where the neighbours come from, in words.</summary>
    public required string NeighbourSource { get; init; }

    /// <summary>Where the last block looks; empty for networks without attention.</summary>
    public IReadOnlyList<AttentionRow> Attention { get; init; } = [];

    /// <summary>Main directions of the patch features; null for networks without patches.</summary>
    public PatchComponents? Components { get; init; }
}
