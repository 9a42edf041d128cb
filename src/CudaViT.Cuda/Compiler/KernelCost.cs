namespace CudaViT.Cuda;

/// <summary>What a launch must move and compute at least, as formulas in a kernel file's header.</summary>
/// <param name="Bytes">Bytes read and written, each once.</param>
/// <param name="Operations">Floating-point operations.</param>
public sealed record KernelCost(CostFormula Bytes, CostFormula Operations)
{
    /// <summary>Both values for one launch.</summary>
    /// <param name="build">Gives types their sizes.</param>
    /// <param name="valueOf">Gives the kernel's integer parameters their values.</param>
    public (double Bytes, double Operations) Evaluate(KernelBuild build, Func<string, double> valueOf)
    {
        ArgumentNullException.ThrowIfNull(valueOf);
        double Value(string name) => SizeOf(name, build) ?? valueOf(name);
        return (Bytes.Evaluate(Value), Operations.Evaluate(Value));
    }

    /// <summary>
    /// Names in the formulas that neither the kernel's integer parameters nor sizes of types explain.
    /// </summary>
    internal IEnumerable<string> UnknownNames(KernelEntry entry) => Bytes.Names.Concat(Operations.Names).Where(
        name => SizeOf(name, KernelBuild.F32) is null
            && !entry.Parameters.Any(p => p.Name == name && p.Kind == KernelParameterKind.Integer));

    /// <summary>Both formulas as the header writes them.</summary>
    public override string ToString() => $"{Bytes} bytes, {Operations} FLOPs";

    private static int? SizeOf(string name, KernelBuild build) => name switch
    {
        "sizeof(scalar_t)" or "sizeof(element_t)" => build.ScalarBytes(),
        "sizeof(acc_t)" => build == KernelBuild.F64 ? 8 : 4,
        "sizeof(double)" or "sizeof(index_t)" or "sizeof(u64)" => 8,
        "sizeof(float)" or "sizeof(int)" or "sizeof(u32)" => 4,
        "sizeof(bf16)" or "sizeof(u16)" => 2,
        "sizeof(u8)" => 1,
        _ => null,
    };
}
