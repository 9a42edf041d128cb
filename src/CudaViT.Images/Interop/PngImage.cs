using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace CudaViT.Images.Interop;

/// <summary><c>png_image</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct PngImage
{
    public nint Opaque;
    public uint Version;
    public uint Width;
    public uint Height;
    public uint Format;
    public uint Flags;
    public uint ColorMapEntries;
    public uint WarningOrError;
    private MessageBytes _message;

    /// <summary>What went wrong, in libpng's words.</summary>
    public readonly string Text()
    {
        ReadOnlySpan<byte> bytes = _message;
        int end = bytes.IndexOf((byte)0);
        return end == 0 ? "the data is damaged" : Encoding.UTF8.GetString(end < 0 ? bytes : bytes[..end]);
    }

    [InlineArray(64)]
    private struct MessageBytes
    {
        private byte _first;
    }
}
