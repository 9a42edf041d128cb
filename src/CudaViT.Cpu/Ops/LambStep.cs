using System.Numerics;
using System.Runtime.Intrinsics;
using CudaViT.Core;

namespace CudaViT.Cpu;

public sealed partial class CpuBackend
{
    /// <inheritdoc/>
    public void LambStep(IReadOnlyList<OptimizerSlot> slots, in AdamSettings settings)
    {
        foreach (OptimizerSlot slot in slots)
        {
            if (slot.Parameter.DType == DType.F64)
            {
                LambStep<double>(slot, settings);
            }
            else
            {
                LambStep<float>(slot, settings);
            }
        }
    }

    private void LambStep<T>(OptimizerSlot slot, AdamSettings settings)
        where T : unmanaged, INumberBase<T>
    {
        double parameterNorm = Math.Sqrt(SumOfSquares<T>(slot.Parameter));
        double stepNorm = Math.Sqrt(SumSquares(slot.Parameter.Count, (sums, start, end) =>
        {
            ReadOnlySpan<T> parameter = slot.Parameter.ReadSpan<T>()[start..end];
            ReadOnlySpan<T> gradient = slot.Gradient.ReadSpan<T>()[start..end];
            Span<T> first = slot.First.Span<T>()[start..end];
            Span<T> second = slot.Second!.Span<T>()[start..end];
            var adam = new AdamLanes<T>(settings);
            Vector256<T> decay = Lanes.All<T>(settings.WeightDecay);
            for (int i = 0, n; i < gradient.Length; i += n)
            {
                n = Lanes.Take(gradient, i);
                Vector256<T> direction = adam.Update(gradient, first, second, i, n);
                sums = Lanes.AddSquares(sums, direction + (decay * Lanes.Load(parameter, i, n)));
            }

            return sums;
        }));

        double ratio = parameterNorm > 0 && stepNorm > 0 ? parameterNorm / stepNorm : 1;
        ForEachChunk(slot.Parameter.Count, 4, (start, end) =>
        {
            var range = new Range((int)start, (int)end);
            Span<T> parameter = slot.Parameter.Span<T>()[range];
            ReadOnlySpan<T> first = slot.First.ReadSpan<T>()[range];
            ReadOnlySpan<T> second = slot.Second!.ReadSpan<T>()[range];
            var adam = new AdamLanes<T>(settings);
            Vector256<T> decay = Lanes.All<T>(settings.WeightDecay);
            Vector256<T> rate = Lanes.All<T>(settings.LearningRate * ratio);
            for (int i = 0, n; i < parameter.Length; i += n)
            {
                n = Lanes.Take(first, i);
                Vector256<T> p = Lanes.Load(parameter, i, n);
                Lanes.Store(p - (rate * (adam.Direction(first, second, i, n) + (decay * p))), parameter, i, n);
            }
        });
    }
}
