using System.Globalization;
using CudaViT.Training.Checkpoints.Torch;

namespace CudaViT.Training.Checkpoints.Import;

/// <summary>The tensors of a model in a file that <c>torch.save</c> wrote.</summary>
/// <remarks>
/// The reference implementation keeps them under <c>state_dict</c>, DeiT and what is exported for it under
/// <c>model</c>; a file may also be nothing but them.
/// </remarks>
internal sealed class TorchSource : ITensorSource
{
    private static readonly string[] Keys = ["state_dict", "model"];

    private readonly TorchFile _file;
    private readonly Dictionary<string, TorchTensor> _tensors = new(StringComparer.Ordinal);
    private readonly List<string> _rest = [];

    public TorchSource(string path)
    {
        _file = TorchFile.Open(path);
        try
        {
            Tensors = Describe(path, _file.Root as PickleDict);
        }
        catch
        {
            _file.Dispose();
            throw;
        }
    }

    public string Kind => "PyTorch";

    public IReadOnlyList<SafetensorsTensor> Tensors { get; }

    public IReadOnlyDictionary<string, string> Metadata { get; } = new Dictionary<string, string>();

    public IReadOnlyList<string> Rest => _rest;

    public void CopyTo(string name, Action<ReadOnlySpan<byte>> sink) => _file.CopyTo(_tensors[name], sink);

    public void Dispose() => _file.Dispose();

    private List<SafetensorsTensor> Describe(string path, PickleDict? root)
    {
        PickleDict? state = root;
        foreach (string key in Keys)
        {
            if (state == root && root?.TryGet(key, out PickleDict? nested) == true)
            {
                state = nested;
                _rest.AddRange(root.Where(pair => !key.Equals(pair.Key)).Select(pair => Text(pair.Key)));
            }
        }

        var tensors = new List<SafetensorsTensor>();
        foreach ((object key, object? value) in state ?? [])
        {
            string name = Text(key);
            if (value is TorchTensor tensor && _tensors.TryAdd(name, tensor))
            {
                tensors.Add(new SafetensorsTensor(name, tensor.Storage.DType, tensor.Shape));
            }
            else
            {
                _rest.Add(name);
            }
        }

        return tensors.Count > 0
            ? tensors
            : throw new TorchException(
                $"{path}: there are no tensors in it; expected them at the top or under one of "
                + $"{string.Join(", ", Keys)}; save the state_dict.");
    }

    private static string Text(object key) => Convert.ToString(key, CultureInfo.InvariantCulture)!;
}
