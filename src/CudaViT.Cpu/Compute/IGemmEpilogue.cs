namespace CudaViT.Cpu;

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
