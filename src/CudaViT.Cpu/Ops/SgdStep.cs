using System.Numerics;
using System.Runtime.Intrinsics;
using CudaViT.Core;

namespace CudaViT.Cpu;

public sealed partial class CpuBackend
{
    /// <inheritdoc/>
    public void SgdStep(IReadOnlyList<OptimizerSlot> slots, double learningRate, double momentum, double weightDecay)
    {
        foreach (OptimizerSlot slot in slots)
        {
            if (slot.Parameter.DType == DType.F64)
            {
                MomentumStep<double>(slot, learningRate, momentum, weightDecay, gradientScale: 1);
            }
            else
            {
                MomentumStep<float>(slot, learningRate, momentum, weightDecay, gradientScale: 1);
            }
        }
    }

    /// <summary>μ ← β·μ + s·(g + λp); p ← p − η·μ. LARS finds its scale s before.</summary>
    private void MomentumStep<T>(
        OptimizerSlot slot, double learningRate, double momentum, double weightDecay, double gradientScale)
        where T : unmanaged, INumberBase<T> =>
        ForEachChunk(slot.Parameter.Count, 3, (start, end) =>
        {
            var range = new Range((int)start, (int)end);
            Span<T> parameter = slot.Parameter.Span<T>()[range];
            Span<T> average = slot.First.Span<T>()[range];
            ReadOnlySpan<T> gradient = slot.Gradient.ReadSpan<T>()[range];
            Vector256<T> rate = Lanes.All<T>(learningRate);
            Vector256<T> keep = Lanes.All<T>(momentum);
            Vector256<T> decay = Lanes.All<T>(weightDecay);
            Vector256<T> scale = Lanes.All<T>(gradientScale);
            for (int i = 0, n; i < parameter.Length; i += n)
            {
                n = Lanes.Take(gradient, i);
                Vector256<T> p = Lanes.Load(parameter, i, n);
                Vector256<T> g = Lanes.Load(gradient, i, n) + (decay * p);
                Vector256<T> mu = (keep * Lanes.Load(average, i, n)) + (scale * g);
                Lanes.Store(mu, average, i, n);
                Lanes.Store(p - (rate * mu), parameter, i, n);
            }
        });
}
