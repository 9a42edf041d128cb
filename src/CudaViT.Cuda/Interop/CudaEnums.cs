namespace CudaViT.Cuda;

/// <summary>What <see cref="CudaApi.DeviceGetAttribute"/> tells (CUdevice_attribute).</summary>
internal enum DeviceAttribute
{
    MultiprocessorCount = 16,
    ComputeCapabilityMajor = 75,
    ComputeCapabilityMinor = 76,
    MaxSharedMemoryPerBlockOptin = 97,
    MemoryPoolsSupported = 115,
}

/// <summary>What <see cref="CudaApi.FuncGetAttribute"/> tells (CUfunction_attribute).</summary>
internal enum FunctionAttribute
{
    MaxThreadsPerBlock = 0,
    SharedSizeBytes = 1,
    LocalSizeBytes = 3,
    RegisterCount = 4,
    MaxDynamicSharedSizeBytes = 8,
}

/// <summary>How a stream relates to the default stream (CUstream_flags).</summary>
internal enum StreamFlags : uint
{
    /// <summary>The two wait for nothing of each other.</summary>
    NonBlocking = 1,
}

/// <summary>What an event is for (CUevent_flags).</summary>
internal enum EventFlags : uint
{
    /// <summary>Time stamps.</summary>
    Default = 0,

    /// <summary>Order alone, which is cheaper.</summary>
    DisableTiming = 2,
}

/// <summary>What else may be called while a stream records (CUstreamCaptureMode).</summary>
internal enum CaptureMode
{
    /// <summary>Everything that does not touch the recording stream, allocations included.</summary>
    Relaxed = 2,
}
