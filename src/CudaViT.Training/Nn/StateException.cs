namespace CudaViT.Training.Nn;

/// <summary>A state does not fit the model or optimizer that it was to be loaded into.</summary>
public sealed class StateException : InputException
{
    /// <summary>Creates the error.</summary>
    public StateException(string message)
        : base(message)
    {
    }
}
