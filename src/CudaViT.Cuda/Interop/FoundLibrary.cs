namespace CudaViT.Cuda;

/// <summary>What a search for a library came to.</summary>
public sealed record FoundLibrary
{
    /// <summary>What was looked for.</summary>
    public required CudaLibrary Library { get; init; }

    /// <summary>The file that was loaded; null where none could be.</summary>
    public string? Path { get; init; }

    /// <summary>The version that the library itself states; null where it states none or there is no library.</summary>
    public Version? Version { get; init; }

    /// <summary>Where it was looked for, in order, each with what was there: one line per place.</summary>
    public required IReadOnlyList<string> Tried { get; init; }

    /// <summary>Why there is no library, and what to do about it, in one line; null where there is one.</summary>
    public string? Problem { get; init; }

    /// <summary>Whether the library is loaded.</summary>
    public bool IsFound => Problem is null;
}
