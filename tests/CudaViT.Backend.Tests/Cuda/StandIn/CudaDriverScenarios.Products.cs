using System.Runtime.InteropServices;
using CudaViT.Core;
using CudaViT.Cuda;
using CudaViT.TestKit;

namespace CudaViT.Backend.Tests.Cuda;

/// <summary>Matrix products.</summary>
internal static unsafe partial class CudaDriverScenarios
{
    public static void Products_are_those_of_the_definition()
    {
        List<string> notes = [];
        using CudaDriver driver = Open(new CudaOptions { Compile = _ => Code, Note = notes.Add });
        foreach (DType dtype in (DType[])[DType.F64, DType.F32, DType.BF16])
        {
            foreach (bool transposeA in (bool[])[false, true])
            {
                foreach (bool transposeB in (bool[])[false, true])
                {
                    // The stand-in has no algorithm for a bias in F64, like the library.
                    Multiply(driver, dtype, transposeA, transposeB, batch: 1, bias: dtype != DType.F64, beta: 0);
                    Multiply(driver, dtype, transposeA, transposeB, batch: 3, bias: dtype != DType.F64, beta: 0.5);
                    Multiply(driver, dtype, transposeA, transposeB, batch: 1, bias: false, beta: 1);
                }
            }
        }

        Assert.Empty(notes);
    }

    public static void A_product_without_an_algorithm_goes_to_the_kernel_and_is_told_once()
    {
        List<string> notes = [];
        using CudaDriver driver = Open(new CudaOptions { Compile = _ => Code, Note = notes.Add });
        nint x = driver.Allocate(1024);

        // Its code is not in what the test loads, which shows that it was asked for.
        for (int i = 0; i < 2; i++)
        {
            Assert.Throws<GpuException>(() => driver.MatMul(
                new GpuMatMul { DType = DType.F64, M = 2, N = 2, K = 2, A = x, B = x, D = x, Bias = x },
                GpuStream.Compute));
        }

        Assert.Equal(
            "cuBLASLt has no algorithm for 1 x [2, 2] x [2, 2] in F64 with a bias: "
                + "kernels/matmul.cu multiplies, which is "
                + "slower",
            Assert.Single(notes));
        driver.MatMul(new GpuMatMul { DType = DType.F32, M = 0, N = 2, K = 2, A = x, B = x, D = x }, GpuStream.Compute);
        driver.MatMul(new GpuMatMul { DType = DType.F32, M = 2, N = 0, K = 2, A = x, B = x, D = x }, GpuStream.Compute);
        Assert.Throws<GpuException>(() => driver.MatMul(
            new GpuMatMul { DType = DType.F32, M = 2, N = 2, K = 0, A = x, B = x, D = x }, GpuStream.Compute));
    }

    public static void A_refused_algorithm_gives_way_to_the_next_one()
    {
        List<string> notes = [];
        using CudaDriver driver = Open(new CudaOptions { Compile = _ => Code, Note = notes.Add });
        try
        {
            Refuse(2);
            Multiply(driver, DType.F32, transposeA: false, transposeB: true, batch: 1, bias: true, beta: 0);
            Assert.Equal(2, LastAlgorithm());

            Refuse(0); // what was refused once stays out: a product's bits do not depend on when it is computed
            Multiply(driver, DType.F32, transposeA: false, transposeB: true, batch: 1, bias: true, beta: 0);
            Assert.Equal(2, LastAlgorithm());
            Multiply(driver, DType.F32, transposeA: true, transposeB: true, batch: 1, bias: true, beta: 0);
            Assert.Equal(0, LastAlgorithm());
            Assert.Empty(notes);
        }
        finally
        {
            Refuse(0);
        }
    }

    public static void Where_every_algorithm_is_refused_the_kernel_multiplies_and_that_is_told_once()
    {
        List<string> notes = [];
        using CudaDriver driver = Open(new CudaOptions { Compile = _ => CodeOfProducts, Note = notes.Add });
        nint x = driver.Allocate(1 << 20);
        GpuMatMul product = new() { DType = DType.F32, M = 2, N = 3, K = 4, A = x, B = x + 256, D = x + 512 };
        try
        {
            Refuse(100);
            driver.MatMul(product, GpuStream.Compute);
            Assert.Equal("matmul", LastProduct());
            driver.MatMul(product with { M = 3 }, GpuStream.Compute);
        }
        finally
        {
            Refuse(0);
        }

        driver.MatMul(product, GpuStream.Compute);
        driver.Synchronize();
        Assert.Equal(
            "cuBLASLt refuses 1 x [2, 4] x [4, 3] in F32 (NotSupported): kernels/matmul.cu multiplies, which is slower",
            Assert.Single(notes));
    }

    // The stand-in faults on it, as kernels of the library do that read the bias 16 bytes at a time.
    public static void A_bias_that_is_not_aligned_is_not_given_to_the_library()
    {
        List<string> notes = [];
        using CudaDriver driver = Open(new CudaOptions { Compile = _ => CodeOfProducts, Note = notes.Add });
        nint x = driver.Allocate(1 << 20);
        GpuMatMul product = new() { DType = DType.BF16, M = 2, N = 3, K = 4, A = x, B = x + 256, D = x + 512 };

        driver.MatMul(product with { Bias = x + 1024 }, GpuStream.Compute);
        Assert.Empty(notes);
        driver.MatMul(product with { Bias = x + 1026 }, GpuStream.Compute);
        driver.Synchronize();

        Assert.Equal(
            "cuBLASLt is not given 1 x [2, 4] x [4, 3] in BF16 with a bias that does not start at a multiple of 16 "
            + "bytes: kernels/matmul.cu multiplies, which is slower",
            Assert.Single(notes));
    }

