using System.Runtime.InteropServices;

namespace CudaViT.Core;

/// <summary>
/// A contiguous, row-major array on a device: plain data without history. Backends, saved values and gradients use this
/// type; <see cref="Tensor"/> adds a place on the tape.
/// </summary>
public sealed class NdArray
{
    internal NdArray(IBackend backend, Storage storage, long offset, Shape shape, DType dtype)
    {
        Backend = backend;
        Storage = storage;
        Offset = offset;
        Shape = shape;
        DType = dtype;
        Count = shape.Count;
    }

    /// <summary>The device's operations.</summary>
    public IBackend Backend { get; }

    /// <summary>The memory block, shared with every view of the same data.</summary>
    public Storage Storage { get; }

    /// <summary>Index of the first element within <see cref="Storage"/>, counted in elements.</summary>
    public long Offset { get; }

    /// <summary>Dimensions, outermost first.</summary>
    public Shape Shape { get; }

    /// <summary>Element type.</summary>
    public DType DType { get; }

    /// <summary>Number of elements.</summary>
    public long Count { get; }

    /// <summary>Bytes of the elements.</summary>
    public long SizeInBytes => Count * DType.SizeInBytes();

    /// <summary>Allocates an array whose elements are undefined.</summary>
    public static NdArray Empty(IBackend backend, Shape shape, DType dtype)
    {
        ArgumentNullException.ThrowIfNull(backend);
        return new NdArray(backend, backend.Allocate(shape.Count * dtype.SizeInBytes()), 0, shape, dtype);
    }

    /// <summary>Allocates an array filled with one value.</summary>
    public static NdArray Full(IBackend backend, Shape shape, DType dtype, double value)
    {
        NdArray array = Empty(backend, shape, dtype);
        backend.Fill(array, value);
        return array;
    }

    /// <summary>Allocates an array of zeros.</summary>
    public static NdArray Zeros(IBackend backend, Shape shape, DType dtype) => Full(backend, shape, dtype, 0);

    /// <summary>Copies host values into a new array whose element type is that of <typeparamref name="T"/>.</summary>
    /// <param name="backend">Device to put the array on.</param>
    /// <param name="values">Elements in row-major order; as many as <paramref name="shape"/> has.</param>
    /// <param name="shape">Dimensions.</param>
    /// <exception cref="ArgumentException">The number of values does not fit the shape.</exception>
    public static NdArray From<T>(IBackend backend, ReadOnlySpan<T> values, Shape shape)
        where T : unmanaged
    {
        NdArray array = Empty(backend, shape, DTypes.Of<T>());
        array.CopyFrom(values);
        return array;
    }

    /// <summary>Rounds host doubles to <paramref name="dtype"/> and copies them into a new array.</summary>
    /// <exception cref="ArgumentException">The number of values does not fit the shape.</exception>
    public static NdArray FromDoubles(IBackend backend, ReadOnlySpan<double> values, Shape shape, DType dtype)
    {
        switch (dtype)
        {
            case DType.F64: return From(backend, values, shape);
            case DType.F32: return From<float>(backend, Convert(values, v => (float)v), shape);
            case DType.BF16: return From<BFloat16>(backend, Convert(values, v => (BFloat16)v), shape);
            case DType.I64: return From<long>(backend, Convert(values, v => checked((long)v)), shape);
            case DType.I32: return From<int>(backend, Convert(values, v => checked((int)v)), shape);
            case DType.U8: return From<byte>(backend, Convert(values, v => checked((byte)v)), shape);
            default: throw new ArgumentOutOfRangeException(nameof(dtype));
        }
    }

    /// <summary>Copies the elements to the host.</summary>
    /// <exception cref="InvalidOperationException">
    /// <typeparamref name="T"/> is not the array's element type.
    /// </exception>
    public T[] ToArray<T>()
        where T : unmanaged
    {
        var values = new T[Count];
        CopyTo(values.AsSpan());
        return values;
    }

    /// <summary>Copies the elements to host memory.</summary>
    /// <exception cref="InvalidOperationException">
    /// <typeparamref name="T"/> is not the array's element type.
    /// </exception>
    /// <exception cref="ArgumentException">The destination has another number of elements.</exception>
    public void CopyTo<T>(Span<T> destination)
        where T : unmanaged
    {
        CheckHostSpan<T>(destination.Length);
        Backend.CopyToHost(this, MemoryMarshal.AsBytes(destination));
    }

