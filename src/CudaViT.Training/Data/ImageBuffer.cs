namespace CudaViT.Training.Data;

/// <summary>Scratch memory for one decoded image, kept by a worker and reused for image after image.</summary>
public sealed class ImageBuffer
{
    private byte[] _pixels = [];

    /// <summary>Room for an image of <paramref name="sizeInBytes"/> bytes; whatever was there before is lost.</summary>
    public Span<byte> Reserve(int sizeInBytes)
    {
        if (_pixels.Length < sizeInBytes)
        {
            _pixels = GC.AllocateUninitializedArray<byte>(sizeInBytes);
        }

        return _pixels.AsSpan(0, sizeInBytes);
    }
}
