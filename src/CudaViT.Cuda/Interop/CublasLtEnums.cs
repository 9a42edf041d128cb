namespace CudaViT.Cuda;

/// <summary>Type of elements, α and β (cudaDataType).</summary>
internal enum CudaDataType
{
    R32F = 0,
    R64F = 1,
    R16BF = 14,
}

/// <summary>Arithmetic of the inner products (cublasComputeType_t).</summary>
internal enum CublasComputeType
{
    F32 = 68,
    F64 = 70,
    F32FastTF32 = 77,
}

/// <summary>Whether an operand is used as it stands or transposed (cublasOperation_t).</summary>
internal enum CublasOperation
{
    None = 0,
    Transpose = 1,
}

/// <summary>What follows the product (cublasLtEpilogue_t).</summary>
internal enum CublasLtEpilogue : uint
{
    Default = 1,

    /// <summary>Adds a vector, one element per row of D as cuBLASLt sees it.</summary>
    Bias = 4,
}

/// <summary>Properties of a matrix beside those it is created with (cublasLtMatrixLayoutAttribute_t).</summary>
internal enum MatrixLayoutAttribute
{
    /// <summary>int32.</summary>
    BatchCount = 5,

    /// <summary>int64, in elements.</summary>
    StridedBatchOffset = 6,
}

/// <summary>Properties of a product (cublasLtMatmulDescAttributes_t).</summary>
internal enum MatmulDescAttribute
{
    /// <summary>int32.</summary>
    TransA = 3,

    /// <summary>int32.</summary>
    TransB = 4,

    /// <summary>uint32.</summary>
    Epilogue = 7,

    /// <summary>Device address.</summary>
    BiasPointer = 8,
}

/// <summary>Wishes of whoever asks for an algorithm (cublasLtMatmulPreferenceAttributes_t).</summary>
internal enum MatmulPreferenceAttribute
{
    /// <summary>uint64.</summary>
    MaxWorkspaceBytes = 1,

    /// <summary>uint32, of <see cref="ReductionSchemes"/>.</summary>
    ReductionSchemeMask = 3,

    /// <summary>uint32; those of B, C and D follow.</summary>
    MinAlignmentABytes = 5,

    MinAlignmentBBytes = 6,

    MinAlignmentCBytes = 7,

    MinAlignmentDBytes = 8,
}

/// <summary>
/// How parts of a long inner product are added (cublasLtReductionScheme_t); none at all is always allowed.
/// </summary>
[Flags]
internal enum ReductionSchemes : uint
{
    None = 0,

    /// <summary>Parts are kept in the workspace in the accumulator's type and added by a second kernel.</summary>
    ComputeType = 2,
}
