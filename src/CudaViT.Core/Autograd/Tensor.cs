namespace CudaViT.Core;

/// <summary>
/// An array with a place on the tape. Leaves are made by the user and may collect gradients; every other tensor is the
/// result of an operation.
/// </summary>
/// <remarks>Operations add their fluent forms in files of their own.</remarks>
public sealed partial class Tensor
{
    private readonly string? _producer;

    /// <summary>Wraps an array as a leaf.</summary>
    /// <param name="data">The values; shared, not copied.</param>
    /// <param name="requiresGrad">Whether <see cref="Backward"/> accumulates a gradient in <see cref="Grad"/>.</param>
    /// <exception cref="ArgumentException">A gradient is asked for, but the array holds integers.</exception>
    public Tensor(NdArray data, bool requiresGrad = false)
    {
        ArgumentNullException.ThrowIfNull(data);
        Data = data;
        RequiresGrad = requiresGrad;
        if (requiresGrad && !data.DType.IsFloatingPoint())
        {
            throw new ArgumentException(
                $"Only floating-point tensors have gradients, but this one holds {data.DType}.");
        }
    }

    private Tensor(NdArray data, long entry, string producer)
        : this(data)
    {
        Entry = entry;
        _producer = producer;
        RequiresGrad = entry >= 0;
    }

    /// <summary>The values.</summary>
    public NdArray Data { get; }

    /// <summary>Dimensions, outermost first.</summary>
    public Shape Shape => Data.Shape;

    /// <summary>Element type.</summary>
    public DType DType => Data.DType;

    /// <summary>The device's operations.</summary>
    public IBackend Backend => Data.Backend;

    /// <summary>Whether gradients flow to or through this tensor.</summary>
    public bool RequiresGrad { get; }

    /// <summary>
    /// Sum of the gradients of all backward passes since <see cref="ZeroGrad"/>; null before the first. It outlives
    /// step scopes. Only leaves with <see cref="RequiresGrad"/> have one.
    /// </summary>
    public NdArray? Grad { get; internal set; }

    /// <summary>Number of the tape entry that made this tensor; −1 for leaves and constants.</summary>
    internal long Entry { get; } = -1;

    /// <summary>What made this tensor, for messages.</summary>
    internal string Producer => _producer ?? "leaf";

    /// <summary>Hooks of a leaf; those of other tensors are kept by the tape.</summary>
    internal List<Func<NdArray, NdArray?>>? LeafHooks { get; private set; }

    /// <summary>Runs the backward pass from this tensor to every leaf it depends on.</summary>
    /// <param name="upstream">
    /// Gradient of the loss by this tensor, with its shape and type. May be left out when this tensor is the loss: a
    /// single number.
    /// </param>
    /// <param name="retainGraph">Keep the saved values, so that another backward pass can follow.</param>
    /// <exception cref="InvalidOperationException">
    /// This tensor does not depend on a leaf that requires gradients; or a previous pass or the end of a step scope has
    /// released the saved values; or one of them was changed in place.
    /// </exception>
    /// <exception cref="AnomalyException">Anomaly mode found a NaN or an infinity.</exception>
    public void Backward(NdArray? upstream = null, bool retainGraph = false) =>
        Tape.Current.Backward(this, upstream, retainGraph);

    /// <summary>The same values as a constant: gradients stop here.</summary>
    public Tensor Detach() => new(Data);

    /// <summary>Forgets the accumulated gradient and gives its memory back.</summary>
    public void ZeroGrad()
    {
        Grad?.Storage.Release();
        Grad = null;
    }

    /// <summary>
    /// Calls <paramref name="hook"/> with this tensor's gradient in every backward pass, once all contributions have
    /// been added. The array it gets is valid during the call. What it returns replaces the gradient; null leaves it.
    /// </summary>
    /// <exception cref="InvalidOperationException">No gradient flows through this tensor.</exception>
    public void OnGradient(Func<NdArray, NdArray?> hook)
    {
        ArgumentNullException.ThrowIfNull(hook);
        if (!RequiresGrad)
        {
            throw new InvalidOperationException("OnGradient: no gradient flows through a constant.");
        }

        if (Entry >= 0)
        {
            Tape.Current.AddHook(this, hook);
        }
        else
        {
            (LeafHooks ??= []).Add(hook);
        }
    }

    /// <summary>Element type, shape, device and origin, for messages.</summary>
    public string Description => $"{Data.Description}, {Producer}";

    /// <summary>
    /// <see cref="Description"/>, and the values as NumPy prints them: aligned, in brackets, shortened with "..."
    /// beyond a thousand. A device is waited for.
    /// </summary>
    public override string ToString() => Data.Text(Description);

    internal static Tensor Recorded(NdArray data, long entry, string producer) => new(data, entry, producer);

    internal static Tensor Constant(NdArray data, string producer) => new(data, -1, producer);
}
