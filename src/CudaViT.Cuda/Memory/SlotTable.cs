namespace CudaViT.Cuda;

/// <summary>A table of slots in device memory, as <c>common/slots.cuh</c> reads it.</summary>
/// <param name="Address">Device address; may change hands at the next upload.</param>
/// <param name="Slots">Number of entries.</param>
/// <param name="Blocks">Chunks of all entries together: the grid of a launch.</param>
/// <param name="Elements">Elements of all entries together.</param>
internal readonly record struct SlotTable(nint Address, int Slots, int Blocks, long Elements);
