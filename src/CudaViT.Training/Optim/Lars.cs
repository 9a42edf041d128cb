using CudaViT.Core;

namespace CudaViT.Training.Optim;

/// <summary>
/// LARS; the rule is <see cref="LarsStep"/> for weights. Parameters of one axis get no decay and no trust ratio, which
/// leaves <see cref="SgdStep"/>. State: <c>mu</c>.
/// </summary>
/// <param name="groups">What to update; see <see cref="ParameterGroup.Of"/>.</param>
/// <param name="momentum">Momentum.</param>
/// <param name="trustCoefficient">Length of a step relative to that of the parameter, at learning rate 1.</param>
public sealed class Lars(
    IReadOnlyList<ParameterGroup> groups, double momentum = 0.9, double trustCoefficient = 0.001)
    : Optimizer(groups, "mu")
{
    private protected override void Update(
        IReadOnlyList<OptimizerSlot> slots, bool areVectors, double learningRate, double weightDecay)
    {
        if (areVectors)
        {
            SgdStep.Apply(slots, learningRate, momentum, weightDecay: 0);
        }
        else
        {
            LarsStep.Apply(slots, learningRate, momentum, weightDecay, trustCoefficient);
        }
    }
}
