namespace CudaViT.Core;

/// <summary>Element type of an array.</summary>
public enum DType
{
    /// <summary>IEEE 754 binary64; proves gradients.</summary>
    F64,

    /// <summary>IEEE 754 binary32; the default for computing and for master weights.</summary>
    F32,

    /// <summary>bfloat16: the upper half of a binary32; storage of mixed-precision training.</summary>
    BF16,

    /// <summary>64-bit signed integer; labels and counters.</summary>
    I64,

    /// <summary>32-bit signed integer; indices.</summary>
    I32,

    /// <summary>8-bit unsigned integer; pixels and masks.</summary>
    U8,
}

/// <summary>Sizes and families of element types.</summary>
public static class DTypes
{
    /// <summary>Bytes of one element.</summary>
    public static int SizeInBytes(this DType dtype) => dtype switch
    {
        DType.F64 or DType.I64 => 8,
        DType.F32 or DType.I32 => 4,
        DType.BF16 => 2,
        DType.U8 => 1,
        _ => throw new ArgumentOutOfRangeException(nameof(dtype), dtype, "Not an element type."),
    };

    /// <summary>Whether gradients can flow through arrays of this type.</summary>
    public static bool IsFloatingPoint(this DType dtype) => dtype is DType.F64 or DType.F32 or DType.BF16;

    /// <summary>
    /// The type in which sums over <paramref name="dtype"/> are formed and in which row statistics are saved:
    /// F64 for F64, F32 for F32 and BF16.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="dtype"/> is an integer type.</exception>
    public static DType Accumulator(this DType dtype) => dtype switch
    {
        DType.F64 => DType.F64,
        DType.F32 or DType.BF16 => DType.F32,
        _ => throw new ArgumentOutOfRangeException(
            nameof(dtype), dtype, "Only floating-point types have an accumulator."),
    };

    /// <summary>
    /// Unit roundoff u: the largest relative error of rounding a real number to this type, 2⁻ᵖ for p significant bits
    /// (53, 24 and 8, the hidden bit counted).
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="dtype"/> is an integer type.</exception>
    public static double UnitRoundoff(this DType dtype) => dtype switch
    {
        DType.F64 => Math.ScaleB(1, -53),
        DType.F32 => Math.ScaleB(1, -24),
        DType.BF16 => Math.ScaleB(1, -8),
        _ => throw new ArgumentOutOfRangeException(nameof(dtype), dtype, "Only floating-point types round."),
    };

    /// <summary>The element type whose C# form is <typeparamref name="T"/>.</summary>
    /// <exception cref="ArgumentException">No element type has this form.</exception>
    public static DType Of<T>()
        where T : unmanaged
    {
        if (typeof(T) == typeof(double))
        {
            return DType.F64;
        }

        if (typeof(T) == typeof(float))
        {
            return DType.F32;
        }

        if (typeof(T) == typeof(BFloat16))
        {
            return DType.BF16;
        }

        if (typeof(T) == typeof(long))
        {
            return DType.I64;
        }

        if (typeof(T) == typeof(int))
        {
            return DType.I32;
        }

        if (typeof(T) == typeof(byte))
        {
            return DType.U8;
        }

        throw new ArgumentException(
            $"{typeof(T).Name} is no element type; use double, float, BFloat16, long, int or byte.");
    }
}
