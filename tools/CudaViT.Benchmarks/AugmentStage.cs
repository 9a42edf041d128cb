namespace CudaViT.Benchmarks;

/// <summary>A part of the way from a file to its views.</summary>
/// <param name="Name">What the peer calls it as well.</param>
/// <param name="Run">Does it for one image; what it returns is valid until the next call.</param>
/// <param name="IsRandom">Whether each side draws numbers of its own, so that their results differ.</param>
/// <param name="GivesFloats">Whether the bytes are those of float32 numbers, which may differ by roundings.</param>
internal sealed record AugmentStage(string Name, StageRun Run, bool IsRandom = false, bool GivesFloats = false);

/// <summary>Does a stage for one image.</summary>
internal delegate ReadOnlySpan<byte> StageRun(int image);
