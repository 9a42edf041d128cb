using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace CudaViT.Cpu;

/// <summary>The arguments of a batch of matrix products.</summary>
internal readonly struct GemmCall<T, TEpilogue>(
    GemmShape shape, MatrixView<T> a, MatrixView<T> b, MatrixTarget<T> c, T alpha, bool accumulate, TEpilogue epilogue)
{
    public readonly GemmShape Shape = shape;
    public readonly MatrixView<T> A = a;
    public readonly MatrixView<T> B = b;
    public readonly MatrixTarget<T> C = c;
    public readonly T Alpha = alpha;
    public readonly bool Accumulate = accumulate;
    public readonly TEpilogue Epilogue = epilogue;

    /// <summary>A[0, 0] of one product.</summary>
    public ref T AStart(long item) =>
        ref At(A.Data.Span, Offset(item, A.OuterStride, A.InnerStride));

    /// <summary>B[0, 0] of one product.</summary>
    public ref T BStart(long item) =>
        ref At(B.Data.Span, Offset(item, B.OuterStride, B.InnerStride));

    /// <summary>C[0, 0] of one product.</summary>
    public ref T CStart(long item) =>
        ref At(C.Data.Span, Offset(item, C.OuterStride, C.InnerStride));

    /// <summary>
    /// Throws unless every element lies within its memory; what runs later reads and writes unchecked.
    /// </summary>
    /// <exception cref="ArgumentException">
    /// A size or stride is negative, or an operand reaches past its memory.
    /// </exception>
    public void Check()
    {
        if (Shape.M < 0 || Shape.N < 0 || Shape.K < 0 || Shape.Outer < 0 || Shape.Inner < 0)
        {
            throw new ArgumentException($"Gemm: sizes must not be negative, but they are {Shape}.");
        }

        CheckOperand("A", Shape.M, Shape.K, A.Data.Length, A.RowStride, A.ColumnStride, A.OuterStride, A.InnerStride);
        CheckOperand("B", Shape.K, Shape.N, B.Data.Length, B.RowStride, B.ColumnStride, B.OuterStride, B.InnerStride);
        CheckOperand("C", Shape.M, Shape.N, C.Data.Length, C.RowStride, 1, C.OuterStride, C.InnerStride);
    }

    private void CheckOperand(
        string name, int rows, int columns, long length, long rowStride, long columnStride, long outerStride,
        long innerStride)
    {
        if (rows == 0 || columns == 0 || Shape.Items == 0)
        {
            return;
        }

        if (rowStride < 0 || columnStride < 0 || outerStride < 0 || innerStride < 0)
        {
            throw new ArgumentException(
                $"Gemm: strides must not be negative, but those of {name} are {rowStride}, {columnStride}, "
                + $"{outerStride}, {innerStride} (row, column, outer, inner).");
        }

        long needed = checked(((rows - 1) * rowStride) + ((columns - 1) * columnStride)
            + ((Shape.Outer - 1) * outerStride) + ((Shape.Inner - 1) * innerStride) + 1);
        if (needed > length)
        {
            throw new ArgumentException(
                $"Gemm: {name} [{rows}, {columns}] needs {needed} elements with strides {rowStride}, {columnStride}, "
                + $"{outerStride}, {innerStride} (row, column, outer, inner) and sizes {Shape}, but has {length}.");
        }
    }

    private long Offset(long item, long outerStride, long innerStride)
    {
        (long outer, long inner) = Math.DivRem(item, Shape.Inner);
        return (outer * outerStride) + (inner * innerStride);
    }

    private static ref T At(ReadOnlySpan<T> data, long offset) =>
        ref Unsafe.Add(ref MemoryMarshal.GetReference(data), (nint)offset);
}

/// <summary>
/// Sizes of a batch of matrix products C[M, N] = A[M, K] · B[K, N]. The batch has two levels, because attention
/// strides differently over samples (outer) and heads (inner).
/// </summary>
internal readonly record struct GemmShape(int M, int N, int K, int Outer = 1, int Inner = 1)
{
    public long Items => (long)Outer * Inner;

    /// <summary>Multiply-adds of one product.</summary>
    public long Work => (long)M * N * K;
}

/// <summary>
/// A batch of matrices to read. Element (i, j) of item (outer, inner) is
/// <c>Data[outer * OuterStride + inner * InnerStride + i * RowStride + j * ColumnStride]</c>. Swapping the row and
/// column strides transposes; a stride of 0 repeats.
/// </summary>
internal readonly record struct MatrixView<T>(
    ReadOnlyMemory<T> Data, long RowStride, long ColumnStride, long OuterStride = 0, long InnerStride = 0)
{
    /// <summary>The same elements with rows and columns exchanged.</summary>
    public MatrixView<T> Transposed => this with { RowStride = ColumnStride, ColumnStride = RowStride };
}

/// <summary>
/// A batch of matrices to write, rows contiguous. Element (i, j) of item (outer, inner) is
/// <c>Data[outer * OuterStride + inner * InnerStride + i * RowStride + j]</c>. Elements must not overlap.
/// </summary>
internal readonly record struct MatrixTarget<T>(
    Memory<T> Data, long RowStride, long OuterStride = 0, long InnerStride = 0);

/// <summary>
/// Work on the elements of a matrix product while they are still in cache, for example bias and GELU.
/// </summary>
internal interface IGemmEpilogue<T>
{
    /// <summary>
    /// Called exactly once for each element, when its sum is complete, by any thread of the team. Must not start
    /// another product.
    /// </summary>
    /// <param name="item">Index of the product within the batch, outer * innerCount + inner.</param>
    /// <param name="row">Row of the segment.</param>
    /// <param name="column">Column of the first element of the segment.</param>
    /// <param name="segment">The elements of C, to be read and replaced.</param>
    void Apply(long item, int row, int column, Span<T> segment);
}
