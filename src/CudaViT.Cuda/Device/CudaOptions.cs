namespace CudaViT.Cuda;

/// <summary>How to open a GPU.</summary>
public sealed record CudaOptions
{
    /// <summary>The environment variable that sets <see cref="SynchronousLaunches"/> when it is 1.</summary>
    public const string SynchronousVariable = "CUDAVIT_SYNC";

    /// <summary>Which of the devices that CUDA_VISIBLE_DEVICES leaves, from 0.</summary>
    public int DeviceOrdinal { get; init; }

    /// <summary>
    /// Whether to wait after every launch. Slow; the error of a kernel that faults then names that kernel. Recorded
    /// graphs are waited for as a whole.
    /// </summary>
    public bool SynchronousLaunches { get; init; } = Environment.GetEnvironmentVariable(SynchronousVariable) == "1";

    /// <summary>
    /// Whether products of F32 matrices may round their factors to TF32 (10 bits of fraction), which tensor cores
    /// multiply.
    /// </summary>
    public bool AllowTf32 { get; init; }

    /// <summary>The kernels that stand in where cuBLASLt cannot; null for the built-in ones.</summary>
    public KernelCatalog? Kernels { get; init; }

    /// <summary>
    /// Gets a line, once, for what makes the device slower than it could be, such as a missing cuBLASLt; by default
    /// standard error does.
    /// </summary>
    public Action<string> Note { get; init; } = text => Console.Error.WriteLine($"cudavit: {text}");

    /// <summary>Where machine code comes from; null for NVRTC. For tests with a driver that only stands in.</summary>
    internal Func<KernelModule, byte[]>? Compile { get; init; }
}
