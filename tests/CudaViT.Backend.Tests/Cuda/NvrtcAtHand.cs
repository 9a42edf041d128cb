using CudaViT.Cuda;

namespace CudaViT.Backend.Tests.Cuda;

/// <summary>The run-time compiler, for tests that are left out where there is none.</summary>
internal static class NvrtcAtHand
{
    /// <summary>Turns missing NVRTC into a failure.</summary>
    private const string RequireVariable = "CUDAVIT_REQUIRE_NVRTC";

    /// <summary>A compiler; without NVRTC the test is skipped, or fails if NVRTC is required.</summary>
    public static KernelCompiler Compiler(KernelCache? cache = null)
    {
        FoundLibrary nvrtc = CudaLibraries.Probe(CudaLibrary.Nvrtc);
        Skip.If(
            !nvrtc.IsFound && Environment.GetEnvironmentVariable(RequireVariable) != "1",
            $"NVRTC was not found: set {CudaLibraries.SettingVariable}, or run tools/get-nvrtc.sh; "
            + $"{RequireVariable}=1 makes this a failure");
        return new KernelCompiler(cache);
    }
}
