namespace CudaViT.Training.Checkpoints.Torch;

/// <summary>
/// What a pickle may name: three functions, none of which runs anything but code of this program, and the storage
/// types.
/// </summary>
/// <param name="Name">As Python spells it, for messages.</param>
/// <param name="Storage">Element type, if it is a storage type.</param>
internal sealed record PickleGlobal(string Name, SafetensorsDType? Storage = null)
{
    public static PickleGlobal OrderedDict { get; } = new("collections.OrderedDict");

    public static PickleGlobal RebuildTensor { get; } = new("torch._utils._rebuild_tensor_v2");

    public static PickleGlobal RebuildParameter { get; } = new("torch._utils._rebuild_parameter");

    private static readonly Dictionary<string, PickleGlobal> Known = new[]
    {
        OrderedDict,
        RebuildTensor,
        RebuildParameter,
        new("torch.DoubleStorage", SafetensorsDType.F64),
        new("torch.FloatStorage", SafetensorsDType.F32),
        new("torch.HalfStorage", SafetensorsDType.F16),
        new("torch.BFloat16Storage", SafetensorsDType.BF16),
        new("torch.LongStorage", SafetensorsDType.I64),
        new("torch.IntStorage", SafetensorsDType.I32),
        new("torch.ByteStorage", SafetensorsDType.U8),
        new("torch.BoolStorage", SafetensorsDType.Bool),
    }.ToDictionary(known => known.Name);

    /// <summary>The one of this name; null for every other.</summary>
    public static PickleGlobal? Find(string module, string name) => Known.GetValueOrDefault($"{module}.{name}");
}
