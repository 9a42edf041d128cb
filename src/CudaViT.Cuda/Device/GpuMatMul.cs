using CudaViT.Core;

namespace CudaViT.Cuda;

/// <summary>
/// D = α·A′·B′ + β·C + bias for row-major matrices, where a prime stands for an optional transposition: what cuBLASLt
/// computes in one call. Sums are formed in the accumulator's type.
/// </summary>
public readonly record struct GpuMatMul
{
    /// <summary>Type of all matrices: F64, F32 or BF16.</summary>
    public required DType DType { get; init; }

    /// <summary>Rows of D.</summary>
    public required long M { get; init; }

    /// <summary>Columns of D.</summary>
    public required long N { get; init; }

    /// <summary>Length of the inner products; with 0 the product is zero.</summary>
    public required long K { get; init; }

    /// <summary>Address of A: [M, K], or [K, M] if transposed.</summary>
    public required nint A { get; init; }

    /// <summary>Address of B: [K, N], or [N, K] if transposed.</summary>
    public required nint B { get; init; }

    /// <summary>Address of D: [M, N].</summary>
    public required nint D { get; init; }

    /// <summary>Address of C: [M, N]; may be that of D. Read only where β is not 0.</summary>
    public nint C { get; init; }

    /// <summary>Address of a bias [N], added to every row; 0 for none.</summary>
    public nint Bias { get; init; }

    /// <summary>Whether A stands as [K, M].</summary>
    public bool TransposeA { get; init; }

    /// <summary>Whether B stands as [N, K].</summary>
    public bool TransposeB { get; init; }

    /// <summary>Number of products; their matrices follow each other at the strides below.</summary>
    public long Batch { get; init; } = 1;

    /// <summary>Elements from one A to the next; 0 to use one for all.</summary>
    public long StrideA { get; init; }

    /// <summary>Elements from one B to the next; 0 to use one for all.</summary>
    public long StrideB { get; init; }

    /// <summary>Elements from one D, and one C, to the next.</summary>
    public long StrideD { get; init; }

    /// <summary>Factor of the product.</summary>
    public double Alpha { get; init; } = 1;

    /// <summary>Factor of C.</summary>
    public double Beta { get; init; }

    /// <summary>Makes a single product with α = 1 and β = 0.</summary>
    public GpuMatMul()
    {
    }
}
