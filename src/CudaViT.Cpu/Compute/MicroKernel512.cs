using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace CudaViT.Cpu;

/// <summary>
/// Eight rows by two 512-bit vectors: 16 accumulators of 32 registers, and one address register a row.
/// </summary>
internal readonly struct MicroKernel512<T> : IMicroKernel<T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    public static int Rows => 8;

    public static int Columns => 2 * Vector512<T>.Count;

    public static void Run(
        nint depth, ref readonly T a, nint aRow, nint aColumn, int rows, ref readonly T b, ref T c, nint cRow, T alpha,
        bool accumulate)
    {
        nint last = rows - 1;
        nint a1 = Math.Min(1, last) * aRow;
        nint a2 = Math.Min(2, last) * aRow;
        nint a3 = Math.Min(3, last) * aRow;
        nint a4 = Math.Min(4, last) * aRow;
        nint a5 = Math.Min(5, last) * aRow;
        nint a6 = Math.Min(6, last) * aRow;
        nint a7 = Math.Min(7, last) * aRow;
        ref T left = ref Unsafe.AsRef(in a);
        ref T right = ref Unsafe.AsRef(in b);

        Vector512<T> c00 = default, c01 = default;
        Vector512<T> c10 = default, c11 = default;
        Vector512<T> c20 = default, c21 = default;
        Vector512<T> c30 = default, c31 = default;
        Vector512<T> c40 = default, c41 = default;
        Vector512<T> c50 = default, c51 = default;
        Vector512<T> c60 = default, c61 = default;
        Vector512<T> c70 = default, c71 = default;
        for (; depth > 0; depth--)
        {
            var b0 = Vector512.LoadUnsafe(ref right);
            var b1 = Vector512.LoadUnsafe(ref right, (nuint)Vector512<T>.Count);

            var x = Vector512.Create(left);
            c00 = MultiplyAdd(x, b0, c00);
            c01 = MultiplyAdd(x, b1, c01);
            x = Vector512.Create(Unsafe.Add(ref left, a1));
            c10 = MultiplyAdd(x, b0, c10);
            c11 = MultiplyAdd(x, b1, c11);
            x = Vector512.Create(Unsafe.Add(ref left, a2));
            c20 = MultiplyAdd(x, b0, c20);
            c21 = MultiplyAdd(x, b1, c21);
            x = Vector512.Create(Unsafe.Add(ref left, a3));
            c30 = MultiplyAdd(x, b0, c30);
            c31 = MultiplyAdd(x, b1, c31);
            x = Vector512.Create(Unsafe.Add(ref left, a4));
            c40 = MultiplyAdd(x, b0, c40);
            c41 = MultiplyAdd(x, b1, c41);
            x = Vector512.Create(Unsafe.Add(ref left, a5));
            c50 = MultiplyAdd(x, b0, c50);
            c51 = MultiplyAdd(x, b1, c51);
            x = Vector512.Create(Unsafe.Add(ref left, a6));
            c60 = MultiplyAdd(x, b0, c60);
            c61 = MultiplyAdd(x, b1, c61);
            x = Vector512.Create(Unsafe.Add(ref left, a7));
            c70 = MultiplyAdd(x, b0, c70);
            c71 = MultiplyAdd(x, b1, c71);

            left = ref Unsafe.Add(ref left, aColumn);
            right = ref Unsafe.Add(ref right, Columns);
        }

        var factor = Vector512.Create(alpha);
        Store(ref c, c00, c01, factor, accumulate);
        Store(ref Unsafe.Add(ref c, cRow), c10, c11, factor, accumulate);
        Store(ref Unsafe.Add(ref c, 2 * cRow), c20, c21, factor, accumulate);
        Store(ref Unsafe.Add(ref c, 3 * cRow), c30, c31, factor, accumulate);
        Store(ref Unsafe.Add(ref c, 4 * cRow), c40, c41, factor, accumulate);
        Store(ref Unsafe.Add(ref c, 5 * cRow), c50, c51, factor, accumulate);
        Store(ref Unsafe.Add(ref c, 6 * cRow), c60, c61, factor, accumulate);
        Store(ref Unsafe.Add(ref c, 7 * cRow), c70, c71, factor, accumulate);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(ref T c, Vector512<T> s0, Vector512<T> s1, Vector512<T> factor, bool accumulate)
    {
        Vector512<T> c0 = default, c1 = default;
        if (accumulate)
        {
            c0 = Vector512.LoadUnsafe(ref c);
            c1 = Vector512.LoadUnsafe(ref c, (nuint)Vector512<T>.Count);
        }

        MultiplyAdd(s0, factor, c0).StoreUnsafe(ref c);
        MultiplyAdd(s1, factor, c1).StoreUnsafe(ref c, (nuint)Vector512<T>.Count);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<T> MultiplyAdd(Vector512<T> x, Vector512<T> y, Vector512<T> z) =>
        typeof(T) == typeof(float)
            ? Vector512.FusedMultiplyAdd(x.AsSingle(), y.AsSingle(), z.AsSingle()).As<float, T>()
            : Vector512.FusedMultiplyAdd(x.AsDouble(), y.AsDouble(), z.AsDouble()).As<double, T>();
}
