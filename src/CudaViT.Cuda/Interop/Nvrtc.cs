using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace CudaViT.Cuda;

/// <summary>NVRTC's functions, as its header declares them. Load the library before the first call.</summary>
internal static partial class Nvrtc
{
    [LibraryImport(CudaLibraries.Nvrtc, EntryPoint = "nvrtcVersion")]
    internal static partial NvrtcStatus Version(out int major, out int minor);

    [LibraryImport(CudaLibraries.Nvrtc, EntryPoint = "nvrtcGetNumSupportedArchs")]
    internal static partial NvrtcStatus GetSupportedArchitectureCount(out int count);

    [LibraryImport(CudaLibraries.Nvrtc, EntryPoint = "nvrtcGetSupportedArchs")]
    internal static partial NvrtcStatus GetSupportedArchitectures(Span<int> architectures);

    [LibraryImport(
        CudaLibraries.Nvrtc, EntryPoint = "nvrtcCreateProgram", StringMarshalling = StringMarshalling.Utf8)]
    internal static partial NvrtcStatus CreateProgram(
        out NvrtcProgram program, string source, string name, int headerCount, string[] headers, string[] includeNames);

    [LibraryImport(CudaLibraries.Nvrtc, EntryPoint = "nvrtcDestroyProgram")]
    internal static partial NvrtcStatus DestroyProgram(ref nint program);

    [LibraryImport(
        CudaLibraries.Nvrtc, EntryPoint = "nvrtcCompileProgram", StringMarshalling = StringMarshalling.Utf8)]
    internal static partial NvrtcStatus CompileProgram(NvrtcProgram program, int optionCount, string[] options);

    [LibraryImport(CudaLibraries.Nvrtc, EntryPoint = "nvrtcGetProgramLogSize")]
    internal static partial NvrtcStatus GetProgramLogSize(NvrtcProgram program, out nuint size);

    [LibraryImport(CudaLibraries.Nvrtc, EntryPoint = "nvrtcGetProgramLog")]
    internal static partial NvrtcStatus GetProgramLog(NvrtcProgram program, Span<byte> log);

    [LibraryImport(CudaLibraries.Nvrtc, EntryPoint = "nvrtcGetCUBINSize")]
    internal static partial NvrtcStatus GetCubinSize(NvrtcProgram program, out nuint size);

    [LibraryImport(CudaLibraries.Nvrtc, EntryPoint = "nvrtcGetCUBIN")]
    internal static partial NvrtcStatus GetCubin(NvrtcProgram program, Span<byte> cubin);

    [LibraryImport(CudaLibraries.Nvrtc, EntryPoint = "nvrtcGetPTXSize")]
    internal static partial NvrtcStatus GetPtxSize(NvrtcProgram program, out nuint size);

    [LibraryImport(CudaLibraries.Nvrtc, EntryPoint = "nvrtcGetPTX")]
    internal static partial NvrtcStatus GetPtx(NvrtcProgram program, Span<byte> ptx);

    /// <summary>Throws unless the call succeeded.</summary>
    /// <exception cref="GpuException">Names the call and the status.</exception>
    internal static void Check(NvrtcStatus status, [CallerArgumentExpression(nameof(status))] string call = "")
    {
        if (status != NvrtcStatus.Success)
        {
            throw new GpuException($"{call} failed: {status} ({(int)status}).");
        }
    }
}

/// <summary>A source that NVRTC compiles: nvrtcProgram.</summary>
internal sealed class NvrtcProgram() : SafeHandle(invalidHandleValue: 0, ownsHandle: true)
{
    public override bool IsInvalid => handle == 0;

    protected override bool ReleaseHandle() => Nvrtc.DestroyProgram(ref handle) == NvrtcStatus.Success;
}

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
