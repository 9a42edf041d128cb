using System.Buffers.Binary;
using System.Text;

namespace CudaViT.Training.Evaluation.Features;

/// <summary>The header of NumPy's <c>.npy</c> files, version 1.0; the numbers follow as they lie in memory.</summary>
/// <remarks>numpy.org/doc/stable/reference/generated/numpy.lib.format.html.</remarks>
internal static class NpyHeader
{
    private const int Alignment = 64;
    private const int PreambleSize = 10;

    /// <summary>Type string of float32.</summary>
    public const string Single = "<f4";

    /// <summary>Type string of float64.</summary>
    public const string Double = "<f8";

    /// <summary>Type string of int64.</summary>
    public const string Int64 = "<i8";

    /// <summary>Makes a header.</summary>
    /// <param name="type">One of the type strings.</param>
    /// <param name="shape">Dimensions of a row-major array.</param>
    public static byte[] Make(string type, params ReadOnlySpan<long> shape)
    {
        string sizes = string.Concat(shape.ToArray().Select(size => FormattableString.Invariant($"{size}, ")));
        string text = $"{{'descr': '{type}', 'fortran_order': False, 'shape': ({sizes.TrimEnd()}), }}";
        int length = PreambleSize + text.Length + 1;
        int padding = (Alignment - (length % Alignment)) % Alignment;
        byte[] header = new byte[length + padding];
        ((ReadOnlySpan<byte>)[0x93, .. "NUMPY"u8, 1, 0]).CopyTo(header);
        BinaryPrimitives.WriteUInt16LittleEndian(header.AsSpan(8), (ushort)(header.Length - PreambleSize));
        header.AsSpan(PreambleSize).Fill((byte)' ');
        Encoding.ASCII.GetBytes(text).CopyTo(header, PreambleSize);
        header[^1] = (byte)'\n';
        return header;
    }
}
