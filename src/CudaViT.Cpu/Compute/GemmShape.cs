namespace CudaViT.Cpu;

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
