namespace CudaViT.Training.Settings;

/// <summary>The weights that a run begins with, unless they are drawn.</summary>
public sealed record InitSettings
{
    /// <summary>A file that training or importing wrote; null to draw initial values.</summary>
    public string? Path { get; init; }

    /// <summary>
    /// SHA-256 of the file in hexadecimal: what decides the result. Null to take that of the file, and its model with it.
    /// </summary>
    public string? Sha256 { get; init; }
}
