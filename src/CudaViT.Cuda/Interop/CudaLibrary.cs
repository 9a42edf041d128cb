namespace CudaViT.Cuda;

/// <summary>The vendor's libraries that the program calls. None comes with it; all are found at run time.</summary>
public enum CudaLibrary
{
    /// <summary>The driver: memory, streams, launches. Comes with the graphics driver.</summary>
    Driver,

    /// <summary>The run-time compiler of kernels. Comes with the CUDA toolkit.</summary>
    Nvrtc,

    /// <summary>Matrix products. Comes with the CUDA toolkit.</summary>
    CublasLt,

    /// <summary>Names for ranges in a profiler's timeline. Optional.</summary>
    Nvtx,
}
