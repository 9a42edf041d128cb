namespace CudaViT.Core;

/// <summary>Squared Euclidean lengths of many arrays at once: gradient norms.</summary>
public static class SumsOfSquares
{
    /// <summary>Sums the squares of each array's elements, in double precision whatever their type.</summary>
    /// <param name="arrays">F32 or F64, any shapes, on one device.</param>
    /// <returns>One sum per array, F64 [n]; stays on the device, so that nobody has to wait for it.</returns>
    /// <exception cref="ArgumentException">There is no array, or one is neither F32 nor F64.</exception>
    public static NdArray Apply(IReadOnlyList<NdArray> arrays)
    {
        ArgumentNullException.ThrowIfNull(arrays);
        if (arrays.Count == 0)
        {
            throw new ArgumentException("SumsOfSquares: there is no array.");
        }

        foreach (NdArray array in arrays)
        {
            if (array.DType is not (DType.F32 or DType.F64))
            {
                throw new ArgumentException(
                    $"SumsOfSquares: arrays must be F32 or F64, but one is {array.Description}.");
            }
        }

        return arrays[0].Backend.SumsOfSquares(arrays);
    }
}

public partial interface IBackend
{
    /// <summary>Returns the sum of squares of each array, F64 [n].</summary>
    NdArray SumsOfSquares(IReadOnlyList<NdArray> arrays);
}
