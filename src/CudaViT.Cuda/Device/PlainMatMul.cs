using CudaViT.Core;

namespace CudaViT.Cuda;

/// <summary>
/// Matrix products by <c>kernels/matmul.cu</c>: what the emulator runs, and a GPU on which cuBLASLt is not installed.
/// </summary>
public static class PlainMatMul
{
    private const int Threads = 64;
    private const int Tile = 64; // rows and columns of D per block

    /// <summary>Launches the product.</summary>
    /// <param name="driver">The device.</param>
    /// <param name="find">Finds a kernel by its name and build.</param>
    /// <param name="product">Matrices; nothing is launched where D is empty.</param>
    /// <param name="stream">Queue to run in.</param>
    /// <exception cref="ArgumentException">D has more than 2³¹ − 1 tiles.</exception>
    public static void Launch(
        IGpuDriver driver, Func<string, KernelBuild, GpuFunction> find, in GpuMatMul product, GpuStream stream)
    {
        ArgumentNullException.ThrowIfNull(driver);
        ArgumentNullException.ThrowIfNull(find);
        if (product.Batch == 0 || product.M == 0 || product.N == 0)
        {
            return;
        }

        long tiles = product.Batch * ((product.M + Tile - 1) / Tile) * ((product.N + Tile - 1) / Tile);
        if (tiles > int.MaxValue)
        {
            throw new ArgumentException(
                $"MatMul: {product.Batch} products of {product.M} x {product.N} are more than 2^31 - 1 tiles. Split the batch.");
        }

        int size = product.DType.SizeInBytes();
        bool packedA = IsPacked(size, product.A, product.TransposeA ? product.M : product.K, product.StrideA);
        bool packedB = IsPacked(size, product.B, product.TransposeB ? product.K : product.N, product.StrideB);
        bool packedD = IsPacked(size, product.D | product.C, product.N, product.StrideD);
        var arguments = default(KernelArguments);
        arguments.AddAddress(product.D);
        arguments.AddAddress(product.A);
        arguments.AddAddress(product.B);
        arguments.AddAddress(product.C);
        arguments.AddAddress(product.Bias);
        arguments.Add(product.Alpha);
        arguments.Add(product.Beta);
        arguments.Add(product.Batch);
        arguments.Add(product.M);
        arguments.Add(product.N);
        arguments.Add(product.K);
        arguments.Add(product.StrideA);
        arguments.Add(product.StrideB);
        arguments.Add(product.StrideD);
        arguments.Add(product.TransposeA ? 1 : 0);
        arguments.Add(product.TransposeB ? 1 : 0);
        arguments.Add(packedA ? 1 : 0);
        arguments.Add(packedB ? 1 : 0);
        arguments.Add(packedD ? 1 : 0);
        GpuFunction function = find("matmul", KernelBuilds.For(product.DType));
        arguments.Pass(function, (int)tiles, Threads, 0, stream, driver);
    }

    /// <summary>Whether all rows of all matrices start at multiples of 16 bytes.</summary>
    private static bool IsPacked(int elementBytes, nint address, long width, long stride) =>
        ((address | (nint)(width * elementBytes) | (nint)(stride * elementBytes)) & 15) == 0;
}
