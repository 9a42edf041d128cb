using System.Numerics;
using System.Runtime.Intrinsics;
using CudaViT.Core;

namespace CudaViT.Cpu;

public sealed partial class CpuBackend
{
    /// <inheritdoc/>
    public void EmaStep(IReadOnlyList<NdArray> averages, IReadOnlyList<NdArray> sources, double momentum)
    {
        for (int i = 0; i < averages.Count; i++)
        {
            if (averages[i].DType == DType.F64)
            {
                EmaStep<double>(averages[i], sources[i], momentum);
            }
            else
            {
                EmaStep<float>(averages[i], sources[i], momentum);
            }
        }
    }

    private void EmaStep<T>(NdArray average, NdArray source, double momentum)
        where T : unmanaged, INumberBase<T> =>
        ForEachChunk(average.Count, 2, (start, end) =>
        {
            var range = new Range((int)start, (int)end);
            Span<T> slow = average.Span<T>()[range];
            ReadOnlySpan<T> fast = source.ReadSpan<T>()[range];
            Vector256<T> rate = Lanes.All<T>(1 - momentum);
            for (int i = 0, n; i < slow.Length; i += n)
            {
                n = Lanes.Take(fast, i);
                Vector256<T> old = Lanes.Load(slow, i, n);
                Lanes.Store(old + (rate * (Lanes.Load(fast, i, n) - old)), slow, i, n);
            }
        });
}
