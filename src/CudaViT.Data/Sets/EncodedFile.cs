using CudaViT.Data.Pixels;
using Microsoft.Win32.SafeHandles;

namespace CudaViT.Data.Sets;

/// <summary>Reads a whole image file, or a part of another file that is one.</summary>
internal static class EncodedFile
{
    private const long MaxSizeInBytes = 256L << 20; // no image that this program decodes comes near

    /// <summary>Reads <paramref name="sizeInBytes"/> bytes from <paramref name="offset"/> on.</summary>
    public static ReadOnlySpan<byte> Read(string path, long offset, long? sizeInBytes, ImageBuffer scratch)
    {
        // Nobody may ever write into a pipe, and opening it waits for that; like other files that are none, it has no
        // length.
        if (sizeInBytes is null && new FileInfo(path) is { Exists: true, Length: 0 })
        {
            throw new UndecodableImageException("it is empty, or no regular file");
        }

        using SafeFileHandle file = File.OpenHandle(path);
        long size = sizeInBytes ?? RandomAccess.GetLength(file);
        if (size > MaxSizeInBytes)
        {
            throw new UndecodableImageException($"{size} bytes are more than an image may have, {MaxSizeInBytes}");
        }

        Span<byte> content = scratch.ReserveFile((int)size);
        for (int read = 0; read < content.Length;)
        {
            int more = RandomAccess.Read(file, content[read..], offset + read);
            if (more == 0)
            {
                throw new EndOfStreamException("the file ends too early");
            }

            read += more;
        }

        return content;
    }
}
