using System.Runtime.InteropServices;

namespace CudaViT.Benchmarks;

/// <summary>The few functions of OpenBLAS that we compare ourselves with.</summary>
internal static class OpenBlas
{
    private const string Library = "openblas";
    private const int RowMajor = 101;
    private const int NoTranspose = 111;
    private const int Transpose = 112;

    private static readonly string[] FileNames =
    [
        "libopenblas.so.0",
        "/usr/lib/x86_64-linux-gnu/openblas-pthread/libopenblas.so.0",
        "libopenblas.dylib",
        "libopenblas.dll",
    ];

    private static readonly nint Handle = Load();

    /// <summary>Whether the library was found.</summary>
    public static bool IsPresent => Handle != 0;

    /// <summary>Version, options and kernels, in the library's words.</summary>
    public static string Description => Marshal.PtrToStringUTF8(GetConfig()) ?? "";

    public static int Threads
    {
        set => SetNumThreads(value);
    }

    /// <summary>C[m, n] = A · B, row-major; a transposed operand is stored [k, m] or [n, k].</summary>
    public static void Multiply(
        int m, int n, int k, Span<float> a, int aRow, bool transposeA, Span<float> b, int bRow, bool transposeB,
        Span<float> c, int cRow) =>
        Sgemm(
            RowMajor, transposeA ? Transpose : NoTranspose, transposeB ? Transpose : NoTranspose, m, n, k, 1f, ref a[0],
            aRow, ref b[0], bRow, 0f, ref c[0], cRow);

    private static nint Load()
    {
        foreach (string name in FileNames)
        {
            if (NativeLibrary.TryLoad(name, out nint handle))
            {
                NativeLibrary.SetDllImportResolver(
                    typeof(OpenBlas).Assembly, (wanted, _, _) => wanted == Library ? handle : 0);
                return handle;
            }
        }

        return 0;
    }

    // Plain DllImport: the arguments need no marshalling, and LibraryImport would generate unsafe code.
    [DllImport(Library, EntryPoint = "cblas_sgemm", ExactSpelling = true)]
    private static extern void Sgemm(
        int order, int transposeA, int transposeB, int m, int n, int k, float alpha, ref float a, int aRow, ref float b,
        int bRow, float beta, ref float c, int cRow);

    [DllImport(Library, EntryPoint = "openblas_set_num_threads", ExactSpelling = true)]
    private static extern void SetNumThreads(int threads);

    [DllImport(Library, EntryPoint = "openblas_get_config", ExactSpelling = true)]
    private static extern nint GetConfig();
}
