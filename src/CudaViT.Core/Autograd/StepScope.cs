namespace CudaViT.Core;

/// <summary>
/// Owns every array allocated on this thread until it ends, except what <see cref="Keep(NdArray)"/> takes out. One
/// scope around a training step lets the backend's pool hand out the same blocks step after step, and nobody has to
/// dispose a tensor. Scopes nest; what an inner scope keeps belongs to the outer one.
/// </summary>
/// <example>
/// <code>
/// using (var scope = new StepScope())
/// {
///     Tensor loss = model.Loss(batch);
///     loss.Backward();
///     optimizer.Step();
/// }   // activations are gone; parameters, their gradients and the optimizer's state are not
/// </code>
/// </example>
public sealed class StepScope : IDisposable
{
    [ThreadStatic]
    private static StepScope? _current;

    private readonly StepScope? _outer;
    private readonly List<Storage> _owned = [];
    private readonly long _lastEntry = Tape.LastNumber;
    private bool _isEnded;

    /// <summary>Opens a scope on this thread.</summary>
    public StepScope()
    {
        _outer = _current;
        _current = this;
    }

    /// <summary>Whether a scope is open on this thread.</summary>
    internal static bool IsOpen => _current is not null;

    /// <summary>Takes an array out of this scope: the outer scope owns it, or nobody but the caller.</summary>
    /// <returns>The same array.</returns>
    public NdArray Keep(NdArray array)
    {
        ArgumentNullException.ThrowIfNull(array);
        if (array.Storage.Scope == this)
        {
            Move(array.Storage, _outer);
        }

        return array;
    }

    /// <summary>Takes a tensor's values out of this scope. Its history ends with the scope all the same.</summary>
    /// <returns>The same tensor.</returns>
    public Tensor Keep(Tensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        Keep(tensor.Data);
        return tensor;
    }

    /// <summary>Releases what the scope owns and forgets the operations recorded in it.</summary>
    /// <exception cref="InvalidOperationException">
    /// An inner scope, or a scope of another thread, is still open.
    /// </exception>
    public void Dispose()
    {
        if (_isEnded)
        {
            return;
        }

        if (_current != this)
        {
            throw new InvalidOperationException(
                "Step scopes end in the reverse order of their beginning, on the thread that opened them.");
        }

        _isEnded = true;
        _current = _outer;
        Tape.Current.Truncate(_lastEntry);
        foreach (Storage storage in _owned)
        {
            if (storage.Scope == this)
            {
                storage.Scope = null;
                storage.Release();
            }
        }
    }

    /// <summary>Lets the scope of this thread, if there is one, own a new block.</summary>
    internal static void Adopt(Storage storage) => Move(storage, _current);

    /// <summary>Makes a block outlive every scope.</summary>
    internal static void Orphan(Storage storage) => storage.Scope = null;

    private static void Move(Storage storage, StepScope? scope)
    {
        storage.Scope = scope;
        scope?._owned.Add(storage);
    }
}
