namespace CudaViT.Core;

/// <summary>Moves arrays in place towards others: an exponential moving average.</summary>
/// <remarks>
/// ξ ← ξ + (1 − m)(θ − ξ), which leaves ξ = θ exactly where it is, unlike mξ + (1 − m)θ. MoCo v3 averages its momentum
/// encoder so (arXiv:2104.02057, algorithm 1).
/// </remarks>
public static class EmaStep
{
    /// <summary>Updates all averages, one after another.</summary>
    /// <param name="averages">Arrays ξ, F32 or F64; updated.</param>
    /// <param name="sources">Arrays θ of the same shapes and types.</param>
    /// <param name="momentum">Weight m of the old values, in [0, 1].</param>
    /// <exception cref="ArgumentException">The two lists do not fit each other.</exception>
    public static void Apply(IReadOnlyList<NdArray> averages, IReadOnlyList<NdArray> sources, double momentum)
    {
        ArgumentNullException.ThrowIfNull(averages);
        ArgumentNullException.ThrowIfNull(sources);
        ArgumentOutOfRangeException.ThrowIfNegative(momentum);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(momentum, 1);
        if (averages.Count != sources.Count)
        {
            throw new ArgumentException($"EmaStep: there are {averages.Count} averages but {sources.Count} sources.");
        }

        for (int i = 0; i < averages.Count; i++)
        {
            (NdArray average, NdArray source) = (averages[i], sources[i]);
            if (average.Shape != source.Shape || average.DType != source.DType
                || average.DType is not (DType.F32 or DType.F64))
            {
                throw new ArgumentException(
                    $"EmaStep: average and source must have one shape and be F32 or F64, but they are "
                    + $"{average.Description} and {source.Description}.");
            }
        }

        if (averages.Count > 0)
        {
            averages[0].Backend.EmaStep(averages, sources, momentum);
            foreach (NdArray average in averages)
            {
                average.Storage.MarkChanged();
            }
        }
    }
}

public partial interface IBackend
{
    /// <summary>Moves averages in place towards sources of the same shapes and types.</summary>
    void EmaStep(IReadOnlyList<NdArray> averages, IReadOnlyList<NdArray> sources, double momentum);
}
