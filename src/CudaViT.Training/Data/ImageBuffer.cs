namespace CudaViT.Training.Data;

/// <summary>
/// Scratch memory for one image, encoded and decoded, kept by a worker and reused for image after image.
/// </summary>
public sealed class ImageBuffer
{
    private byte[] _file = [];
    private byte[] _pixels = [];
    private byte[] _turned = [];

    /// <summary>Room for an image of <paramref name="sizeInBytes"/> bytes; whatever was there before is lost.</summary>
    public Span<byte> Reserve(int sizeInBytes) => Reserve(ref _pixels, sizeInBytes);

    /// <summary>Room for a file of <paramref name="sizeInBytes"/> bytes, apart from the pixels.</summary>
    public Span<byte> ReserveFile(int sizeInBytes) => Reserve(ref _file, sizeInBytes);

    /// <summary>Room for a turned copy of the image, apart from its pixels.</summary>
    public Span<byte> ReserveTurned(int sizeInBytes) => Reserve(ref _turned, sizeInBytes);

    private static Span<byte> Reserve(ref byte[] buffer, int sizeInBytes)
    {
        if (buffer.Length < sizeInBytes)
        {
            buffer = GC.AllocateUninitializedArray<byte>(sizeInBytes);
        }

        return buffer.AsSpan(0, sizeInBytes);
    }
}
