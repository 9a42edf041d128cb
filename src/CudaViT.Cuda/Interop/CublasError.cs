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
