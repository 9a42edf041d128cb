using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace CudaViT.Cuda;

/// <summary>
/// Functions of cuBLASLt, as <c>cublasLt.h</c> declares them; <c>cublasLt</c> in front of a name here gives the name
/// there. The declarations are the same in CUDA 12 and 13.
/// </summary>
internal static unsafe partial class CublasLt
{
    private const string Library = CudaLibraries.CublasLt;

    // The search for libraries answers for every declaration below, once this has run.
    static CublasLt() => CudaLibraries.Load(CudaLibrary.CublasLt);

    [LibraryImport(Library, EntryPoint = "cublasLtCreate")]
    public static partial CublasStatus Create(out CublasLtHandle handle);

    [LibraryImport(Library, EntryPoint = "cublasLtDestroy")]
    public static partial CublasStatus Destroy(nint handle);

    [LibraryImport(Library, EntryPoint = "cublasLtMatmulDescCreate")]
    public static partial CublasStatus MatmulDescCreate(
        out MatmulDescHandle product, CublasComputeType computeType, CudaDataType scaleType);

    [LibraryImport(Library, EntryPoint = "cublasLtMatmulDescDestroy")]
    public static partial CublasStatus MatmulDescDestroy(nint product);

    [LibraryImport(Library, EntryPoint = "cublasLtMatmulDescSetAttribute")]
    public static partial CublasStatus MatmulDescSetAttribute(
        MatmulDescHandle product, MatmulDescAttribute attribute, void* value, nuint bytes);

    [LibraryImport(Library, EntryPoint = "cublasLtMatrixLayoutCreate")]
    public static partial CublasStatus MatrixLayoutCreate(
        out MatrixLayoutHandle layout, CudaDataType type, ulong rows, ulong columns, long leadingDimension);

    [LibraryImport(Library, EntryPoint = "cublasLtMatrixLayoutDestroy")]
    public static partial CublasStatus MatrixLayoutDestroy(nint layout);

    [LibraryImport(Library, EntryPoint = "cublasLtMatrixLayoutSetAttribute")]
    public static partial CublasStatus MatrixLayoutSetAttribute(
        MatrixLayoutHandle layout, MatrixLayoutAttribute attribute, void* value, nuint bytes);

    [LibraryImport(Library, EntryPoint = "cublasLtMatmulPreferenceCreate")]
    public static partial CublasStatus MatmulPreferenceCreate(out MatmulPreferenceHandle preference);

    [LibraryImport(Library, EntryPoint = "cublasLtMatmulPreferenceDestroy")]
    public static partial CublasStatus MatmulPreferenceDestroy(nint preference);

    [LibraryImport(Library, EntryPoint = "cublasLtMatmulPreferenceSetAttribute")]
    public static partial CublasStatus MatmulPreferenceSetAttribute(
        MatmulPreferenceHandle preference, MatmulPreferenceAttribute attribute, void* value, nuint bytes);

    [LibraryImport(Library, EntryPoint = "cublasLtMatmulAlgoGetHeuristic")]
    public static partial CublasStatus MatmulAlgoGetHeuristic(
        CublasLtHandle handle, MatmulDescHandle product, MatrixLayoutHandle a, MatrixLayoutHandle b,
        MatrixLayoutHandle c,
        MatrixLayoutHandle d, MatmulPreferenceHandle preference, int requested, MatmulHeuristicResult* results,
        out int returned);

    [LibraryImport(Library, EntryPoint = "cublasLtMatmul")]
    public static partial CublasStatus Matmul(
        CublasLtHandle handle, MatmulDescHandle product, void* alpha, nint a, MatrixLayoutHandle layoutA, nint b,
        MatrixLayoutHandle layoutB, void* beta, nint c, MatrixLayoutHandle layoutC, nint d, MatrixLayoutHandle layoutD,
        MatmulAlgorithm* algorithm, nint workspace, nuint workspaceBytes, StreamHandle stream);
}

/// <summary>A configured algorithm (cublasLtMatmulAlgo_t): plain data, with a meaning for the library alone.</summary>
[InlineArray(8)]
internal struct MatmulAlgorithm
{
    private ulong _first;
}

/// <summary>An algorithm that the library proposes (cublasLtMatmulHeuristicResult_t).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct MatmulHeuristicResult
{
    public MatmulAlgorithm Algorithm;
    public nuint WorkspaceBytes;
    public CublasStatus State;
    public float WavesCount;
    private readonly long _reserved0;
    private readonly long _reserved1;
}

/// <summary>The library's state for one device.</summary>
internal sealed class CublasLtHandle() : SafeHandle(invalidHandleValue: 0, ownsHandle: true)
{
    public override bool IsInvalid => handle == 0;

    protected override bool ReleaseHandle() => CublasLt.Destroy(handle) == CublasStatus.Success;
}

/// <summary>What is multiplied how.</summary>
internal sealed class MatmulDescHandle() : SafeHandle(invalidHandleValue: 0, ownsHandle: true)
{
    public override bool IsInvalid => handle == 0;

    protected override bool ReleaseHandle() => CublasLt.MatmulDescDestroy(handle) == CublasStatus.Success;
}

/// <summary>How a matrix stands in memory.</summary>
internal sealed class MatrixLayoutHandle() : SafeHandle(invalidHandleValue: 0, ownsHandle: true)
{
    public override bool IsInvalid => handle == 0;

    protected override bool ReleaseHandle() => CublasLt.MatrixLayoutDestroy(handle) == CublasStatus.Success;
}

/// <summary>Wishes for the search of an algorithm.</summary>
internal sealed class MatmulPreferenceHandle() : SafeHandle(invalidHandleValue: 0, ownsHandle: true)
{
    public override bool IsInvalid => handle == 0;

    protected override bool ReleaseHandle() => CublasLt.MatmulPreferenceDestroy(handle) == CublasStatus.Success;
}
