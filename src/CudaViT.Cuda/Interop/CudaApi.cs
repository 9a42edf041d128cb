using System.Runtime.InteropServices;

namespace CudaViT.Cuda;

/// <summary>
/// Functions of the CUDA driver, as <c>cuda.h</c> declares them; <c>cu</c> in front of a name here gives the name
/// there. Entry points carry the version suffix that the header's macros add, since the plain names are older, smaller
/// interfaces. Where CUDA 13's header moved on (events' time, contexts) these are the ones that both 12 and 13 export.
/// </summary>
internal static unsafe partial class CudaApi
{
    private const string Library = CudaLibraries.Driver;

    // The search for libraries answers for every declaration below, once this has run.
    static CudaApi() => CudaLibraries.Load(CudaLibrary.Driver);

    [LibraryImport(Library, EntryPoint = "cuInit")]
    public static partial CudaStatus Init(uint flags);

    [LibraryImport(Library, EntryPoint = "cuDriverGetVersion")]
    public static partial CudaStatus DriverGetVersion(out int version);

    [LibraryImport(Library, EntryPoint = "cuGetErrorName")]
    public static partial CudaStatus GetErrorName(CudaStatus status, out byte* name);

    [LibraryImport(Library, EntryPoint = "cuDeviceGetCount")]
    public static partial CudaStatus DeviceGetCount(out int count);

    [LibraryImport(Library, EntryPoint = "cuDeviceGet")]
    public static partial CudaStatus DeviceGet(out int device, int ordinal);

    [LibraryImport(Library, EntryPoint = "cuDeviceGetName")]
    public static partial CudaStatus DeviceGetName(byte* name, int length, int device);

    [LibraryImport(Library, EntryPoint = "cuDeviceGetAttribute")]
    public static partial CudaStatus DeviceGetAttribute(out int value, DeviceAttribute attribute, int device);

    [LibraryImport(Library, EntryPoint = "cuDeviceTotalMem_v2")]
    public static partial CudaStatus DeviceTotalMem(out nuint bytes, int device);

    [LibraryImport(Library, EntryPoint = "cuDeviceGetDefaultMemPool")]
    public static partial CudaStatus DeviceGetDefaultMemPool(out nint pool, int device);

    [LibraryImport(Library, EntryPoint = "cuDevicePrimaryCtxRetain")]
    public static partial CudaStatus DevicePrimaryCtxRetain(out ContextHandle context, int device);

    [LibraryImport(Library, EntryPoint = "cuDevicePrimaryCtxRelease_v2")]
    public static partial CudaStatus DevicePrimaryCtxRelease(int device);

    [LibraryImport(Library, EntryPoint = "cuCtxSetCurrent")]
    public static partial CudaStatus CtxSetCurrent(nint context);

    [LibraryImport(Library, EntryPoint = "cuMemGetInfo_v2")]
    public static partial CudaStatus MemGetInfo(out nuint free, out nuint total);

    [LibraryImport(Library, EntryPoint = "cuMemAlloc_v2")]
    public static partial CudaStatus MemAlloc(out nint address, nuint bytes);

    [LibraryImport(Library, EntryPoint = "cuMemFree_v2")]
    public static partial CudaStatus MemFree(nint address);

    [LibraryImport(Library, EntryPoint = "cuMemAllocAsync")]
    public static partial CudaStatus MemAllocAsync(out nint address, nuint bytes, StreamHandle stream);

    [LibraryImport(Library, EntryPoint = "cuMemFreeAsync")]
    public static partial CudaStatus MemFreeAsync(nint address, StreamHandle stream);

    [LibraryImport(Library, EntryPoint = "cuMemPoolTrimTo")]
    public static partial CudaStatus MemPoolTrimTo(nint pool, nuint bytesToKeep);

    [LibraryImport(Library, EntryPoint = "cuMemHostAlloc")]
    public static partial CudaStatus MemHostAlloc(out PinnedHandle memory, nuint bytes, uint flags);

    [LibraryImport(Library, EntryPoint = "cuMemFreeHost")]
    public static partial CudaStatus MemFreeHost(nint memory);

    [LibraryImport(Library, EntryPoint = "cuMemcpyHtoDAsync_v2")]
    public static partial CudaStatus MemcpyHtoDAsync(nint destination, void* source, nuint bytes, StreamHandle stream);

    [LibraryImport(Library, EntryPoint = "cuMemcpyDtoHAsync_v2")]
    public static partial CudaStatus MemcpyDtoHAsync(void* destination, nint source, nuint bytes, StreamHandle stream);

