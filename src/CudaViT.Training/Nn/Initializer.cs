using CudaViT.Core;

namespace CudaViT.Training.Nn;

/// <summary>Writes the initial values of a parameter: all of its elements, in row-major order.</summary>
/// <param name="values">To be filled.</param>
/// <param name="stream">Random numbers that belong to this parameter alone.</param>
public delegate void Initializer(Span<double> values, RandomStream stream);
