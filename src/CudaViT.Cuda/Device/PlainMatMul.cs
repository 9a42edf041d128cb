using CudaViT.Core;

namespace CudaViT.Cuda;

/// <summary>
/// Matrix products by <c>kernels/matmul.cu</c>, and by <c>matmul_mma.cu</c> where tensor cores can be used: what the
/// emulator runs, and a GPU on which cuBLASLt is not installed.
/// </summary>
public static class PlainMatMul
{
    private const int Threads = 64;
    private const int Tile = 64; // rows and columns of D per block

    private const int MmaThreads = 256;
    private const int MmaTile = 128;
    private const int MmaSharedBytes = 61440;

    // Below half a tile, or one slab, of work the large tiles of tensor cores are mostly idle.
    private const int LeastMmaSide = 64;
    private const int LeastMmaDepth = 32;

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

        int size = product.DType.SizeInBytes();
        bool packedA = IsPacked(size, product.A, product.TransposeA ? product.M : product.K, product.StrideA);
        bool packedB = IsPacked(size, product.B, product.TransposeB ? product.K : product.N, product.StrideB);
        bool packedD = IsPacked(size, product.D | product.C, product.N, product.StrideD);
        bool usesMma = product.DType == DType.BF16 && packedA && packedB && packedD
            && Math.Min(product.M, product.N) >= LeastMmaSide && product.K >= LeastMmaDepth;
        int tile = usesMma ? MmaTile : Tile;
        long tiles = product.Batch * ((product.M + tile - 1) / tile) * ((product.N + tile - 1) / tile);
        if (tiles > int.MaxValue)
        {
            throw new ArgumentException(
                $"MatMul: {product.Batch} products of {product.M} x {product.N} "
                + "are more than 2^31 - 1 tiles. Split the batch.");
        }

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
        if (usesMma)
        {
            string entry = (product.TransposeA, product.TransposeB) switch
            {
                (false, false) => "matmul_mma_nn",
                (false, true) => "matmul_mma_nt",
                (true, false) => "matmul_mma_tn",
                _ => "matmul_mma_tt",
            };
            arguments.Pass(find(entry, KernelBuild.BF16), (int)tiles, MmaThreads, MmaSharedBytes, stream, driver);
            return;
        }

        arguments.Add(product.TransposeA ? 1 : 0);
        arguments.Add(product.TransposeB ? 1 : 0);
        arguments.Add(packedA ? 1 : 0);
        arguments.Add(packedB ? 1 : 0);
        arguments.Add(packedD ? 1 : 0);
        arguments.Pass(find("matmul", KernelBuilds.For(product.DType)), (int)tiles, Threads, 0, stream, driver);
    }

    /// <summary>Whether all rows of all matrices start at multiples of 16 bytes.</summary>
    private static bool IsPacked(int elementBytes, nint address, long width, long stride) =>
        ((address | (nint)(width * elementBytes) | (nint)(stride * elementBytes)) & 15) == 0;
}
