using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace CudaViT.Cpu;

/// <summary>Copies panels of A and B to where, and in the order in which, a micro-kernel reads them.</summary>
internal static class GemmPacking<T, TKernel>
    where T : unmanaged, IFloatingPointIeee754<T>
    where TKernel : struct, IMicroKernel<T>
{
    /// <summary>
    /// Where <see cref="PackA"/> leaves a[i, p], as the distances between rows and columns. The kernel takes any
    /// strides, so rows that are contiguous stay so, and everything else is laid out in the order of reading.
    /// </summary>
    public static (nint Row, nint Column) PackedStrides(nint columnStride, int depth) =>
        columnStride == 1 ? (depth, 1) : (1, TKernel.Rows);

    /// <summary>Packs up to <c>TKernel.Rows</c> rows of A; see <see cref="PackedStrides"/>.</summary>
    public static void PackA(ref T source, nint rowStride, nint columnStride, int rows, int depth, ref T target)
    {
        if (columnStride == 1)
        {
            for (int i = 0; i < rows; i++)
            {
                MemoryMarshal.CreateReadOnlySpan(ref Unsafe.Add(ref source, i * rowStride), depth)
                    .CopyTo(MemoryMarshal.CreateSpan(ref Unsafe.Add(ref target, i * depth), depth));
            }

            return;
        }

        if (rowStride == 1 && rows == TKernel.Rows)
        {
            CopyRuns(ref source, columnStride, ref target, TKernel.Rows, depth);
            return;
        }

        for (int p = 0; p < depth; p++)
        {
            for (int i = 0; i < rows; i++)
            {
                Unsafe.Add(ref target, i) = Unsafe.Add(ref source, i * rowStride);
            }

            source = ref Unsafe.Add(ref source, columnStride);
            target = ref Unsafe.Add(ref target, TKernel.Rows);
        }
    }

    /// <summary>
    /// Packs up to <c>TKernel.Columns</c> columns of B, b[p, j] to p * Columns + j, zeros for those missing.
    /// </summary>
    public static void PackB(ref T source, nint rowStride, nint columnStride, int depth, int columns, ref T target)
    {
        if (columnStride == 1 && columns == TKernel.Columns)
        {
            CopyRuns(ref source, rowStride, ref target, TKernel.Columns, depth);
            return;
        }

        if (columnStride == 1)
        {
            for (int p = 0; p < depth; p++)
            {
                Span<T> row = MemoryMarshal.CreateSpan(
                    ref Unsafe.Add(ref target, p * TKernel.Columns), TKernel.Columns);
                MemoryMarshal.CreateReadOnlySpan(ref Unsafe.Add(ref source, p * rowStride), columns).CopyTo(row);
                row[columns..].Clear();
            }

            return;
        }

        for (int p = 0; p < depth; p++)
        {
            ref T row = ref Unsafe.Add(ref target, p * TKernel.Columns);
            ref T from = ref Unsafe.Add(ref source, p * rowStride);
            for (int j = 0; j < columns; j++)
            {
                Unsafe.Add(ref row, j) = Unsafe.Add(ref from, j * columnStride);
            }

            MemoryMarshal.CreateSpan(ref row, TKernel.Columns)[columns..].Clear();
        }
    }

    /// <summary>Copies runs of a length known to the compiler, which makes each a few vector moves.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void CopyRuns(ref T source, nint stride, ref T target, int length, int count)
    {
        for (int p = 0; p < count; p++)
        {
            Unsafe.CopyBlockUnaligned(
                ref Unsafe.As<T, byte>(ref target), ref Unsafe.As<T, byte>(ref source),
                (uint)(length * Unsafe.SizeOf<T>()));
            source = ref Unsafe.Add(ref source, stride);
            target = ref Unsafe.Add(ref target, length);
        }
    }
}

/// <summary>What a thread keeps between matrix products so that they allocate nothing.</summary>
internal sealed class GemmBuffers<T>
    where T : unmanaged
{
    [ThreadStatic]
    private static GemmBuffers<T>? _ofThisThread;

    public static GemmBuffers<T> OfThisThread => _ofThisThread ??= new GemmBuffers<T>();

    /// <summary>Packed rows of A, which this thread shares with its team while it leads a product.</summary>
    public AlignedBuffer<T> PackedA { get; } = new();

    /// <summary>Packed columns of B, which this thread shares with its team while it leads a product.</summary>
    public AlignedBuffer<T> PackedB { get; } = new();

    /// <summary>One packed panel of B, for products that a thread does alone.</summary>
    public AlignedBuffer<T> Panel { get; } = new();

    /// <summary>One block of C, for blocks that reach past the last row or column.</summary>
    public AlignedBuffer<T> Edge { get; } = new();
}
