namespace CudaViT.Core;

/// <summary>
/// Where the gradient of an operation's input goes: to an earlier entry of the tape, to a leaf, or nowhere. Holds no
/// intermediate tensor, so the tape keeps alive only what operations saved.
/// </summary>
/// <param name="Entry">Number of the tape entry that made the input; −1 when none did.</param>
/// <param name="Leaf">The input itself when it is a leaf that collects gradients.</param>
/// <param name="Producer">Name of the operation that made the input, for messages.</param>
internal readonly record struct Edge(long Entry, Tensor? Leaf, string Producer)
{
    public bool NeedsGradient => Entry >= 0 || Leaf is not null;

    public static Edge To(Tensor? input) => input switch
    {
        { Entry: >= 0 } => new Edge(input.Entry, null, input.Producer),
        { RequiresGrad: true } => new Edge(-1, input, input.Producer),
        _ => new Edge(-1, null, ""),
    };
}
