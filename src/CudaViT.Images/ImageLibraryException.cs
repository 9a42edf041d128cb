using CudaViT.Core;

namespace CudaViT.Images;

/// <summary>A library that decodes images is not installed.</summary>
public sealed class ImageLibraryException(string message) : InputException(message);
