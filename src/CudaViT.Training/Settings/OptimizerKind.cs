namespace CudaViT.Training.Settings;

/// <summary>Update rule.</summary>
public enum OptimizerKind
{
    /// <summary>Adam with decoupled weight decay.</summary>
    AdamW,

    /// <summary>LARS, for ResNets.</summary>
    Lars,

    /// <summary>LAMB, the paper's comparison.</summary>
    Lamb,

    /// <summary>Gradient descent with momentum.</summary>
    Sgd,
}
