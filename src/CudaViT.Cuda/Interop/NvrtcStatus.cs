namespace CudaViT.Cuda;

/// <summary>What NVRTC's functions return: nvrtcResult.</summary>
internal enum NvrtcStatus
{
    Success = 0,
    OutOfMemory = 1,
    ProgramCreationFailure = 2,
    InvalidInput = 3,
    InvalidProgram = 4,
    InvalidOption = 5,
    Compilation = 6,
    BuiltinOperationFailure = 7,
    InternalError = 11,
}
