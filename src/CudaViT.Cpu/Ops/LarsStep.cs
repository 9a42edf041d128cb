using System.Numerics;
using System.Runtime.Intrinsics;
using CudaViT.Core;

namespace CudaViT.Cpu;

public sealed partial class CpuBackend
{
    /// <inheritdoc/>
    public void LarsStep(
        IReadOnlyList<OptimizerSlot> slots, double learningRate, double momentum, double weightDecay,
        double trustCoefficient)
    {
        foreach (OptimizerSlot slot in slots)
        {
            if (slot.Parameter.DType == DType.F64)
            {
                LarsStep<double>(slot, learningRate, momentum, weightDecay, trustCoefficient);
            }
            else
            {
                LarsStep<float>(slot, learningRate, momentum, weightDecay, trustCoefficient);
            }
        }
    }

    private void LarsStep<T>(
        OptimizerSlot slot, double learningRate, double momentum, double weightDecay, double trustCoefficient)
        where T : unmanaged, INumberBase<T>
    {
        double parameterNorm = Math.Sqrt(SumOfSquares<T>(slot.Parameter));
        double gradientNorm = Math.Sqrt(SumSquares(slot.Parameter.Count, (sums, start, end) =>
        {
            ReadOnlySpan<T> parameter = slot.Parameter.ReadSpan<T>()[start..end];
            ReadOnlySpan<T> gradient = slot.Gradient.ReadSpan<T>()[start..end];
            Vector256<T> decay = Lanes.All<T>(weightDecay);
            for (int i = 0, n; i < gradient.Length; i += n)
            {
                n = Lanes.Take(gradient, i);
                sums = Lanes.AddSquares(sums, Lanes.Load(gradient, i, n) + (decay * Lanes.Load(parameter, i, n)));
            }

            return sums;
        }));

        double ratio = parameterNorm > 0 && gradientNorm > 0 ? trustCoefficient * parameterNorm / gradientNorm : 1;
        MomentumStep<T>(slot, learningRate, momentum, weightDecay, gradientScale: ratio);
    }
}
