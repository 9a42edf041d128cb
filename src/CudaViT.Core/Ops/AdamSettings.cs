namespace CudaViT.Core;

/// <summary>The numbers of an <see cref="AdamWStep"/> or <see cref="LambStep"/>.</summary>
/// <param name="LearningRate">Step size; 0 leaves the parameters alone but moves the averages.</param>
/// <param name="WeightDecay">Decoupled weight decay.</param>
/// <param name="Beta1">Decay of the average of the gradient.</param>
/// <param name="Beta2">Decay of the average of its square.</param>
/// <param name="Epsilon">Added to the root of the second average.</param>
/// <param name="Step">Number of this update, from 1: corrects the averages' start from zero.</param>
public readonly record struct AdamSettings(
    double LearningRate, double WeightDecay, double Beta1, double Beta2, double Epsilon, long Step)
{
    /// <summary>1 − β₁ᵗ.</summary>
    public double Correction1 => 1 - Math.Pow(Beta1, Step);

    /// <summary>1 − β₂ᵗ.</summary>
    public double Correction2 => 1 - Math.Pow(Beta2, Step);
}
