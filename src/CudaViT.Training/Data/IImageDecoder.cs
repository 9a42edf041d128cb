namespace CudaViT.Training.Data;

/// <summary>Turns image files into pixels. Safe to use from several threads.</summary>
public interface IImageDecoder
{
    /// <summary>Decodes a file to red, green and blue.</summary>
    /// <param name="file">The whole content of the file.</param>
    /// <param name="scale">How small the result may be; null for the full size.</param>
    /// <param name="destination">Memory for the pixels.</param>
    /// <returns>[height, width, 3]; valid until <paramref name="destination"/> is used again.</returns>
    /// <exception cref="UndecodableImageException">The content is damaged, or of no known format.</exception>
    /// <exception cref="InputException">No file of this format can be decoded here.</exception>
    ImageView Decode(ReadOnlySpan<byte> file, IDecodeScale? scale, ImageBuffer destination);
}
