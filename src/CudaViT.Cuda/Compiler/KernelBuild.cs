using CudaViT.Core;

namespace CudaViT.Cuda;

/// <summary>What a kernel file is compiled for: the type of its elements, or only their size.</summary>
public enum KernelBuild
{
    /// <summary>scalar_t and acc_t are double.</summary>
    F64,

    /// <summary>scalar_t and acc_t are float.</summary>
    F32,

    /// <summary>scalar_t is bf16, acc_t float.</summary>
    BF16,

    /// <summary>scalar_t is a 64-bit integer.</summary>
    I64,

    /// <summary>scalar_t is a 32-bit integer.</summary>
    I32,

    /// <summary>scalar_t is an 8-bit unsigned integer.</summary>
    U8,

    /// <summary>element_t has 8 bytes.</summary>
    Bytes8,

    /// <summary>element_t has 4 bytes.</summary>
    Bytes4,

    /// <summary>element_t has 2 bytes.</summary>
    Bytes2,

    /// <summary>element_t has 1 byte.</summary>
    Bytes1,

    /// <summary>The file depends on no element type.</summary>
    Any,
}

/// <summary>Facts about builds.</summary>
public static class KernelBuilds
{
    /// <summary>The build that computes with a type.</summary>
    public static KernelBuild For(DType dtype) => dtype switch
    {
        DType.F64 => KernelBuild.F64,
        DType.F32 => KernelBuild.F32,
        DType.BF16 => KernelBuild.BF16,
        DType.I64 => KernelBuild.I64,
        DType.I32 => KernelBuild.I32,
        DType.U8 => KernelBuild.U8,
        _ => throw new ArgumentOutOfRangeException(nameof(dtype), dtype, "Not an element type."),
    };

    /// <summary>The build that moves elements of a type.</summary>
    public static KernelBuild ForMoving(DType dtype) => dtype.SizeInBytes() switch
    {
        8 => KernelBuild.Bytes8,
        4 => KernelBuild.Bytes4,
        2 => KernelBuild.Bytes2,
        _ => KernelBuild.Bytes1,
    };

    /// <summary>The macro that the compiler is given, as NAME or NAME=VALUE; null for none.</summary>
    public static string? Macro(this KernelBuild build) => build switch
    {
        KernelBuild.Bytes8 => "ELEMENT_BYTES=8",
        KernelBuild.Bytes4 => "ELEMENT_BYTES=4",
        KernelBuild.Bytes2 => "ELEMENT_BYTES=2",
        KernelBuild.Bytes1 => "ELEMENT_BYTES=1",
        KernelBuild.Any => null,
        _ => $"SCALAR_{build}",
    };

    /// <summary>Bytes of scalar_t or element_t; 0 where the file has neither.</summary>
    public static int ScalarBytes(this KernelBuild build) => build switch
    {
        KernelBuild.F64 or KernelBuild.I64 or KernelBuild.Bytes8 => 8,
        KernelBuild.F32 or KernelBuild.I32 or KernelBuild.Bytes4 => 4,
        KernelBuild.BF16 or KernelBuild.Bytes2 => 2,
        KernelBuild.U8 or KernelBuild.Bytes1 => 1,
        _ => 0,
    };

    /// <summary>The name that a kernel file's header uses, in lower case.</summary>
    /// <exception cref="FormatException">There is no such build.</exception>
    public static KernelBuild Parse(string name) =>
        Enum.TryParse(name, ignoreCase: true, out KernelBuild build) && Enum.IsDefined(build)
            ? build
            : throw new FormatException(
                $"'{name}' is no build; expected some of "
                + $"{string.Join(", ", Enum.GetNames<KernelBuild>()).ToLowerInvariant()}.");
}
