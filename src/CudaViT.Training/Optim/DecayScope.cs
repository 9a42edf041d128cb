namespace CudaViT.Training.Optim;

/// <summary>Which parameters weight decay applies to.</summary>
public enum DecayScope
{
    /// <summary>Every trained parameter, as in the reference implementation.</summary>
    All,

    /// <summary>
    /// Those with at least two axes longer than 1: weights, but not biases, norm parameters or the class token.
    /// </summary>
    MatricesOnly,
}
