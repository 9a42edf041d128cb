namespace CudaViT.Cuda;

/// <summary>One compilation: a kernel file for one build.</summary>
/// <param name="File">The file, with its entries and everything it includes.</param>
/// <param name="Build">What to compile it for.</param>
public sealed record KernelModule(KernelFile File, KernelBuild Build)
{
    /// <summary>File and build, for messages.</summary>
    public override string ToString() => $"{File.Name} ({Build.ToString().ToLowerInvariant()})";
}
