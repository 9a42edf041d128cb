using System.Diagnostics.CodeAnalysis;

namespace CudaViT.Cuda;

/// <summary>The two queues of a device. Work within one runs in order.</summary>
[SuppressMessage("Naming", "CA1711", Justification = "CUDA's word for a queue.")]
public enum GpuStream
{
    /// <summary>Kernels and matrix products.</summary>
    Compute,

    /// <summary>Transfers that overlap with kernels.</summary>
    Copy,
}
