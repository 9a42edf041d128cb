using System.Runtime.Intrinsics;

namespace CudaViT.Training.Data;

/// <summary>blend(grey, value, factor) = grey + factor (value - grey), in float32, clipped and truncated.</summary>
internal readonly struct SaturationKernel(float factor) : IRgbKernel
{
    private readonly Vector256<float> _factor = Vector256.Create(factor);

    public void Apply(ref Vector256<int> red, ref Vector256<int> green, ref Vector256<int> blue)
    {
        Vector256<int> grey = RgbBlocks.Grey(red, green, blue);
        red = Blend(grey, red);
        green = Blend(grey, green);
        blue = Blend(grey, blue);
    }

    // The difference is taken in integers, as in the table of the one-channel blends.
    private Vector256<int> Blend(Vector256<int> grey, Vector256<int> value)
    {
        Vector256<float> blended =
            Vector256.ConvertToSingle(grey) + (_factor * Vector256.ConvertToSingle(value - grey));
        blended = Vector256.Min(Vector256.Max(blended, Vector256<float>.Zero), Vector256.Create(255f));
        return Vector256.ConvertToInt32Native(blended);
    }
}
