namespace CudaViT.Training.Data;

/// <summary>The content of an IDX file of images.</summary>
/// <param name="Pixels">[Count, Height, Width], 8-bit grey.</param>
/// <param name="Count">Number of images.</param>
/// <param name="Height">Rows of every image.</param>
/// <param name="Width">Columns of every image.</param>
public sealed record IdxImages(byte[] Pixels, int Count, int Height, int Width);
