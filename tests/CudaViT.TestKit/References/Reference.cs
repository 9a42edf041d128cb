namespace CudaViT.TestKit;

/// <summary>
/// Plain double-precision loops, written from the formulas and from nothing else: what the right answer is. One file
/// per operation.
/// </summary>
public static partial class Reference
{
}
