using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace CudaViT.Training.Data;

/// <summary>blend(grey, value, factor) = grey + factor (value - grey), in float32, clipped and truncated.</summary>
internal readonly struct SaturationKernel(float factor) : IRgbKernel
{
    private readonly Vector256<float> _factor = Vector256.Create(factor);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Apply(ref Vector256<int> red, ref Vector256<int> green, ref Vector256<int> blue)
    {
        Vector256<int> grey = RgbBlocks.Grey(red, green, blue);
        red = Blend(grey, red);
        green = Blend(grey, green);
        blue = Blend(grey, blue);
    }

    // What is below 0 is clipped when it is made a byte.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Vector256<int> Blend(Vector256<int> grey, Vector256<int> value)
    {
        Vector256<float> blended =
            Vector256.ConvertToSingle(grey) + (_factor * Vector256.ConvertToSingle(value - grey));
        return Vector256.ConvertToInt32Native(Vector256.MinNative(blended, Vector256.Create(255f)));
    }
}
