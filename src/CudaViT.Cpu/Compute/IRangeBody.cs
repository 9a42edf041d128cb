namespace CudaViT.Cpu;

/// <summary>The body of a parallel loop, as a struct so that a loop allocates nothing.</summary>
internal interface IRangeBody
{
    /// <summary>
    /// Does the iterations from <paramref name="start"/> up to, not including, <paramref name="end"/>.
    /// </summary>
    void Run(long start, long end);
}
