using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace CudaViT.Training.Data;

/// <summary>255 - value where that is at least the threshold.</summary>
internal readonly struct SolarizeKernel(byte threshold) : IByteKernel
{
    private readonly Vector256<byte> _threshold = Vector256.Create(threshold);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector256<byte> Apply(Vector256<byte> values) =>
        values ^ Vector256.GreaterThanOrEqual(values, _threshold); // all bits of a byte are turned: 255 - value
}
