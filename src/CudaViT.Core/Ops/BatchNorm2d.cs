namespace CudaViT.Core;

/// <summary><see cref="BatchNorm"/> of images: statistics per channel, over samples and pixels.</summary>
public static class BatchNorm2d
{
    /// <summary>Normalizes the channels of <paramref name="x"/>.</summary>
    /// <param name="x">[N, C, H, W] with C ≥ 1; F64, F32 or BF16.</param>
    /// <param name="weight">Scale [C], with the type of <paramref name="x"/>; null for 1.</param>
    /// <param name="bias">Shift [C], with the type of <paramref name="x"/>; null exactly when the scale is.</param>
    /// <param name="statistics">Running statistics, in the accumulator type of <paramref name="x"/>.</param>
    /// <param name="training">Whether to normalize with the batch's own statistics and to update the running
    /// ones.</param>
    /// <param name="momentum">Weight of a batch in the running statistics, in [0, 1].</param>
    /// <param name="epsilon">Added to the variance; positive.</param>
    /// <param name="groups">In training, number of equal runs of samples with statistics of their own.</param>
    /// <returns>[N, C, H, W], with the type of <paramref name="x"/>.</returns>
    /// <exception cref="ArgumentException">
    /// A shape, type or device does not fit, or a channel has fewer than two values in a group.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">
    /// Momentum, epsilon or the number of groups is out of range.
    /// </exception>
    public static Tensor Apply(
        Tensor x, Tensor? weight, Tensor? bias, BatchNormStatistics statistics, bool training, double momentum = 0.1,
        double epsilon = 1e-5, int groups = 1)
    {
        Require.Float(x, nameof(BatchNorm2d));
        if (x.Shape.Rank != 4 || x.Shape[1] == 0)
        {
            throw new ArgumentException(
                $"BatchNorm2d: x must be [N, C, H, W] with C >= 1, but its shape is {x.Shape}. For rows of features "
                + "use BatchNorm.");
        }

        return BatchNorm.Apply(nameof(BatchNorm2d), x, weight, bias, statistics, training, momentum, epsilon, groups);
    }
}
