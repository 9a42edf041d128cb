using System.Runtime.CompilerServices;

namespace CudaViT.Cuda;

/// <summary>Turns results of cuBLASLt's functions into exceptions.</summary>
internal static class CublasError
{
    /// <summary>Throws unless a call succeeded.</summary>
    /// <param name="status">The call itself.</param>
    /// <param name="call">Its text, which the compiler fills in.</param>
    public static void Check(CublasStatus status, [CallerArgumentExpression(nameof(status))] string call = "")
    {
        if (status != CublasStatus.Success)
        {
            throw For(status, call);
        }
    }

    /// <summary>The exception for a failed call.</summary>
    public static GpuException For(CublasStatus status, string call) =>
        new($"cuda: cublasLt{call.Split('(')[0].Split('.')[^1]} failed: {status} ({(int)status}).")
        {
            IsOutOfMemory = status == CublasStatus.AllocFailed,
        };
}

/// <summary>Results of cuBLASLt's functions (cublasStatus_t), with its numbers.</summary>
internal enum CublasStatus
{
    Success = 0,
    NotInitialized = 1,
    AllocFailed = 3,
    InvalidValue = 7,
    ArchMismatch = 8,
    MappingError = 11,
    ExecutionFailed = 13,
    InternalError = 14,
    NotSupported = 15,
    LicenseError = 16,
}
