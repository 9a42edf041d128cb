using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using CudaViT.Core;

namespace CudaViT.Cpu;

public sealed partial class CpuBackend
{
    /// <inheritdoc/>
    public void AdamWStep(IReadOnlyList<OptimizerSlot> slots, in AdamSettings settings)
    {
        foreach (OptimizerSlot slot in slots)
        {
            if (slot.Parameter.DType == DType.F64)
            {
                AdamWStep<double>(slot, settings);
            }
            else
            {
                AdamWStep<float>(slot, settings);
            }
        }
    }

    private void AdamWStep<T>(OptimizerSlot slot, AdamSettings settings)
        where T : unmanaged, INumberBase<T> =>
        ForEachChunk(slot.Parameter.Count, 8, (start, end) =>
        {
            var range = new Range((int)start, (int)end);
            Span<T> parameter = slot.Parameter.Span<T>()[range];
            Span<T> first = slot.First.Span<T>()[range];
            Span<T> second = slot.Second!.Span<T>()[range];
            ReadOnlySpan<T> gradient = slot.Gradient.ReadSpan<T>()[range];
            var adam = new AdamLanes<T>(settings);
            Vector256<T> rate = Lanes.All<T>(settings.LearningRate);
            Vector256<T> shrink = Lanes.All<T>(1 - (settings.LearningRate * settings.WeightDecay));
            for (int i = 0, n; i < parameter.Length; i += n)
            {
                n = Lanes.Take(gradient, i);
                Vector256<T> direction = adam.Update(gradient, first, second, i, n);
                Lanes.Store((shrink * Lanes.Load(parameter, i, n)) - (rate * direction), parameter, i, n);
            }
        });

    /// <summary>Adam's averages and its direction, which AdamW and LAMB share.</summary>
    private readonly struct AdamLanes<T>(AdamSettings settings)
        where T : unmanaged, INumberBase<T>
    {
        private readonly Vector256<T> _keep1 = Lanes.All<T>(settings.Beta1);
        private readonly Vector256<T> _take1 = Lanes.All<T>(1 - settings.Beta1);
        private readonly Vector256<T> _keep2 = Lanes.All<T>(settings.Beta2);
        private readonly Vector256<T> _take2 = Lanes.All<T>(1 - settings.Beta2);
        private readonly Vector256<T> _scale1 = Lanes.All<T>(1 / settings.Correction1);
        private readonly Vector256<T> _scale2 = Lanes.All<T>(1 / Math.Sqrt(settings.Correction2));
        private readonly Vector256<T> _epsilon = Lanes.All<T>(settings.Epsilon);

        /// <summary>Moves both averages; returns û / (√v̂ + ε).</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Vector256<T> Update(ReadOnlySpan<T> gradient, Span<T> first, Span<T> second, int i, int n)
        {
            Vector256<T> g = Lanes.Load(gradient, i, n);
            Lanes.Store((_keep1 * Lanes.Load(first, i, n)) + (_take1 * g), first, i, n);
            Lanes.Store((_keep2 * Lanes.Load(second, i, n)) + (_take2 * (g * g)), second, i, n);
            return Direction(first, second, i, n);
        }

        /// <summary>û / (√v̂ + ε) of averages as they are.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Vector256<T> Direction(ReadOnlySpan<T> first, ReadOnlySpan<T> second, int i, int n) =>
            _scale1 * Lanes.Load(first, i, n) / ((Vector256.Sqrt(Lanes.Load(second, i, n)) * _scale2) + _epsilon);
    }
}
