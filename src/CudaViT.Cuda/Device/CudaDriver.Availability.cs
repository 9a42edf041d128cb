namespace CudaViT.Cuda;

public sealed unsafe partial class CudaDriver
{
    private static readonly Lazy<string?> Problem = new(FindProblem);

    /// <summary>Why no kernel can run on a GPU here; null if one can. Found out once.</summary>
    public static string? Unavailable => Problem.Value;

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
