using CudaViT.Core;

namespace CudaViT.Training.Optim;

/// <summary>
/// Adam with decoupled weight decay; the rule is <see cref="AdamWStep"/>. State: <c>m</c> and <c>v</c>.
/// </summary>
/// <param name="groups">What to update; see <see cref="ParameterGroup.Of"/>.</param>
/// <param name="beta1">Decay of the average of the gradient.</param>
/// <param name="beta2">Decay of the average of its square.</param>
/// <param name="epsilon">Added to the root of the second average.</param>
public sealed class AdamW(
    IReadOnlyList<ParameterGroup> groups, double beta1 = 0.9, double beta2 = 0.999, double epsilon = 1e-8)
    : Optimizer(groups, "m", "v")
{
    private protected override void Update(
        IReadOnlyList<OptimizerSlot> slots, bool areVectors, double learningRate, double weightDecay) =>
        AdamWStep.Apply(slots, new AdamSettings(learningRate, weightDecay, beta1, beta2, epsilon, StepCount));
}
