using CudaViT.Core;

namespace CudaViT.Training.Optim;

/// <summary>Gradient descent with momentum; the rule is <see cref="SgdStep"/>. State: <c>mu</c>.</summary>
/// <param name="groups">What to update; see <see cref="ParameterGroup.Of"/>.</param>
/// <param name="momentum">Momentum.</param>
public sealed class Sgd(IReadOnlyList<ParameterGroup> groups, double momentum = 0.9)
    : Optimizer(groups, "mu")
{
    private protected override void Update(
        IReadOnlyList<OptimizerSlot> slots, bool areVectors, double learningRate, double weightDecay) =>
        SgdStep.Apply(slots, learningRate, momentum, weightDecay);
}
