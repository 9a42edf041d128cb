using System.Text;

namespace CudaViT.Training.Checkpoints;

/// <summary>Name, element type and shape of one tensor in a safetensors file; its data lies in the file.</summary>
public sealed class SafetensorsTensor
{
    private static readonly UTF8Encoding StrictUtf8 = new(
        encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Describes a tensor. A shape without dimensions is a single number.</summary>
    /// <exception cref="ArgumentException">
    /// A dimension is negative, the size in bytes exceeds 63 bits, or the name is not valid Unicode.
    /// </exception>
    public SafetensorsTensor(string name, SafetensorsDType dtype, params IReadOnlyList<long> shape)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(shape);
        StrictUtf8.GetByteCount(name); // throws on half a surrogate pair, which the file could not hold
        if (!TrySize(dtype, shape, out long sizeInBytes))
        {
            throw new ArgumentException(
                $"Tensor '{name}': the shape [{string.Join(", ", shape)}] has a negative dimension or more than " +
                "2^63 bytes.",
                nameof(shape));
        }

        (Name, DType, Shape, SizeInBytes) = (name, dtype, [.. shape], sizeInBytes);
    }

    /// <summary>Any text; unique within its file.</summary>
    public string Name { get; }

    /// <summary>Element type.</summary>
    public SafetensorsDType DType { get; }

    /// <summary>Row-major dimensions.</summary>
    public IReadOnlyList<long> Shape { get; }

    /// <summary>Number of elements times the size of one.</summary>
    public long SizeInBytes { get; }

    /// <summary>Size of one element in bytes.</summary>
    public static int ElementSizeInBytes(SafetensorsDType dtype) => dtype switch
    {
        SafetensorsDType.F64 or SafetensorsDType.I64 => 8,
        SafetensorsDType.F32 or SafetensorsDType.I32 => 4,
        SafetensorsDType.F16 or SafetensorsDType.BF16 => 2,
        SafetensorsDType.U8 or SafetensorsDType.Bool => 1,
        _ => throw new ArgumentOutOfRangeException(nameof(dtype), dtype, "Not an element type of the format."),
    };

    /// <inheritdoc/>
    public override string ToString() => $"{Name}: {DType} [{string.Join(", ", Shape)}]";

    /// <summary>The type's name in the file.</summary>
    internal static string Spell(SafetensorsDType dtype) => dtype.ToString().ToUpperInvariant();

    internal static bool TrySize(SafetensorsDType dtype, IReadOnlyList<long> shape, out long sizeInBytes)
    {
        sizeInBytes = 0;
        bool isEmpty = shape.Contains(0);
        UInt128 size = isEmpty ? 0 : (UInt128)ElementSizeInBytes(dtype);
        foreach (long dimension in shape)
        {
            // Never more than 2^126, and checked at every step: an overflowing shape must not wrap to a small size.
            if (dimension < 0 || (size *= (UInt128)dimension) > long.MaxValue)
            {
                return false;
            }
        }

        sizeInBytes = (long)size;
        return true;
    }
}

/// <summary>A tensor of an element type that is not read here.</summary>
/// <param name="Name">Its name in the file.</param>
/// <param name="DType">Its type, in the spelling of the file.</param>
/// <param name="Shape">Row-major dimensions.</param>
public sealed record OtherTensor(string Name, string DType, IReadOnlyList<long> Shape)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Name} ({DType} [{string.Join(", ", Shape)}])";
}