    /// <summary>Overwrites the elements with host values: an in-place change.</summary>
    /// <exception cref="InvalidOperationException">
    /// <typeparamref name="T"/> is not the array's element type.
    /// </exception>
    /// <exception cref="ArgumentException">The source has another number of elements.</exception>
    public void CopyFrom<T>(ReadOnlySpan<T> source)
        where T : unmanaged
    {
        CheckHostSpan<T>(source.Length);
        Backend.CopyFromHost(MemoryMarshal.AsBytes(source), this);
        Storage.MarkChanged();
    }

    /// <summary>Copies the elements to the host and widens them to double. Exact except for I64 beyond 2⁵³.</summary>
    public double[] ToDoubles() => DType switch
    {
        DType.F64 => ToArray<double>(),
        DType.F32 => Array.ConvertAll(ToArray<float>(), v => (double)v),
        DType.BF16 => Array.ConvertAll(ToArray<BFloat16>(), v => (double)v),
        DType.I64 => Array.ConvertAll(ToArray<long>(), v => (double)v),
        DType.I32 => Array.ConvertAll(ToArray<int>(), v => (double)v),
        _ => Array.ConvertAll(ToArray<byte>(), v => (double)v),
    };

    /// <summary>The only element, widened to double.</summary>
    /// <exception cref="InvalidOperationException">The array does not have exactly one element.</exception>
    public double Item() => Count == 1
        ? ToDoubles()[0]
        : throw new InvalidOperationException($"Item reads a single element, but the shape is {Shape}.");

    /// <summary>
    /// A view of the same elements under another shape. One dimension may be −1: it takes what is left.
    /// </summary>
    /// <exception cref="ArgumentException">The new shape has another number of elements.</exception>
    public NdArray Reshape(params ReadOnlySpan<int> dimensions) => View(Offset, InferShape(dimensions));

    /// <summary>A view of the same elements under another shape.</summary>
    /// <exception cref="ArgumentException">The new shape has another number of elements.</exception>
    public NdArray Reshape(Shape shape) => Reshape(shape.Dimensions);

    /// <summary>
    /// A view of the rows [<paramref name="start"/>, <paramref name="end"/>) of the outermost dimension.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The range leaves the array, or the array is a scalar.</exception>
    public NdArray Rows(int start, int end)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(Shape.Rank, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfLessThan(end, start);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(end, Shape[0]);
        return View(Offset + (start * Shape.CountFrom(1)), Shape.With(0, end - start));
    }

    /// <summary>Converts to another element type. Returns this array when it has that type already.</summary>
    public NdArray Cast(DType dtype) => dtype == DType ? this : Backend.Cast(this, dtype);

    /// <summary>A copy in memory of its own.</summary>
    public NdArray Clone()
    {
        NdArray copy = Empty(Backend, Shape, DType);
        Backend.Copy(this, copy);
        return copy;
    }

    /// <summary>Element type, shape and device, for messages.</summary>
    public string Description => $"{DType}{Shape} on {Backend.Name}";

    /// <summary>
    /// <see cref="Description"/>, and the values as NumPy prints them: aligned, in brackets, shortened with "..."
    /// beyond a thousand. A device is waited for.
    /// </summary>
    public override string ToString() => Text(Description);

    /// <summary>A heading, and the values below it.</summary>
    internal string Text(string heading) =>
        Storage.IsReleased ? $"{heading}; its memory was given back" : $"{heading}\n{ArrayText.Of(this)}";

    internal void ThrowIfReleased() => Storage.ThrowIfReleased();

    private static TOut[] Convert<TOut>(ReadOnlySpan<double> values, Converter<double, TOut> convert) =>
        Array.ConvertAll(values.ToArray(), convert);

    private NdArray View(long offset, Shape shape) => new(Backend, Storage, offset, shape, DType);

    private Shape InferShape(ReadOnlySpan<int> dimensions)
    {
        int[] result = dimensions.ToArray();
        int inferred = Array.IndexOf(result, -1);
        if (inferred >= 0)
        {
            result[inferred] = 1;
            long rest = Shape.Create(result).Count;
            result[inferred] = rest > 0 && Count % rest == 0 ? (int)(Count / rest) : 0;
        }

        var shape = Shape.Create(result);
        return shape.Count == Count
            ? shape
            : throw new ArgumentException(
                $"Reshape: [{string.Join(", ", dimensions.ToArray())}] does not hold the {Count} elements of {Shape}.");
    }

    private void CheckHostSpan<T>(int length)
        where T : unmanaged
    {
        if (DTypes.Of<T>() != DType)
        {
            throw new InvalidOperationException(
                $"The array holds {DType}, not {typeof(T).Name}. Cast it first, or use ToDoubles.");
        }

        if (length != Count)
        {
            throw new ArgumentException($"{length} host values do not fit {Shape}, which has {Count} elements.");
        }
    }
}
