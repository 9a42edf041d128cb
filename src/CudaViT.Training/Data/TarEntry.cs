namespace CudaViT.Training.Data;

/// <summary>A file inside an archive.</summary>
/// <param name="Name">Its path in the archive.</param>
/// <param name="Offset">Where its content begins.</param>
/// <param name="SizeInBytes">Size of the content.</param>
internal readonly record struct TarEntry(string Name, long Offset, long SizeInBytes);
