using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace CudaViT.Cpu;

/// <summary>
/// Loops over spans of any length with one formula: whole vectors first, then single elements in lane 0 of the same
/// vector type, with zeros beside them. So the bits of an element do not depend on where it stands.
/// </summary>
/// <example>
/// <code>
/// for (int i = 0, n; i &lt; x.Length; i += n)
/// {
///     n = Lanes.Take(x, i);
///     Lanes.Store(f(Lanes.Load(x, i, n)), y, i, n);
/// }
/// </code>
/// </example>
internal static class Lanes
{
    /// <summary>How many elements to do next: a vector's worth, or one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Take<T>(ReadOnlySpan<T> x, int start)
        where T : unmanaged =>
        x.Length - start >= Vector256<T>.Count ? Vector256<T>.Count : 1;

    /// <summary>Reads <paramref name="count"/> elements, as <see cref="Take"/> gave it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> Load<T>(ReadOnlySpan<T> x, int start, int count)
        where T : unmanaged =>
        count == 1
            ? Vector256.CreateScalar(x[start])
            : Vector256.LoadUnsafe(ref MemoryMarshal.GetReference(x.Slice(start, count)));

    /// <summary>Writes <paramref name="count"/> elements, as <see cref="Take"/> gave it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store<T>(Vector256<T> value, Span<T> y, int start, int count)
        where T : unmanaged
    {
        if (count == 1)
        {
            y[start] = value.ToScalar();
        }
        else
        {
            value.StoreUnsafe(ref MemoryMarshal.GetReference(y.Slice(start, count)));
        }
    }

    /// <summary>Adds the squares of all lanes to four sums in double precision.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<double> AddSquares<T>(Vector256<double> sums, Vector256<T> x)
        where T : unmanaged
    {
        if (typeof(T) == typeof(double))
        {
            Vector256<double> wide = x.AsDouble();
            return sums + (wide * wide);
        }

        (Vector256<double> lower, Vector256<double> upper) = Vector256.Widen(x.AsSingle());
        return sums + (lower * lower) + (upper * upper);
    }

    /// <summary>One number in all lanes.</summary>
    public static Vector256<T> All<T>(double value)
        where T : unmanaged, INumberBase<T> =>
        Vector256.Create(T.CreateChecked(value));
}
