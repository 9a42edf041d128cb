using System.Globalization;
using CudaViT.Training.Checkpoints.Torch;

namespace CudaViT.Training.Checkpoints.Import;

/// <summary>The tensors of a model in a file that <c>torch.save</c> wrote.</summary>
/// <remarks>
/// The reference implementation keeps them under <c>state_dict</c>, DeiT and what is exported for it under
/// <c>model</c>; a file may also be nothing but them. Whatever else there is, is stepped over and listed.
/// </remarks>
internal sealed class TorchSource : ITensorSource
{
    private static readonly string[] Keys = ["state_dict", "model", "model_state_dict"];

    private readonly TorchFile _file;
    private readonly Dictionary<string, TorchTensor> _tensors = new(StringComparer.Ordinal);
    private readonly List<OtherTensor> _others = [];
    private readonly List<string> _rest = [];

    public TorchSource(string path)
    {
        _file = TorchFile.Open(path);
        try
        {
            Tensors = Describe(path, _file.Root);
        }
        catch
        {
            _file.Dispose();
            throw;
        }
    }

    public string Kind => "PyTorch";

    public IReadOnlyList<SafetensorsTensor> Tensors { get; }

    public IReadOnlyList<OtherTensor> Others => _others;

    public IReadOnlyDictionary<string, string> Metadata { get; } = new Dictionary<string, string>();

    public IReadOnlyList<string> Rest => _rest;

    public void CopyTo(string name, Action<ReadOnlySpan<byte>> sink) => _file.CopyTo(_tensors[name], sink);

    public void Dispose() => _file.Dispose();

    private List<SafetensorsTensor> Describe(string path, object? root)
    {
        if (root is PickleOpaque whole)
        {
            throw new TorchException(
                $"{path}: the file holds an object of {whole.Kind} rather than weights; expected a state_dict, as "
                + "nothing in a file is run here; in Python: torch.save(model.state_dict(), FILE).");
        }

        PickleDict all = root as PickleDict ?? new PickleDict();
        PickleDict state = all;
        foreach (string key in Keys)
        {
            if (state == all && all.TryGet(key, out PickleDict? nested))
            {
                state = nested;
                _rest.AddRange(all.Where(pair => !key.Equals(pair.Key)).Select(pair => Text(pair.Key, pair.Value)));
                _rest.AddRange(all.OtherKeys);
            }
        }

        var tensors = new List<SafetensorsTensor>();
        foreach ((object key, object? value) in state)
        {
            string name = Text(key, value: null);
            if (value is not TorchTensor tensor || !_tensors.TryAdd(name, tensor))
            {
                _rest.Add(Text(key, value));
            }
            else if (tensor.Storage.DType is not { } dtype)
            {
                _others.Add(new OtherTensor(name, "a type that is not read", tensor.Shape));
            }
            else if (!_file.IsBounded(tensor))
            {
                _others.Add(new OtherTensor(name, "expanded far beyond the file", tensor.Shape));
            }
            else
            {
                tensors.Add(new SafetensorsTensor(name, dtype, tensor.Shape));
            }
        }

        _rest.AddRange(state.OtherKeys);
        if (tensors.Count > 0)
        {
            return tensors;
        }

        string[] elsewhere = [.. state
            .Where(pair => pair.Value is PickleDict inner && inner.Any(item => item.Value is TorchTensor))
            .Select(pair => Text(pair.Key, value: null))];
        throw new TorchException(
            $"{path}: there are no tensors where they are looked for"
            + (elsewhere.Length > 0 ? $", but some under {LayoutCheck.Shown(elsewhere)}" : "")
            + $"; expected them at the top or under one of {string.Join(", ", Keys)}; save the state_dict alone.");
    }

    private static string Text(object key, object? value)
    {
        string text = Convert.ToString(key, CultureInfo.InvariantCulture)!;
        return value is PickleOpaque opaque ? $"{text} ({opaque.Kind})" : text;
    }
}
