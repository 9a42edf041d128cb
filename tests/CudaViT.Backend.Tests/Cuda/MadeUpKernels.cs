using CudaViT.Cuda;

namespace CudaViT.Backend.Tests.Cuda;

/// <summary>
/// A folder of kernels of a test's own, gone afterwards, with another folder for what is made of them.
/// </summary>
internal sealed class MadeUpKernels : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cudavit-kernels-").FullName;

    public MadeUpKernels()
    {
        Write("common/half.cuh", "#pragma once\n__device__ inline float half(float x) { return x / 2; }\n");
        Write("scale.cu", """
            // Scale: y = x / 2.
            // Builds   f32 f64
            #include "common/half.cuh"

            extern "C" __global__ void scale(float* y, const float* x, int count)
            {
                const int i = blockIdx.x * blockDim.x + threadIdx.x;
                if (i < count) y[i] = half(x[i]);
            }
            """);
    }

    /// <summary>For caches; not made yet.</summary>
    public string CacheFolder => Path.Combine(_folder, "cache");

    public KernelSources Sources => KernelSources.FromDirectory(Path.Combine(_folder, "kernels"));

    public void Write(string name, string text)
    {
        string path = Path.Combine(_folder, "kernels", name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
    }

    public KernelModule Module(string file = "scale.cu", KernelBuild build = KernelBuild.F32) =>
        new(KernelFile.Read(file, Sources), build);

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
