namespace CudaViT.Training.Runs;

/// <summary>What a training step computed, apart from the update.</summary>
/// <param name="Loss">Contrastive loss, both directions summed.</param>
/// <param name="Lr">Learning rate of the update.</param>
/// <param name="Momentum">Momentum of the momentum encoder.</param>
/// <param name="GradientNorms">Lengths of the gradients.</param>
/// <param name="OutputStd">Spread of the normalised queries; see <see cref="StepMetrics.OutputStd"/>.</param>
public sealed record StepOutcome(double Loss, double Lr, double Momentum, PartNorms GradientNorms, double OutputStd);
