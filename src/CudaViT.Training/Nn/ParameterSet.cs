namespace CudaViT.Training.Nn;

/// <summary>Parameters of one part of a network, to be watched together.</summary>
/// <param name="Name">The part, for example <c>blocks.0</c>.</param>
/// <param name="Parameters">Its parameters.</param>
public sealed record ParameterSet(string Name, IReadOnlyList<Parameter> Parameters);
