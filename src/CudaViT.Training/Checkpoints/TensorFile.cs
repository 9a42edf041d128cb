using System.Buffers;
using CudaViT.Core;
using CudaViT.Training.Models.Nn;

namespace CudaViT.Training.Checkpoints;

/// <summary>Moves named arrays between a device and safetensors files, through a buffer of a few megabytes.</summary>
public static class TensorFile
{
    private const int BufferSizeInBytes = 4 << 20;

    /// <summary>Bytes of all values, without the header of the file.</summary>
    public static long DataSizeInBytes(IReadOnlyList<NamedArray> arrays)
    {
        ArgumentNullException.ThrowIfNull(arrays);
        return arrays.Sum(named => named.Array.SizeInBytes);
    }

    /// <summary>Writes a whole safetensors file, the arrays in the order given.</summary>
    /// <exception cref="ArgumentException">Two arrays have one name.</exception>
    public static void Write(
        Stream stream, IReadOnlyList<NamedArray> arrays, IReadOnlyDictionary<string, string>? metadata = null)
    {
        ArgumentNullException.ThrowIfNull(arrays);
        var writer = new SafetensorsWriter(stream, [.. arrays.Select(Describe)], metadata);
        byte[] buffer = ArrayPool<byte>.Shared.Rent(BufferSizeInBytes);
        try
        {
            foreach (NamedArray named in arrays)
            {
                foreach (NdArray part in Parts(named.Array))
                {
                    Span<byte> bytes = buffer.AsSpan(0, (int)part.SizeInBytes);
                    part.Backend.CopyToHost(part, bytes);
                    writer.Write(named.Name, bytes);
                }
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        writer.Complete();
    }

    /// <summary>Copies tensors of a file to a device.</summary>
    /// <param name="file">Where they are.</param>
    /// <param name="backend">Device to put them on.</param>
    /// <param name="path">The file's name, for messages.</param>
    /// <param name="prefix">Only tensors whose names begin so; the prefix is taken off.</param>
    /// <exception cref="CheckpointException">A tensor has an element type that arrays do not have.</exception>
    /// <exception cref="SafetensorsException">The file cannot be read.</exception>
    public static Dictionary<string, NdArray> Read(
        SafetensorsFile file, IBackend backend, string path, string prefix = "")
    {
        ArgumentNullException.ThrowIfNull(file);
        var arrays = new Dictionary<string, NdArray>(StringComparer.Ordinal);
        byte[] buffer = ArrayPool<byte>.Shared.Rent(BufferSizeInBytes);
        try
        {
            foreach (SafetensorsTensor tensor in file.Tensors)
            {
                if (tensor.Name.StartsWith(prefix, StringComparison.Ordinal))
                {
                    NdArray array = NdArray.Empty(backend, ShapeOf(tensor, path), ArrayType(tensor, path));
                    Fill(array, file, tensor.Name, buffer);
                    arrays.Add(tensor.Name[prefix.Length..], array);
                }
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        return arrays;
    }

    private static void Fill(NdArray array, SafetensorsFile file, string name, byte[] buffer)
    {
        long offset = 0;
        foreach (NdArray part in Parts(array))
        {
            Span<byte> bytes = buffer.AsSpan(0, (int)part.SizeInBytes);
            file.Read(name, bytes, offset);
            part.Backend.CopyFromHost(bytes, part);
            offset += bytes.Length;
        }
    }

    private static Shape ShapeOf(SafetensorsTensor tensor, string path) =>
        Shape.Create([.. tensor.Shape.Select(dimension => dimension <= int.MaxValue
            ? (int)dimension
            : throw new CheckpointException(
                $"{path}: tensor {tensor} has a dimension above {int.MaxValue}; expected smaller ones; split it."))]);

    private static DType ArrayType(SafetensorsTensor tensor, string path) => tensor.DType switch
    {
        SafetensorsDType.F64 => DType.F64,
        SafetensorsDType.F32 => DType.F32,
        SafetensorsDType.BF16 => DType.BF16,
        SafetensorsDType.I64 => DType.I64,
        SafetensorsDType.I32 => DType.I32,
        SafetensorsDType.U8 => DType.U8,
        _ => throw new CheckpointException(
            $"{path}: tensor {tensor} has an element type that is not computed with; expected F64, F32, BF16, I64, "
            + "I32 or U8; convert it."),
    };

    private static SafetensorsTensor Describe(NamedArray named) =>
        new(named.Name, FileType(named.Array.DType), [.. named.Array.Shape.Select(dimension => (long)dimension)]);

    private static SafetensorsDType FileType(DType dtype) => dtype switch
    {
        DType.F64 => SafetensorsDType.F64,
        DType.F32 => SafetensorsDType.F32,
        DType.BF16 => SafetensorsDType.BF16,
        DType.I64 => SafetensorsDType.I64,
        DType.I32 => SafetensorsDType.I32,
        _ => SafetensorsDType.U8,
    };

    private static IEnumerable<NdArray> Parts(NdArray array)
    {
        NdArray flat = array.Reshape(-1);
        int step = BufferSizeInBytes / array.DType.SizeInBytes();
        for (long start = 0; start < flat.Count; start += step)
        {
            yield return flat.Rows((int)start, (int)Math.Min(start + step, flat.Count));
        }
    }
}
