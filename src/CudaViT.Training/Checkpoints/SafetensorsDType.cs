namespace CudaViT.Training.Checkpoints;

/// <summary>
/// Element types of a safetensors file. The names are those of the format, in its spelling or upper case.
/// </summary>
public enum SafetensorsDType
{
    /// <summary>IEEE double.</summary>
    F64,

    /// <summary>IEEE single.</summary>
    F32,

    /// <summary>IEEE half.</summary>
    F16,

    /// <summary>The upper half of an IEEE single.</summary>
    BF16,

    /// <summary>Signed 64-bit integer.</summary>
    I64,

    /// <summary>Signed 32-bit integer.</summary>
    I32,

    /// <summary>Unsigned byte.</summary>
    U8,

    /// <summary>One byte, 0 or 1; <c>BOOL</c> in the file.</summary>
    Bool,
}