    public static void Each_plain_product_is_launched_by_its_own_name()
    {
        using CudaDriver driver = Open(new CudaOptions { Compile = _ => CodeOfProducts, Note = _ => { } });
        nint x = driver.Allocate(1 << 20);
        GpuMatMul product = new()
        {
            DType = DType.BF16,
            M = 64,
            N = 64,
            K = 64,
            A = x,
            B = x + 8192,
            D = x + 16384,
            Bias = x + 32770, // which keeps the library out
        };

        foreach ((string name, bool transposeA, bool transposeB) in ((string, bool, bool)[])
            [("nn", false, false), ("nt", false, true), ("tn", true, false), ("tt", true, true), ("nn", false, false)])
        {
            driver.MatMul(product with { TransposeA = transposeA, TransposeB = transposeB }, GpuStream.Compute);
            Assert.Equal($"matmul_mma_{name}", LastProduct());
        }

        driver.MatMul(product with { M = 2 }, GpuStream.Compute);
        Assert.Equal("matmul", LastProduct());
    }

    private static void Refuse(int count) =>
        ((delegate* unmanaged<int, void>)StandIns.Export(CudaLibrary.CublasLt, "stand_in_refuse"))(count);

    private static int LastAlgorithm() =>
        ((delegate* unmanaged<int>)StandIns.Export(CudaLibrary.CublasLt, "stand_in_last_algorithm"))();

    private static string LastProduct() => Marshal.PtrToStringUTF8(
        ((delegate* unmanaged<nint>)StandIns.Export(CudaLibrary.Driver, "stand_in_last_product"))())!;

    private static void Multiply(
        CudaDriver driver, DType dtype, bool transposeA, bool transposeB, int batch, bool bias, double beta)
    {
        const int M = 3, N = 5, K = 4;
        int size = dtype.SizeInBytes();
        double[] a = Round(Values.Normal(batch * M * K, seed: 1)), b = Round(Values.Normal(batch * K * N, seed: 2));
        double[] c = Round(Values.Normal(batch * M * N, seed: 3)), row = Round(Values.Normal(N, seed: 4));
        nint addressA = Upload(a), addressB = Upload(b), addressD = Upload(c), addressBias = bias ? Upload(row) : 0;
        driver.MatMul(
            new GpuMatMul
            {
                DType = dtype,
                M = M,
                N = N,
                K = K,
                A = addressA,
                B = addressB,
                C = addressD,
                D = addressD,
                Bias = addressBias,
                TransposeA = transposeA,
                TransposeB = transposeB,
                Batch = batch,
                StrideA = M * K,
                StrideB = K * N,
                StrideD = M * N,
                Alpha = 2,
                Beta = beta,
            },
            GpuStream.Compute);
        byte[] bytes = new byte[c.Length * size];
        driver.CopyToHost(addressD, bytes, GpuStream.Compute);

        for (int i = 0; i < c.Length; i++)
        {
            (int matrix, int m, int n) = (i / (M * N), i / N % M, i % N);
            double sum = 0;
            for (int k = 0; k < K; k++)
            {
                sum += a[(matrix * M * K) + (transposeA ? (k * M) + m : (m * K) + k)]
                    * b[(matrix * K * N) + (transposeB ? (n * K) + k : (k * N) + n)];
            }

            double expected = (2 * sum) + (beta * c[i]) + (bias ? row[n] : 0);
            double error = dtype == DType.F64 ? 1e-14 : dtype == DType.F32 ? 1e-6 : 1.0 / 256;
            Assert.Equal(expected, Read(bytes, i), error * (1 + Math.Abs(expected)));
        }

        foreach (nint address in (nint[])[addressA, addressB, addressD, .. bias ? (nint[])[addressBias] : []])
        {
            driver.Free(address);
        }

        double[] Round(double[] values) => Array.ConvertAll(values, value => dtype switch
        {
            DType.F64 => value,
            DType.F32 => (float)value,
            _ => (double)(BFloat16)value,
        });

        nint Upload(double[] values)
        {
            nint address = driver.Allocate(values.Length * size);
            driver.CopyFromHost(
                dtype switch
                {
                    DType.F64 => MemoryMarshal.AsBytes<double>(values),
                    DType.F32 => MemoryMarshal.AsBytes<float>(Array.ConvertAll(values, value => (float)value)),
                    _ => MemoryMarshal.AsBytes<BFloat16>(Array.ConvertAll(values, value => (BFloat16)value)),
                },
                address,
                GpuStream.Compute);
            return address;
        }

        double Read(byte[] from, int index) => dtype switch
        {
            DType.F64 => MemoryMarshal.Cast<byte, double>(from)[index],
            DType.F32 => MemoryMarshal.Cast<byte, float>(from)[index],
            _ => (double)MemoryMarshal.Cast<byte, BFloat16>(from)[index],
        };
    }
}
