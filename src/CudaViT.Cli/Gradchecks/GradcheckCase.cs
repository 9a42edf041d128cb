using CudaViT.Core;

namespace CudaViT.Cli.Gradchecks;

/// <summary>An operation at a place where its gradient is worth checking.</summary>
/// <param name="Operation">Name of the operation's class.</param>
/// <param name="What">Which of its forms.</param>
/// <param name="Inputs">Draws the inputs, F64.</param>
/// <param name="Function">The operation, of those inputs.</param>
internal sealed record GradcheckCase(
    string Operation, string What, Func<InputSource, Tensor[]> Inputs, Func<Tensor[], Tensor> Function);
