using System.Globalization;
using CudaViT.Core;

namespace CudaViT.Training.Optim;

/// <summary>
/// The numbers of a step that the host needs, gathered on the device so that it waits for them once, not once for each.
/// </summary>
internal sealed class StepReadings
{
    private readonly GradientNorms _norms;
    private readonly int _scalars;
    private readonly NdArray _all; // F64: the scalars, then the squared gradients

    /// <summary>Asks for them, after the backward pass. The step scope of the caller owns what is allocated.</summary>
    /// <param name="norms">Lengths of gradients.</param>
    /// <param name="scalars">Anything else, such as the loss; at least one.</param>
    public StepReadings(GradientNorms norms, params NdArray[] scalars)
    {
        (_norms, _scalars) = (norms, scalars.Length);
        IEnumerable<NdArray> wide = scalars.Select(scalar => scalar.Cast(DType.F64).Reshape(1));
        NdArray[] parts = [.. wide, .. norms.Squares is { } squares ? [squares] : Array.Empty<NdArray>()];
        _all = scalars[0].Backend.Concat(parts, axis: 0);
    }

    /// <summary>Waits for the values.</summary>
    /// <returns>The scalars, and the length of each set of gradients.</returns>
    public (double[] Scalars, IReadOnlyList<double?> Norms) Read()
    {
        double[] values = _all.ToArray<double>();
        return (values[.._scalars], _norms.Lengths(values.AsSpan(_scalars)));
    }
}

/// <summary>Training has left the numbers: nothing was updated, and checkpoints written before are whole.</summary>
public sealed class DivergedException(string message) : InputException(message)
{
    /// <summary>Throws where a step computed what is no number.</summary>
    /// <param name="value">What a step computed.</param>
    /// <param name="what">What it is.</param>
    /// <param name="step">Number of the step, from 1.</param>
    /// <param name="rate">Learning rate of the step.</param>
    /// <exception cref="DivergedException"><paramref name="value"/> is not finite.</exception>
    internal static void RequireFinite(double value, string what, long step, double rate)
    {
        if (!double.IsFinite(value))
        {
            throw new DivergedException(string.Create(
                CultureInfo.InvariantCulture,
                $"step {step}: {what} is {value}; expected a finite number; "
                + $"lower recipe.baseLearningRate (the rate was {rate:g3}), or find the operation with --anomaly. "
                + $"Checkpoints written before are untouched."));
        }
    }
}
