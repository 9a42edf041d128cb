using System.Runtime.InteropServices;
using CudaViT.Data.Pixels;
using CudaViT.Data.Sets;
using CudaViT.Images.Interop;

namespace CudaViT.Images;

/// <summary>Decodes JPEG by libjpeg-turbo's TurboJPEG interface, version 2 and later.</summary>
internal sealed class JpegDecoder
{
    // One eighth to one half are exact powers of two of the transform's size, for which there are fast routines.
    private static ReadOnlySpan<int> Divisors => [8, 4, 2];

    private readonly Stack<TurboJpegHandle> _idle = [];

    /// <summary>Decodes a file, at a smaller size if the scale allows.</summary>
    public ImageView Decode(ReadOnlySpan<byte> file, IDecodeScale? scale, ImageBuffer destination)
    {
        TurboJpegHandle handle = Rent();
        try
        {
            ImageView image = Decode(handle, file, scale, destination);
            Return(handle);
            return image;
        }
        catch
        {
            handle.Dispose(); // what is left of a damaged file in it would damage the next one
            throw;
        }
    }

    private static ImageView Decode(
        TurboJpegHandle handle, ReadOnlySpan<byte> file, IDecodeScale? scale, ImageBuffer destination)
    {
        var size = new CULong((nuint)file.Length);
        int header = TurboJpeg.DecompressHeader(
            handle, file, size, out int fullWidth, out int fullHeight, out int subsampling, out int colors);

        // Version 2 calls it an error when it has no name for the subsampling, yet decodes it.
        if (header != 0 && subsampling >= 0 && TurboJpeg.ErrorCode(handle) != TurboJpeg.Warning)
        {
            throw new UndecodableImageException(Message(handle));
        }

        ImageLimits.Check(fullHeight, fullWidth, file.Length, ImageLimits.JpegPixelsPerByte);
        (int height, int width) = Reduce(fullHeight, fullWidth, scale);
        bool isCmyk = colors is TurboJpeg.ColorCmyk or TurboJpeg.ColorYcck;
        int channels = isCmyk ? 4 : 3;
        Span<byte> pixels = destination.Reserve(checked(height * width * channels));
        int status = TurboJpeg.Decompress(
            handle,
            file,
            size,
            pixels,
            width,
            pitch: 0,
            height,
            isCmyk ? TurboJpeg.FormatCmyk : TurboJpeg.FormatRgb,
            TurboJpeg.AccurateTransform | TurboJpeg.LimitScans);

        // A warning stands for data that a decoder can get over, as Pillow does; only a file cut short is refused.
        if (status != 0 && (TurboJpeg.ErrorCode(handle) != TurboJpeg.Warning || !JpegMarkers.HasEnd(file)))
        {
            throw new UndecodableImageException(
                TurboJpeg.ErrorCode(handle) == TurboJpeg.Warning ? "the file is cut short" : Message(handle));
        }

        if (isCmyk)
        {
            Cmyk.ToRgb(pixels);
            pixels = pixels[..(height * width * 3)];
        }

        return new ImageView(pixels, height, width, channels: 3, fullHeight, fullWidth);
    }

    private static (int Height, int Width) Reduce(int height, int width, IDecodeScale? scale)
    {
        double smallest = scale?.Smallest(height, width) ?? 1;
        foreach (int divisor in Divisors)
        {
            if (smallest * divisor <= 1)
            {
                return ((height + divisor - 1) / divisor, (width + divisor - 1) / divisor);
            }
        }

        return (height, width);
    }

    private static string Message(TurboJpegHandle handle) =>
        Marshal.PtrToStringUTF8(TurboJpeg.ErrorText(handle))?.Trim() ?? "the data is damaged";

    private TurboJpegHandle Rent()
    {
        lock (_idle)
        {
            if (_idle.TryPop(out TurboJpegHandle? handle))
            {
                return handle;
            }
        }

        ImageLibraries.TurboJpeg.Require();
        return TurboJpeg.CreateDecompressor();
    }

    private void Return(TurboJpegHandle handle)
    {
        lock (_idle)
        {
            _idle.Push(handle);
        }
    }
}
