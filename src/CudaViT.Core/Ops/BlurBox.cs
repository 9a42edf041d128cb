namespace CudaViT.Core;

/// <summary>
/// One box of a blur in 24-bit fixed point: (Inner * (the pixel and its neighbours up to Radius) + Outer * (the two
/// neighbours at Radius + 1)) / 2²⁴, rounded. The default is no blur.
/// </summary>
/// <param name="Radius">Whole pixels on each side, not negative.</param>
/// <param name="Inner">Weight of the pixels up to the radius; 0 for no blur.</param>
/// <param name="Outer">Weight of the next ones.</param>
public readonly record struct BlurBox(int Radius, uint Inner, uint Outer);
