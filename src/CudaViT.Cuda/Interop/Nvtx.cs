using System.Text.Unicode;

namespace CudaViT.Cuda;

/// <summary>
/// Names of ranges for a profiler's timeline. NVTX is optional: without its library, or with one that lacks these
/// functions, ranges cost nothing and do nothing.
/// </summary>
internal static unsafe class Nvtx
{
    private const int LongestName = 128;

    // Both return the depth of nesting, which nobody needs.
    private static readonly delegate* unmanaged<byte*, int> RangePush =
        (delegate* unmanaged<byte*, int>)CudaLibraries.TryGetExport(CudaLibrary.Nvtx, "nvtxRangePushA");

    private static readonly delegate* unmanaged<int> RangePop =
        (delegate* unmanaged<int>)CudaLibraries.TryGetExport(CudaLibrary.Nvtx, "nvtxRangePop");

    /// <summary>Whether ranges are passed on.</summary>
    public static bool IsPresent => RangePush != null && RangePop != null;

    public static void Push(string name)
    {
        if (IsPresent)
        {
            // Names of methods; what is longer is cut.
            byte* text = stackalloc byte[LongestName];
            Utf8.FromUtf16(name, new Span<byte>(text, LongestName - 1), out _, out int length);
            text[length] = 0;
            _ = RangePush(text);
        }
    }

    public static void Pop()
    {
        if (IsPresent)
        {
            _ = RangePop();
        }
    }
}
