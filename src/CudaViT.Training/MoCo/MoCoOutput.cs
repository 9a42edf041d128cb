using CudaViT.Core;

namespace CudaViT.Training.MoCo;

/// <summary>Loss of one step, and the embeddings it compares.</summary>
/// <param name="Loss">Scalar, on the tape.</param>
/// <param name="Q1">Predictions for the first view, [B, d], not normalized.</param>
/// <param name="Q2">Predictions for the second view.</param>
/// <param name="K1">The momentum encoder's embeddings of the first view; constants.</param>
/// <param name="K2">The momentum encoder's embeddings of the second view.</param>
/// <param name="Features">
/// The base encoder's features of the first view, [B, D], in the type of the activations; valid until the backward pass.
/// </param>
public sealed record MoCoOutput(Tensor Loss, Tensor Q1, Tensor Q2, Tensor K1, Tensor K2, NdArray Features);
