using CudaViT.Training.Settings;

namespace CudaViT.Training.Checkpoints.Export;

/// <summary>What was exported.</summary>
/// <param name="Source">The file that was read.</param>
/// <param name="Output">The file that was written.</param>
/// <param name="Tensors">Tensors in it.</param>
/// <param name="SizeInBytes">Its length.</param>
/// <param name="Model">The model.</param>
public sealed record ExportReport(string Source, string Output, int Tensors, long SizeInBytes, ModelSettings Model);
