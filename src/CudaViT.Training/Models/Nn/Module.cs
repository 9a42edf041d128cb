using CudaViT.Core;

namespace CudaViT.Training.Models.Nn;

/// <summary>
/// A part of a network: named parameters, running statistics and smaller modules, in a fixed order. Names and order are
/// those of the reference implementation's state, so that weights move to and from it without a table.
/// </summary>
/// <remarks>
/// A constructor declares; <see cref="Initialize"/> allocates. Parameters have the type of the master weights, F32 or
/// F64. Activations may be narrower: a layer casts its weights to the type of its input on the tape.
/// </remarks>
public abstract class Module
{
    private readonly List<Parameter> _parameters = [];
    private readonly List<Module> _children = [];
    private Module? _parent;
    private string _name = "";

    /// <summary>Whether layers that behave differently in training and evaluation train. True at first.</summary>
    public bool IsTraining { get; private set; } = true;

    /// <summary>Number of parameter elements, trained or not. Known before <see cref="Initialize"/>.</summary>
    public long ParameterCount => Parameters().Sum(parameter => parameter.Shape.Count);

    /// <summary>Number of parameter elements that are trained. Known before <see cref="Initialize"/>.</summary>
    public long TrainableParameterCount =>
        Parameters().Where(parameter => parameter.IsTrainable).Sum(parameter => parameter.Shape.Count);

    /// <summary>Prefix of the names of everything in here, seen from the outermost module.</summary>
    internal string Path => _parent is null ? "" : $"{_parent.Path}{_name}.";

    /// <summary>All parameters: the module's own, then those of its children, in order.</summary>
    public IEnumerable<Parameter> Parameters() =>
        _parameters.Concat(_children.SelectMany(child => child.Parameters()));

    /// <summary>Allocates parameters and statistics on a device and draws the initial values.</summary>
    /// <param name="backend">Device to put them on.</param>
    /// <param name="dtype">Type of the parameters: F32, or F64 for proofs.</param>
    /// <param name="seed">Each parameter's values are a pure function of this and of its name.</param>
    /// <exception cref="ArgumentException"><paramref name="dtype"/> is neither F32 nor F64.</exception>
    public void Initialize(IBackend backend, DType dtype, ulong seed)
    {
        ArgumentNullException.ThrowIfNull(backend);
        if (dtype is not (DType.F32 or DType.F64))
        {
            throw new ArgumentException(
                $"Parameters are F32 or F64, not {dtype}. For mixed precision, choose F32 here and let the input be "
                + "BF16.");
        }

        InitializeOwn(backend, dtype, seed);
    }

    /// <summary>Changes between training and evaluation, here and in all children.</summary>
    public void Train(bool isTraining = true)
    {
        IsTraining = isTraining;
        _children.ForEach(child => child.Train(isTraining));
    }

    /// <summary>Makes parameters constants (or trainable again), here and in all children.</summary>
    public void Freeze(bool isFrozen = true)
    {
        foreach (Parameter parameter in Parameters())
        {
            parameter.IsTrainable = !isFrozen;
        }
    }

    /// <summary>Forgets the gradients of all parameters.</summary>
    public void ZeroGrad()
    {
        foreach (Parameter parameter in Parameters())
        {
            parameter.Value.ZeroGrad();
        }
    }

    /// <summary>
    /// Parameters and statistics by name, relative to this module, in the order of the reference implementation's
    /// state. Counters are I64 scalars, allocated by this call: enumerate within a step scope.
    /// </summary>
    public IReadOnlyList<NamedArray> State() => [.. Slots("").Select(slot => new NamedArray(slot.Name, slot.Read()))];

    /// <summary>
    /// Names and shapes of <see cref="State"/>, in its order. Known before <see cref="Initialize"/>.
    /// </summary>
    public IReadOnlyList<StateEntry> Layout() => [.. Entries("")];

    /// <summary>Takes over the values of a state; floating-point types are converted.</summary>
    /// <param name="state">Exactly the names of <see cref="State"/>, on the same device.</param>
    /// <exception cref="StateException">
    /// Names are missing or left over, or a shape differs; the message lists them, and nothing was changed.
    /// </exception>
    public void Load(IReadOnlyDictionary<string, NdArray> state)
    {
        ArgumentNullException.ThrowIfNull(state);
        StateSlot.WriteAll([.. Slots("")], state, "model");
    }

    /// <summary>Starts as a copy: the parameters of a module built alike, and statistics of no batch yet.</summary>
    internal void InitializeLike(Module twin, IBackend backend, DType dtype)
    {
        for (int i = 0; i < _parameters.Count; i++)
        {
            _parameters[i].InitializeLike(twin._parameters[i]);
        }

        InitializeBuffers(backend, dtype);
        for (int i = 0; i < _children.Count; i++)
        {
            _children[i].InitializeLike(twin._children[i], backend, dtype);
        }
    }

    /// <summary>Initializes this module and, unless overridden, its children.</summary>
    internal virtual void InitializeOwn(IBackend backend, DType dtype, ulong seed)
    {
        foreach (Parameter parameter in _parameters)
        {
            parameter.Initialize(backend, dtype, seed);
        }

        InitializeBuffers(backend, dtype);
        foreach (Module child in _children)
        {
            child.InitializeOwn(backend, dtype, seed);
        }
    }

    /// <summary>Allocates what <see cref="Buffers"/> lists.</summary>
    private protected virtual void InitializeBuffers(IBackend backend, DType dtype)
    {
    }

    /// <summary>Declares a parameter.</summary>
    private protected Parameter AddParameter(string name, Shape shape, Initializer initializer, bool isTrainable = true)
    {
        var parameter = new Parameter(this, name, shape, initializer, isTrainable);
        _parameters.Add(parameter);
        return parameter;
    }

    /// <summary>Declares a child.</summary>
    /// <returns>The same child.</returns>
    private protected T AddChild<T>(string name, T child)
        where T : Module
    {
        (child._parent, child._name) = (this, name);
        _children.Add(child);
        return child;
    }

    /// <summary>What a module keeps besides parameters.</summary>
    private protected virtual IEnumerable<StateSlot> Buffers(string prefix) => [];

    /// <summary>Names and shapes of <see cref="Buffers"/>, known before there are any.</summary>
    private protected virtual IEnumerable<StateEntry> BufferEntries(string prefix) => [];

    /// <summary>The places of the state, those of one child left out.</summary>
    private protected IEnumerable<StateSlot> Slots(string prefix, Module? without = null) =>
        _parameters.Select(parameter => StateSlot.Of(prefix + parameter.LocalName, parameter.Value.Data))
            .Concat(Buffers(prefix))
            .Concat(_children
                .Where(child => child != without)
                .SelectMany(child => child.Slots($"{prefix}{child._name}.")));

    /// <summary>What <see cref="Slots"/> will be once there are values.</summary>
    private protected IEnumerable<StateEntry> Entries(string prefix, Module? without = null) =>
        _parameters.Select(parameter => new StateEntry(prefix + parameter.LocalName, parameter.Shape))
            .Concat(BufferEntries(prefix))
            .Concat(_children
                .Where(child => child != without)
                .SelectMany(child => child.Entries($"{prefix}{child._name}.")));
}
