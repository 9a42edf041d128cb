namespace CudaViT.Core;

/// <summary>
/// One step of a computation that knows its own derivative. A subclass checks its arguments, asks the backend for the
/// result and records itself, in a static <c>Apply</c>; what the derivative needs it keeps in fields of its own.
/// </summary>
public abstract class Operation
{
    private readonly Edge[] _inputs;
    private readonly Saved[] _saved;

    /// <summary>Notes where the inputs stand on the tape and at which version the saved arrays are.</summary>
    /// <param name="inputs">In the order in which <see cref="Backward"/> returns gradients; null for an absent
    /// one.</param>
    /// <param name="saved">Every array that <see cref="Backward"/> reads; null for an absent one.</param>
    protected Operation(ReadOnlySpan<Tensor?> inputs, ReadOnlySpan<NdArray?> saved)
    {
        _inputs = new Edge[inputs.Length];
        for (int i = 0; i < inputs.Length; i++)
        {
            _inputs[i] = Edge.To(inputs[i]);
        }

        _saved = new Saved[saved.Length];
        for (int i = 0; i < saved.Length; i++)
        {
            _saved[i] = new Saved(saved[i], saved[i]?.Storage.Version ?? 0);
        }
    }

    /// <summary>The operation's name in messages and profiles.</summary>
    public virtual string Name => GetType().Name;

    /// <summary>The inputs' places on the tape.</summary>
    internal ReadOnlySpan<Edge> Inputs => _inputs;

    /// <summary>Whether any input takes part in differentiation.</summary>
    internal bool IsDifferentiable => Array.Exists(_inputs, edge => edge.NeedsGradient);

    /// <summary>Bytes of the arrays that wait for the backward pass.</summary>
    internal long SavedBytes => _saved.Sum(saved => saved.Array?.SizeInBytes ?? 0);

    /// <summary>
    /// Whether the gradient of input <paramref name="index"/> will be used; work for others can be left out.
    /// </summary>
    protected bool NeedsGradient(int index) => _inputs[index].NeedsGradient;

    /// <summary>Gradients of the loss by each input, given the one by the output.</summary>
    /// <param name="dy">Gradient by the output, with the output's shape and type. Read only.</param>
    /// <returns>
    /// One array per input with its shape and type: newly allocated, or a view of <paramref name="dy"/>. Null where
    /// there is no gradient.
    /// </returns>
    protected internal abstract NdArray?[] Backward(NdArray dy);

    /// <summary>Throws when a saved array was written to since it was saved.</summary>
    internal void CheckSaved()
    {
        foreach (Saved saved in _saved)
        {
            if (saved.Array is { } array && array.Storage.Version != saved.Version)
            {
                throw new InvalidOperationException(
                    $"{Name}: an array {array.DType}{array.Shape} that its backward pass needs was changed in place "
                    + "after the forward pass. Run Backward before changing it, or change a copy (Clone).");
            }
        }
    }

    /// <summary>An array and its version when it was saved.</summary>
    private readonly record struct Saved(NdArray? Array, int Version);
}
