namespace CudaViT.Training.Checkpoints.Torch;

/// <summary>
/// What a pickle may name and is understood: a few functions, none of which runs anything but code of this program, and
/// the storage types.
/// </summary>
/// <param name="Name">As Python spells it, for messages.</param>
/// <param name="Storage">What its elements are, if it is a storage type.</param>
internal sealed record PickleGlobal(string Name, TorchElement? Storage = null)
{
    public static PickleGlobal OrderedDict { get; } = new("collections.OrderedDict");

    public static PickleGlobal RebuildTensor { get; } = new("torch._utils._rebuild_tensor_v2");

    public static PickleGlobal RebuildParameter { get; } = new("torch._utils._rebuild_parameter");

    /// <summary>The same for a parameter to which somebody gave attributes.</summary>
    public static PickleGlobal RebuildParameterWithState { get; } = new("torch._utils._rebuild_parameter_with_state");

    /// <summary>Calls one of the others, for a tensor to which somebody gave attributes.</summary>
    public static PickleGlobal RebuildFromType { get; } = new("torch._tensor._rebuild_from_type_v2");

    private static readonly Dictionary<string, PickleGlobal> Known = new[]
    {
        OrderedDict,
        RebuildTensor,
        RebuildParameter,
        RebuildParameterWithState,
        RebuildFromType,
        new("torch.DoubleStorage", new TorchElement(8, SafetensorsDType.F64)),
        new("torch.FloatStorage", new TorchElement(4, SafetensorsDType.F32)),
        new("torch.HalfStorage", new TorchElement(2, SafetensorsDType.F16)),
        new("torch.BFloat16Storage", new TorchElement(2, SafetensorsDType.BF16)),
        new("torch.LongStorage", new TorchElement(8, SafetensorsDType.I64)),
        new("torch.IntStorage", new TorchElement(4, SafetensorsDType.I32)),
        new("torch.ByteStorage", new TorchElement(1, SafetensorsDType.U8)),
        new("torch.BoolStorage", new TorchElement(1, SafetensorsDType.Bool)),
        Other("torch.ShortStorage", 2),
        Other("torch.CharStorage", 1),
        Other("torch.ComplexFloatStorage", 8),
        Other("torch.ComplexDoubleStorage", 16),
        Other("torch.QInt8Storage", 1),
        Other("torch.QUInt8Storage", 1),
        Other("torch.QInt32Storage", 4),
        Other("torch.storage.UntypedStorage", 1),
    }.ToDictionary(known => known.Name);

    // Modules through which a pickle starts programs, opens files or reaches the network. Nothing of them belongs into
    // a checkpoint, so a file that names them is an attack, whatever else it holds.
    private static readonly HashSet<string> HarmfulModules =
    [
        "posix", "nt", "os", "subprocess", "sys", "pty", "socket", "shutil", "runpy", "importlib", "ctypes",
        "webbrowser", "asyncio", "multiprocessing", "code", "pdb", "timeit", "cProfile", "bdb", "commands", "popen2",
    ];

    private static readonly HashSet<string> HarmfulBuiltins =
    [
        "eval", "exec", "execfile", "compile", "open", "__import__", "apply", "input", "breakpoint", "globals",
        "setattr", "delattr",
    ];

    /// <summary>The one of this name; null for every other, which is stepped over.</summary>
    public static PickleGlobal? Find(string module, string name) => Known.GetValueOrDefault($"{module}.{name}");

    /// <summary>Whether Python would run a program, or open files, where it loads a pickle with this name.</summary>
    public static bool IsHarmful(string module, string name)
    {
        string root = module.Split('.')[0];
        return HarmfulModules.Contains(root)
            || (root is "builtins" or "__builtin__" && HarmfulBuiltins.Contains(name.Split('.')[0]));
    }

    private static PickleGlobal Other(string name, int size) => new(name, new TorchElement(size, DType: null));
}

/// <summary>What a storage is made of.</summary>
/// <param name="SizeInBytes">Of one element.</param>
/// <param name="DType">Null for types that are not read.</param>
internal sealed record TorchElement(int SizeInBytes, SafetensorsDType? DType);
