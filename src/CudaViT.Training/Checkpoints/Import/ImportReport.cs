using System.Numerics;
using System.Runtime.InteropServices;
using CudaViT.Training.Settings;

namespace CudaViT.Training.Checkpoints.Import;

/// <summary>What became of a file that was imported.</summary>
public sealed record ImportReport
{
    /// <summary>The file that was read.</summary>
    public required string Source { get; init; }

    /// <summary>Its form: PyTorch or safetensors.</summary>
    public required string Kind { get; init; }

    /// <summary>The file that was written.</summary>
    public required string Output { get; init; }

    /// <summary>The model, as its shapes tell and as was said.</summary>
    public required ModelSettings Model { get; init; }

    /// <summary>Tensors that were taken over.</summary>
    public required int Tensors { get; init; }

    /// <summary>Parts of a MoCo v3 model that the file does not have.</summary>
    public required IReadOnlyList<string> AbsentParts { get; init; }

    /// <summary>Names of a classifier, which is not part of an encoder.</summary>
    public required IReadOnlyList<string> Classifier { get; init; }

    /// <summary>Tensors that were taken over with values that are no numbers, or infinite.</summary>
    public required IReadOnlyList<NotFiniteTensor> NotFinite { get; init; }

    /// <summary>Names that no part of the model has.</summary>
    public required IReadOnlyList<string> Unexpected { get; init; }

    /// <summary>What the file holds besides the tensors of a model: optimizer, epoch and so on.</summary>
    public required IReadOnlyList<string> Rest { get; init; }
}

/// <summary>A tensor with values that nothing can be computed with.</summary>
/// <param name="Name">Its name here.</param>
/// <param name="Nan">Values that are no numbers.</param>
/// <param name="Infinite">Values that are infinite.</param>
/// <param name="Count">Values in all.</param>
public sealed record NotFiniteTensor(string Name, long Nan, long Infinite, long Count)
{
    /// <inheritdoc/>
    public override string ToString() =>
        FormattableString.Invariant($"{Name} ({Nan} NaN and {Infinite} infinite of {Count} values)");
}

/// <summary>Counts values that are not finite while they pass by.</summary>
internal sealed class FiniteCheck
{
    private readonly List<NotFiniteTensor> _found = [];

    /// <summary>What was seen of them.</summary>
    public IReadOnlyList<NotFiniteTensor> Found => _found;

    /// <summary>Looks at some of a tensor's values; those of a tensor come one after another.</summary>
    /// <param name="tensor">What they are of.</param>
    /// <param name="bytes">Whole elements.</param>
    public void Look(SafetensorsTensor tensor, ReadOnlySpan<byte> bytes)
    {
        (long nan, long infinite) = tensor.DType switch
        {
            SafetensorsDType.F64 => Count<double>(bytes),
            SafetensorsDType.F32 => Count<float>(bytes),
            SafetensorsDType.BF16 => CountBFloat16(bytes),
            _ => (0, 0),
        };
        if (nan + infinite == 0)
        {
            return;
        }

        if (_found is [.., var last] && last.Name == tensor.Name)
        {
            (nan, infinite) = (nan + last.Nan, infinite + last.Infinite);
            _found.RemoveAt(_found.Count - 1);
        }

        long count = tensor.Shape.Aggregate(1L, (product, size) => product * size);
        _found.Add(new NotFiniteTensor(tensor.Name, nan, infinite, count));
    }

    private static (long Nan, long Infinite) Count<T>(ReadOnlySpan<byte> bytes)
        where T : unmanaged, INumberBase<T>
    {
        (long nan, long infinite) = (0, 0);
        foreach (T value in MemoryMarshal.Cast<byte, T>(bytes))
        {
            nan += T.IsNaN(value) ? 1 : 0;
            infinite += T.IsInfinity(value) ? 1 : 0;
        }

        return (nan, infinite);
    }

    private static (long Nan, long Infinite) CountBFloat16(ReadOnlySpan<byte> bytes)
    {
        const int Exponent = 0x7f80;
        (long nan, long infinite) = (0, 0);
        foreach (ushort bits in MemoryMarshal.Cast<byte, ushort>(bytes))
        {
            int magnitude = bits & 0x7fff;
            nan += magnitude > Exponent ? 1 : 0;
            infinite += magnitude == Exponent ? 1 : 0;
        }

        return (nan, infinite);
    }
}
