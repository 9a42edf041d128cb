using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace CudaViT.Training.Data;

/// <summary>blend(background, value, factor) = background + factor (value - background), in float32, truncated.</summary>
internal readonly struct BlendKernel(int background, float factor) : IByteKernel
{
    private readonly Vector256<int> _background = Vector256.Create(background);
    private readonly Vector256<float> _start = Vector256.Create((float)background);
    private readonly Vector256<float> _factor = Vector256.Create(factor);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector256<byte> Apply(Vector256<byte> values)
    {
        Vector128<byte> low = values.GetLower();
        Vector128<byte> high = values.GetUpper();
        return ByteLanes.Narrow(
            Blend(ByteLanes.Widen(low)),
            Blend(ByteLanes.Widen(ByteLanes.UpperHalf(low))),
            Blend(ByteLanes.Widen(high)),
            Blend(ByteLanes.Widen(ByteLanes.UpperHalf(high))));
    }

    // What is below 0 is clipped after truncation, which makes no difference.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Vector256<int> Blend(Vector256<int> value)
    {
        Vector256<float> blended = _start + (_factor * Vector256.ConvertToSingle(value - _background));
        return Vector256.ConvertToInt32Native(Vector256.MinNative(blended, Vector256.Create(255f)));
    }
}
