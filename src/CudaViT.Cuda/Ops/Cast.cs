using CudaViT.Core;

namespace CudaViT.Cuda;

public sealed partial class CudaBackend
{
    /// <inheritdoc/>
    public NdArray Cast(NdArray x, DType dtype)
    {
        using ProfilerRange range = Range();
        NdArray y = Empty(x.Shape, dtype);
        if (dtype == x.DType)
        {
            Copy(x, y);
        }
        else if (x.Count > 0)
        {
            bool isAligned = IsAligned(x, y);
            int width = isAligned ? Math.Min(PackWidth(x.DType), PackWidth(dtype)) : 1;
            Launch(
                CastEntry(dtype, isAligned), x.DType, ElementBlocks(x.Count, width), BlockSize,
                new() { y, x, x.Count });
        }

        return y;
    }

    private static string CastEntry(DType to, bool isAligned) => (to, isAligned) switch
    {
        (DType.F64, true) => "cast_to_f64",
        (DType.F64, false) => "cast_to_f64_scalar",
        (DType.F32, true) => "cast_to_f32",
        (DType.F32, false) => "cast_to_f32_scalar",
        (DType.BF16, true) => "cast_to_bf16",
        (DType.BF16, false) => "cast_to_bf16_scalar",
        (DType.I64, true) => "cast_to_i64",
        (DType.I64, false) => "cast_to_i64_scalar",
        (DType.I32, true) => "cast_to_i32",
        (DType.I32, false) => "cast_to_i32_scalar",
        (_, true) => "cast_to_u8",
        (_, false) => "cast_to_u8_scalar",
    };
}
