using System.Runtime.InteropServices;

namespace CudaViT.Cuda;

/// <summary>
/// Names of ranges for a profiler's timeline. NVTX is optional: without its library, ranges cost nothing and do nothing.
/// </summary>
internal static partial class Nvtx
{
    private static readonly bool IsPresent = CudaLibraries.Probe(CudaLibrary.Nvtx).IsFound;

    public static void Push(string name)
    {
        if (IsPresent)
        {
            _ = RangePush(name);
        }
    }

    public static void Pop()
    {
        if (IsPresent)
        {
            _ = RangePop();
        }
    }

    // Both return the depth of nesting, which nobody needs. Short names are converted on the stack.
    [LibraryImport(CudaLibraries.Nvtx, EntryPoint = "nvtxRangePushA", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int RangePush(string name);

    [LibraryImport(CudaLibraries.Nvtx, EntryPoint = "nvtxRangePop")]
    private static partial int RangePop();
}
