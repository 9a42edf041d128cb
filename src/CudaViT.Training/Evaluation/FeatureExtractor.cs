using CudaViT.Core;

namespace CudaViT.Training.Evaluation;

/// <summary>Maps images to features.</summary>
/// <param name="pixels">[count, size, size, channels].</param>
/// <returns>[count, D], F64 or F32.</returns>
public delegate NdArray FeatureExtractor(ReadOnlySpan<byte> pixels);
