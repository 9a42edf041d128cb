using System.Globalization;
using CudaViT.Core;

namespace CudaViT.Training.Runs.Shared;

/// <summary>A run cannot begin, go on or finish as asked; what it wrote before is whole.</summary>
public sealed class RunException(string message, Exception? inner = null) : InputException(message, inner)
{
    /// <summary>Throws where training has left the numbers.</summary>
    /// <param name="value">What a step computed.</param>
    /// <param name="what">What it is.</param>
    /// <param name="step">Number of the step, from 1.</param>
    /// <param name="rate">Learning rate of the step.</param>
    /// <exception cref="RunException"><paramref name="value"/> is not finite.</exception>
    internal static void RequireFinite(double value, string what, long step, double rate)
    {
        if (!double.IsFinite(value))
        {
            throw new RunException(string.Create(
                CultureInfo.InvariantCulture,
                $"step {step}: {what} is {value}; expected a finite number; "
                + $"lower recipe.baseLearningRate (the rate was {rate:g3}), or find the operation with --anomaly. "
                + $"Checkpoints written before are untouched."));
        }
    }
}
