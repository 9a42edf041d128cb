namespace CudaViT.Cuda;

public sealed unsafe partial class CudaDriver
{
    private static readonly Lazy<string?> Problem = new(FindProblem);

    /// <summary>Why no kernel can run on a GPU here; null if one can. Found out once.</summary>
    public static string? Unavailable => Problem.Value;

    /// <summary>
    /// Whether the names of ranges reach a profiler: there is a library for them, with its functions.
    /// </summary>
    public static bool NamesRanges => Nvtx.IsPresent;

    private static string? FindProblem()
    {
        try
        {
            using var driver = new CudaDriver();
            CudaLibraries.Load(CudaLibrary.Nvrtc);
            return null;
        }
        catch (GpuException error)
        {
            return error.Message;
        }
    }
}
