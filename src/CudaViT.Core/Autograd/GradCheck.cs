namespace CudaViT.Core;

/// <summary>
/// Compares gradients with central differences in float64, on every element of the inputs.
/// </summary>
/// <remarks>
/// <para>
/// The function is reduced to a number by a random upstream gradient, L = Σ u·f(x): with all ones, the errors of
/// operations whose outputs sum to a constant (softmax, layer normalization) would cancel. The step is near the cube
/// root of the machine epsilon, where truncation and rounding balance, and becomes smaller where f is not finite on
/// both sides.
/// </para>
/// <para>
/// Each element is held against its own size and against the rounding of those outputs that it moves, so that neither a
/// large neighbour nor a large output elsewhere can hide that a small one is wrong. An element that disagrees is looked
/// at with half the step: where the second difference L(x+h) − 2L(x) + L(x−h) shrinks by two instead of four, the
/// function has a kink. What is no kink is looked at with ever smaller steps, because the first may be too large for a
/// function that bends so near, and because f may round more on its way than its outputs tell: how much, shows in how
/// the differences scatter.
/// </para>
/// </remarks>
public static class GradCheck
{
    /// <summary>Step of the differences, for inputs of order one.</summary>
    public const double Step = 6e-6;

    /// <summary>Largest difference allowed beyond rounding, relative to the element.</summary>
    public const double RelativeBound = 1e-7;

    /// <summary>Checks a function of one tensor and throws unless it passes.</summary>
    /// <param name="function">Must not depend on anything that changes between calls.</param>
    /// <param name="x">Where to check; F64, any shape.</param>
    /// <exception cref="GradCheckException">The verdict is not <see cref="GradCheckVerdict.Pass"/>.</exception>
    /// <exception cref="ArgumentException"><paramref name="x"/> is not F64.</exception>
    public static void Run(Func<Tensor, Tensor> function, Tensor x) => Run(inputs => function(inputs[0]), x);

    /// <summary>Checks a function of several tensors by all of them and throws unless it passes.</summary>
    /// <param name="function">Must not depend on anything that changes between calls.</param>
    /// <param name="inputs">Where to check; F64.</param>
    /// <exception cref="GradCheckException">The verdict is not <see cref="GradCheckVerdict.Pass"/>.</exception>
    /// <exception cref="ArgumentException">An input is not F64.</exception>
    public static void Run(Func<Tensor[], Tensor> function, params Tensor[] inputs)
    {
        GradCheckReport report = Examine(function, inputs);
        if (report.Verdict != GradCheckVerdict.Pass)
        {
            throw new GradCheckException(report);
        }
    }

    /// <summary>Checks a function of several tensors by all of them.</summary>
    /// <param name="function">Must not depend on anything that changes between calls.</param>
    /// <param name="inputs">Where to check; F64.</param>
    /// <exception cref="ArgumentException">An input is not F64, or there is none.</exception>
    public static GradCheckReport Examine(Func<Tensor[], Tensor> function, params Tensor[] inputs)
    {
        ArgumentNullException.ThrowIfNull(function);
        ArgumentNullException.ThrowIfNull(inputs);
        foreach (Tensor input in inputs)
        {
            if (input.DType != DType.F64)
            {
                throw new ArgumentException($"Gradient checks run in F64, but an input is {input.DType}.");
            }
        }

        return inputs.Length == 0
            ? throw new ArgumentException("A gradient check needs at least one input.")
            : new GradCheckExamination(function, inputs).Run();
    }
}
