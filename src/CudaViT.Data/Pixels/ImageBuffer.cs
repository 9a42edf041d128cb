using System.Diagnostics;

namespace CudaViT.Data.Pixels;

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

/// <summary>An 8-bit image [height, width, channels] that lies in someone else's memory.</summary>
public readonly ref struct ImageView
{
    /// <summary>Looks at <paramref name="pixels"/>, which hold exactly the image.</summary>
    public ImageView(ReadOnlySpan<byte> pixels, int height, int width, int channels)
        : this(pixels, height, width, channels, height, width)
    {
    }

    /// <summary>The same for an image that was decoded at a smaller size than it has.</summary>
    public ImageView(
        ReadOnlySpan<byte> pixels, int height, int width, int channels, int fullHeight, int fullWidth)
    {
        Debug.Assert(pixels.Length == height * width * channels, "The pixels do not fill the shape.");
        Pixels = pixels;
        (Height, Width, Channels) = (height, width, channels);
        (FullHeight, FullWidth) = (fullHeight, fullWidth);
    }

    /// <summary>Row-major, the channels of a pixel side by side.</summary>
    public ReadOnlySpan<byte> Pixels { get; }

    /// <summary>Rows.</summary>
    public int Height { get; }

    /// <summary>Pixels in a row.</summary>
    public int Width { get; }

    /// <summary>Rows that the image has at its full size.</summary>
    public int FullHeight { get; }

    /// <summary>Pixels in a row of the image at its full size.</summary>
    public int FullWidth { get; }

    /// <summary>1 (grey) or 3 (red, green, blue).</summary>
    public int Channels { get; }
}
