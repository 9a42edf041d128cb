using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace CudaViT.Training.Data;

/// <summary>Brightness in all three channels.</summary>
internal readonly struct GrayscaleKernel : IRgbKernel
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Apply(ref Vector256<int> red, ref Vector256<int> green, ref Vector256<int> blue) =>
        red = green = blue = RgbBlocks.Grey(red, green, blue);
}
