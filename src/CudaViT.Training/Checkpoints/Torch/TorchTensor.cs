namespace CudaViT.Training.Checkpoints.Torch;

/// <summary>A view of a storage: offset, sizes and strides in elements.</summary>
internal sealed class TorchTensor
{
    /// <summary>More axes than any layer's weight has.</summary>
    private const int MaxRank = 16;

    private TorchTensor(TorchStorage storage, long offset, long[] shape, long[] stride) =>
        (Storage, Offset, Shape, Stride) = (storage, offset, shape, stride);

    public TorchStorage Storage { get; }

    public long Offset { get; }

    public IReadOnlyList<long> Shape { get; }

    public IReadOnlyList<long> Stride { get; }

    public long Count => Shape.Aggregate(1L, (product, size) => product * size);

    public long SizeInBytes => Count * Storage.Element.SizeInBytes;

    /// <summary>Elements of the storage from <see cref="Offset"/> to the last one used.</summary>
    public long Extent => Count == 0 ? 0 : 1 + Shape.Zip(Stride, (size, stride) => (size - 1) * stride).Sum();

    /// <summary>Whether the elements lie in row-major order without gaps.</summary>
    public bool IsContiguous
    {
        get
        {
            long expected = 1;
            for (int axis = Shape.Count - 1; axis >= 0; axis--)
            {
                if (Shape[axis] != 1 && Stride[axis] != expected)
                {
                    return Count == 0;
                }

                expected *= Shape[axis];
            }

            return true;
        }
    }

    /// <summary>
    /// Makes a view, unless it would leave its storage. It may repeat elements of it, as an expanded tensor does: a few
    /// bytes can then stand for any amount of memory, which whoever reads it has to bound.
    /// </summary>
    /// <param name="storage">What to look at.</param>
    /// <param name="offset">First element.</param>
    /// <param name="shape">Sizes.</param>
    /// <param name="stride">Distance of neighbours along each axis.</param>
    /// <param name="problem">What is wrong, when there is no result.</param>
    public static TorchTensor? TryCreate(
        TorchStorage storage, long offset, long[] shape, long[] stride, out string problem)
    {
        problem = "its sizes and strides do not belong together";
        bool isWellFormed = shape.Length == stride.Length && shape.Length <= MaxRank && offset >= 0
            && Array.TrueForAll(shape, size => size >= 0) && Array.TrueForAll(stride, step => step >= 0);
        if (!isWellFormed)
        {
            return null;
        }

        bool isEmpty = shape.Contains(0);
        UInt128 bytes = (UInt128)storage.Element.SizeInBytes;
        UInt128 last = (UInt128)offset;
        for (int axis = 0; axis < shape.Length && !isEmpty; axis++)
        {
            // Both sums stay below 2^127 from one check to the next.
            bytes *= (UInt128)shape[axis];
            last += (UInt128)(shape[axis] - 1) * (UInt128)stride[axis];
            if (bytes > long.MaxValue)
            {
                problem = "it has more than 2^63 bytes";
                return null;
            }

            if (last >= (UInt128)storage.Count)
            {
                break;
            }
        }

        problem = $"it reaches beyond its storage of {storage.Count} elements";
        return isEmpty || last < (UInt128)storage.Count ? new TorchTensor(storage, offset, shape, stride) : null;
    }
}

/// <summary>A flat run of numbers in a file; tensors are views of it.</summary>
/// <param name="element">What it is made of.</param>
/// <param name="count">Number of elements.</param>
internal sealed class TorchStorage(TorchElement element, long count)
{
    public TorchElement Element { get; } = element;

    /// <summary>Element type; null for one that is not read.</summary>
    public SafetensorsDType? DType => Element.DType;

    public long Count { get; } = count;

    /// <summary>Number of bytes; the container has checked that the file holds as many.</summary>
    public long SizeInBytes => Count * Element.SizeInBytes;

    /// <summary>Where it begins in the file; null until the container has come to it.</summary>
    public long? Position { get; set; }
}
