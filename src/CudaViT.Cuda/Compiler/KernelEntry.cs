namespace CudaViT.Cuda;

/// <summary>A kernel that can be launched by name.</summary>
/// <param name="Name">Plain name, unique among all files.</param>
/// <param name="Parameters">In the order of the declaration.</param>
/// <param name="Cost">Bytes and operations by the file's header; null where the header states none.</param>
/// <param name="Line">Line of the declaration, from 1.</param>
public sealed record KernelEntry(
    string Name, IReadOnlyList<KernelParameter> Parameters, KernelCost? Cost, int Line)
{
    /// <inheritdoc/>
    public override string ToString() => Name;
}

/// <summary>One parameter of a kernel.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">Its declared type, without qualifiers.</param>
/// <param name="Kind">How a launcher must pass it.</param>
public sealed record KernelParameter(string Name, string Type, KernelParameterKind Kind);

/// <summary>How an argument is passed.</summary>
public enum KernelParameterKind
{
    /// <summary>Address of device memory.</summary>
    Pointer,

    /// <summary>An integer of up to 64 bits.</summary>
    Integer,

    /// <summary>acc_t: double in an F64 build, else float.</summary>
    Scalar,

    /// <summary>A structure by value.</summary>
    Structure,
}
