namespace CudaViT.Cpu;

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
