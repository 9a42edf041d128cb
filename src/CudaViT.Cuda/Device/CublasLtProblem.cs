using System.Numerics;
using CudaViT.Core;

namespace CudaViT.Cuda;

/// <summary>One matrix as cuBLASLt sees it: column by column.</summary>
/// <param name="Rows">Rows in memory, before any transposition.</param>
/// <param name="Columns">Columns in memory.</param>
/// <param name="LeadingDimension">Elements from one column to the next.</param>
/// <param name="BatchStride">Elements from one matrix to the next; 0 to use one for all.</param>
/// <param name="Operation">Whether it is transposed before the product.</param>
internal readonly record struct CublasLtMatrix(
    long Rows, long Columns, long LeadingDimension, long BatchStride, CublasOperation Operation);

/// <summary>
/// A row-major product in cuBLASLt's column-major terms, and all that the choice of an algorithm depends on: the key of
/// the cache of algorithms.
/// </summary>
/// <remarks>
/// A row-major matrix [R, C] is, to cuBLASLt, the column-major matrix [C, R] with leading dimension C: its transpose.
/// So D = A′·B′ is asked for as Dᵀ = B′ᵀ·A′ᵀ: our B comes first, and is transposed for cuBLASLt exactly if it is for
/// us. The bias, one element per column of D, then runs along the rows of Dᵀ, which is where cuBLASLt's epilogue adds
/// it.
/// </remarks>
internal readonly record struct CublasLtProblem
{
    // Addresses are told apart up to this; a fresh allocation has at least as much.
    private const int LargestAlignment = 256;

    private CublasLtProblem(in GpuMatMul product)
    {
        (Type, Batch) = (product.DType, product.Batch);
        First = Operand(product.K, product.N, product.TransposeB, product.StrideB);
        Second = Operand(product.M, product.K, product.TransposeA, product.StrideA);
        Result = new CublasLtMatrix(product.N, product.M, product.N, product.StrideD, CublasOperation.None);
        HasBias = product.Bias != 0;
        ReadsC = product.Beta != 0;
        IsInPlace = !ReadsC || product.C == product.D;
        AlignmentFirst = AlignmentOf(product.B);
        AlignmentSecond = AlignmentOf(product.A);
        AlignmentResult = AlignmentOf(product.D);
        AlignmentC = ReadsC ? AlignmentOf(product.C) : AlignmentResult;
        AlignmentBias = HasBias ? AlignmentOf(product.Bias) : 0;
    }

    /// <summary>Type of all elements.</summary>
    public DType Type { get; }

    /// <summary>Number of products.</summary>
    public long Batch { get; }

    /// <summary>cuBLASLt's A, which is our B.</summary>
    public CublasLtMatrix First { get; }

    /// <summary>cuBLASLt's B, which is our A.</summary>
    public CublasLtMatrix Second { get; }

    /// <summary>cuBLASLt's C and D: ours, transposed.</summary>
    public CublasLtMatrix Result { get; }

    /// <summary>Whether the epilogue adds a bias, one element per row of <see cref="Result"/>.</summary>
    public bool HasBias { get; }

    /// <summary>Whether β is not 0.</summary>
    public bool ReadsC { get; }

    /// <summary>Whether C is D, or is not read.</summary>
    public bool IsInPlace { get; }

    /// <summary>Largest power of two that divides the address, up to 256.</summary>
    public int AlignmentFirst { get; }

    /// <inheritdoc cref="AlignmentFirst"/>
    public int AlignmentSecond { get; }

    /// <inheritdoc cref="AlignmentFirst"/>
    public int AlignmentC { get; }

    /// <inheritdoc cref="AlignmentFirst"/>
    public int AlignmentResult { get; }

    /// <summary>That of the bias; 0 without one.</summary>
    public int AlignmentBias { get; }

    /// <summary>Translates a product.</summary>
    public static CublasLtProblem Of(in GpuMatMul product) => new(product);

    /// <summary>The operand [rows, columns], or [columns, rows] in memory if it is transposed.</summary>
    private static CublasLtMatrix Operand(long rows, long columns, bool isTransposed, long stride) => isTransposed
        ? new CublasLtMatrix(rows, columns, rows, stride, CublasOperation.Transpose)
        : new CublasLtMatrix(columns, rows, columns, stride, CublasOperation.None);

    private static int AlignmentOf(nint address) =>
        1 << Math.Min(BitOperations.TrailingZeroCount(address), BitOperations.Log2(LargestAlignment));
}