    [LibraryImport(Library, EntryPoint = "cuMemcpyDtoDAsync_v2")]
    public static partial CudaStatus MemcpyDtoDAsync(nint destination, nint source, nuint bytes, StreamHandle stream);

    [LibraryImport(Library, EntryPoint = "cuMemsetD8Async")]
    public static partial CudaStatus MemsetD8Async(nint destination, byte value, nuint bytes, StreamHandle stream);

    [LibraryImport(Library, EntryPoint = "cuStreamCreate")]
    public static partial CudaStatus StreamCreate(out StreamHandle stream, StreamFlags flags);

    [LibraryImport(Library, EntryPoint = "cuStreamDestroy_v2")]
    public static partial CudaStatus StreamDestroy(nint stream);

    [LibraryImport(Library, EntryPoint = "cuStreamSynchronize")]
    public static partial CudaStatus StreamSynchronize(StreamHandle stream);

    [LibraryImport(Library, EntryPoint = "cuStreamQuery")]
    public static partial CudaStatus StreamQuery(StreamHandle stream);

    [LibraryImport(Library, EntryPoint = "cuStreamWaitEvent")]
    public static partial CudaStatus StreamWaitEvent(StreamHandle stream, EventHandle marker, uint flags);

    [LibraryImport(Library, EntryPoint = "cuStreamBeginCapture_v2")]
    public static partial CudaStatus StreamBeginCapture(StreamHandle stream, CaptureMode mode);

    [LibraryImport(Library, EntryPoint = "cuStreamEndCapture")]
    public static partial CudaStatus StreamEndCapture(StreamHandle stream, out nint graph);

    [LibraryImport(Library, EntryPoint = "cuEventCreate")]
    public static partial CudaStatus EventCreate(out EventHandle marker, EventFlags flags);

    [LibraryImport(Library, EntryPoint = "cuEventDestroy_v2")]
    public static partial CudaStatus EventDestroy(nint marker);

    [LibraryImport(Library, EntryPoint = "cuEventRecord")]
    public static partial CudaStatus EventRecord(EventHandle marker, StreamHandle stream);

    [LibraryImport(Library, EntryPoint = "cuEventSynchronize")]
    public static partial CudaStatus EventSynchronize(EventHandle marker);

    [LibraryImport(Library, EntryPoint = "cuEventElapsedTime")]
    public static partial CudaStatus EventElapsedTime(out float milliseconds, EventHandle start, EventHandle end);

    [LibraryImport(Library, EntryPoint = "cuModuleLoadData")]
    public static partial CudaStatus ModuleLoadData(out ModuleHandle module, ReadOnlySpan<byte> image);

    [LibraryImport(Library, EntryPoint = "cuModuleUnload")]
    public static partial CudaStatus ModuleUnload(nint module);

    [LibraryImport(Library, EntryPoint = "cuModuleGetFunction", StringMarshalling = StringMarshalling.Utf8)]
    public static partial CudaStatus ModuleGetFunction(out nint function, ModuleHandle module, string name);

    [LibraryImport(Library, EntryPoint = "cuFuncGetAttribute")]
    public static partial CudaStatus FuncGetAttribute(out int value, FunctionAttribute attribute, nint function);

    [LibraryImport(Library, EntryPoint = "cuFuncSetAttribute")]
    public static partial CudaStatus FuncSetAttribute(nint function, FunctionAttribute attribute, int value);

    [LibraryImport(Library, EntryPoint = "cuOccupancyMaxActiveBlocksPerMultiprocessor")]
    public static partial CudaStatus OccupancyMaxActiveBlocksPerMultiprocessor(
        out int blocks, nint function, int blockSize, nuint dynamicSharedBytes);

    [LibraryImport(Library, EntryPoint = "cuLaunchKernel")]
    public static partial CudaStatus LaunchKernel(
        nint function, uint gridX, uint gridY, uint gridZ, uint blockX, uint blockY, uint blockZ, uint sharedBytes,
        StreamHandle stream, void** parameters, void** extra);

    [LibraryImport(Library, EntryPoint = "cuGraphInstantiateWithFlags")]
    public static partial CudaStatus GraphInstantiateWithFlags(out GraphHandle executable, nint graph, ulong flags);

    [LibraryImport(Library, EntryPoint = "cuGraphLaunch")]
    public static partial CudaStatus GraphLaunch(GraphHandle executable, StreamHandle stream);

    [LibraryImport(Library, EntryPoint = "cuGraphDestroy")]
    public static partial CudaStatus GraphDestroy(nint graph);

    [LibraryImport(Library, EntryPoint = "cuGraphExecDestroy")]
    public static partial CudaStatus GraphExecDestroy(nint executable);
}
