namespace CudaViT.Core;

/// <summary>State of a backend's memory pool.</summary>
/// <param name="LiveBytes">Bytes of the blocks in use.</param>
/// <param name="PeakLiveBytes">Largest value of <paramref name="LiveBytes"/> so far.</param>
/// <param name="PooledBytes">Bytes of the blocks that wait to be used again.</param>
/// <param name="Requests">Number of blocks asked for so far.</param>
/// <param name="CollectedBlocks">
/// Blocks that neither a step scope nor a call of Release gave back: the garbage collector found them.
/// </param>
public readonly record struct MemoryStatistics(
    long LiveBytes, long PeakLiveBytes, long PooledBytes, long Requests, long CollectedBlocks);
