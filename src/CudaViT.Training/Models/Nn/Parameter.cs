using CudaViT.Core;

namespace CudaViT.Training.Models.Nn;

/// <summary>A learned array of a module: a leaf of the tape with a name and an initial distribution.</summary>
/// <remarks>
/// Declared with its shape when the module is constructed; it takes memory only when <see cref="Module.Initialize"/>
/// gives it a device. So the parameters of a model of any size can be counted and named for nothing.
/// </remarks>
public sealed class Parameter
{
    private readonly Module _owner;
    private readonly string _localName;
    private readonly Initializer _initializer;
    private bool _isTrainable;
    private Tensor? _value;

    internal Parameter(Module owner, string localName, Shape shape, Initializer initializer, bool isTrainable)
    {
        (_owner, _localName, Shape, _initializer) = (owner, localName, shape, initializer);
        _isTrainable = isTrainable;
    }

    /// <summary>Path from the outermost module, for example <c>base_encoder.blocks.0.attn.qkv.weight</c>.</summary>
    public string Name => _owner.Path + _localName;

    /// <summary>Dimensions.</summary>
    public Shape Shape { get; }

    /// <summary>
    /// Whether gradients are computed. A parameter that is not trained takes part in no backward pass and in no weight
    /// decay, but in averages of parameters it does.
    /// </summary>
    public bool IsTrainable
    {
        get => _isTrainable;
        set
        {
            if (_isTrainable != value)
            {
                _isTrainable = value;
                _value = _value is null ? null : new Tensor(_value.Data, value);
            }
        }
    }

    /// <summary>The values, in the type of the master weights: F32 or F64.</summary>
    /// <exception cref="InvalidOperationException">The module has not been initialized.</exception>
    public Tensor Value => _value ?? throw new InvalidOperationException(
        $"Parameter {Name} has no values yet. Call Initialize on its outermost module first.");

    /// <summary>
    /// The values as an operand of activations in <paramref name="dtype"/>; gradients are converted back.
    /// </summary>
    public Tensor As(DType dtype) => Value.Cast(dtype);

    /// <summary>Name, shape and whether it is trained, for messages.</summary>
    public override string ToString() => $"{Name} {Shape}{(IsTrainable ? "" : ", not trained")}";

    /// <summary>Name within its module.</summary>
    internal string LocalName => _localName;

    internal void Initialize(IBackend backend, DType dtype, ulong seed)
    {
        using var role = new MemoryRoleScope(MemoryRole.Parameters);
        _value = new Tensor(NdArray.FromDoubles(backend, Draw(seed), Shape, dtype), IsTrainable);
    }

    /// <summary>The initial values, before they are rounded.</summary>
    internal double[] Draw(ulong seed)
    {
        double[] values = new double[Shape.Count];
        _initializer(values, Stream(seed));
        return values;
    }

    internal void InitializeLike(Parameter twin)
    {
        using var role = new MemoryRoleScope(MemoryRole.Parameters);
        _value = new Tensor(twin.Value.Data.Clone(), IsTrainable);
    }

    /// <summary>
    /// The name, not the order of construction, addresses the numbers: a model with one block more starts from the same
    /// values in the blocks that it shares with the other.
    /// </summary>
    private RandomStream Stream(ulong seed)
    {
        // FNV-1a, 64 bits. The counter has room for 62 of them; two names of a model collide with odds of 1 in 10^13.
        ulong hash = 0xcbf29ce484222325;
        foreach (char c in Name)
        {
            hash = (hash ^ c) * 0x100000001b3;
        }

        int low = (int)(hash & int.MaxValue);
        int high = (int)((hash >> 31) & int.MaxValue);
        return new RandomStream(seed, epoch: high, sample: low, view: 0, RandomOperation.WeightInit);
    }
}

/// <summary>Parameters of one part of a network, to be watched together.</summary>
/// <param name="Name">The part, for example <c>blocks.0</c>.</param>
/// <param name="Parameters">Its parameters.</param>
public sealed record ParameterSet(string Name, IReadOnlyList<Parameter> Parameters);
