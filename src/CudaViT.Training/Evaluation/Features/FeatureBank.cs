using CudaViT.Core;
using CudaViT.Training.Models.Nn;

namespace CudaViT.Training.Evaluation.Features;

/// <summary>
/// The newest features of training views with their labels: a queue of fixed capacity on the device. What is put in
/// last drives out what was put in first.
/// </summary>
public sealed class FeatureBank
{
    /// <summary>What the names of its arrays in a checkpoint begin with.</summary>
    internal const string Prefix = "knn.";

    private readonly NdArray _features; // [capacity, D], rows of unit length
    private readonly int[] _labels;
    private long _added; // ever; the next row is this modulo the capacity

    /// <summary>Makes an empty bank.</summary>
    /// <param name="backend">Device of the features.</param>
    /// <param name="capacity">Rows it can hold.</param>
    /// <param name="width">Width D of the features.</param>
    /// <param name="dtype">F32 or F64.</param>
    public FeatureBank(IBackend backend, int capacity, int width, DType dtype)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(capacity);
        _features = NdArray.Zeros(backend, [capacity, width], dtype);
        _labels = new int[capacity];
    }

    /// <summary>Rows that are in use.</summary>
    public int Count => (int)Math.Min(_added, _labels.Length);

    /// <summary>The rows in use, [Count, D], of unit length, in no particular order.</summary>
    public NdArray Features => _features.Rows(0, Count);

    /// <summary>Their classes.</summary>
    public ReadOnlySpan<int> Labels => _labels.AsSpan(0, Count);

    /// <summary>Puts rows in, scaled to unit length.</summary>
    /// <param name="features">[B, D]; of more rows than the capacity the last ones stay.</param>
    /// <param name="labels">[B].</param>
    public void Add(NdArray features, ReadOnlySpan<int> labels)
    {
        ArgumentNullException.ThrowIfNull(features);
        if (features.Shape.Rank != 2 || features.Shape[0] != labels.Length || features.Shape[1] != _features.Shape[1])
        {
            throw new ArgumentException(
                $"{labels.Length} labels and {features.Description} do not go into a bank of {_features.Description}.");
        }

        using var scope = new StepScope();
        using var noGrad = new NoGrad();
        NdArray rows = L2Normalize.Apply(new Tensor(features.Cast(_features.DType))).Data;
        for (int done = Math.Max(0, labels.Length - _labels.Length); done < labels.Length;)
        {
            int start = (int)(_added % _labels.Length);
            int count = Math.Min(labels.Length - done, _labels.Length - start);
            _features.Backend.Copy(rows.Rows(done, done + count), _features.Rows(start, start + count));
            labels.Slice(done, count).CopyTo(_labels.AsSpan(start));
            _added += count;
            done += count;
        }

        _features.Storage.MarkChanged();
    }

    /// <summary>Everything by name, for a checkpoint. Allocated by this call: use within a step scope.</summary>
    public IReadOnlyList<NamedArray> State() => [.. Slots().Select(slot => new NamedArray(slot.Name, slot.Read()))];

    /// <summary>Takes over a state, as <see cref="State"/> gives it.</summary>
    /// <exception cref="StateException">It does not fit; the message says why.</exception>
    public void Load(IReadOnlyDictionary<string, NdArray> state)
    {
        ArgumentNullException.ThrowIfNull(state);
        StateSlot.WriteAll(Slots(), state, "kNN monitor");
    }

    private StateSlot[] Slots()
    {
        IBackend backend = _features.Backend;
        var labels = new StateSlot(
            $"{Prefix}labels",
            [_labels.Length],
            DType.I32,
            () => NdArray.From<int>(backend, _labels, [_labels.Length]),
            source => source.CopyTo(_labels.AsSpan()));
        return
        [
            StateSlot.Of($"{Prefix}features", _features),
            labels,
            StateSlot.Of($"{Prefix}added", backend, () => _added, added => _added = added),
        ];
    }
}
