namespace CudaViT.Core;

/// <summary>A part of one image of a batch, in pixels.</summary>
/// <param name="Image">Its place in the batch.</param>
/// <param name="Top">First row.</param>
/// <param name="Left">First column.</param>
/// <param name="Height">Rows.</param>
/// <param name="Width">Columns.</param>
public readonly record struct ImageBox(int Image, int Top, int Left, int Height, int Width);
