namespace CudaViT.Core;

/// <summary>
/// Where the gradient of an operation's input goes: to an earlier entry of the tape, to a leaf, or nowhere. Holds no
/// intermediate tensor, so the tape keeps alive only what operations saved.
/// </summary>
/// <param name="Entry">Number of the tape entry that made the input; −1 when none did.</param>
/// <param name="Leaf">The input itself when it is a leaf that collects gradients.</param>
/// <param name="Producer">Name of the operation that made the input, for messages.</param>
/// <param name="Shape">The input's shape, which its gradient must have.</param>
/// <param name="DType">The input's element type, which its gradient must have.</param>
internal readonly record struct Edge(long Entry, Tensor? Leaf, string Producer, Shape Shape, DType DType)
{
    public bool NeedsGradient => Entry >= 0 || Leaf is not null;

    public static Edge To(Tensor? input) => input switch
    {
        { Entry: >= 0 } => new Edge(input.Entry, null, input.Producer, input.Shape, input.DType),
        { RequiresGrad: true } => new Edge(-1, input, input.Producer, input.Shape, input.DType),
        _ => new Edge(-1, null, "", default, default),
    };
}
