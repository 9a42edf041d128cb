using CudaViT.Data.Pixels;

namespace CudaViT.Images;

/// <summary>Turns and mirrors images, so that they stand upright.</summary>
internal static class Turning
{
    private const int Channels = 3;

    /// <summary>Whether height and width change places.</summary>
    public static bool SwapsAxes(int orientation) => orientation >= 5;

    /// <summary>Turns an image.</summary>
    /// <param name="image">[height, width, 3].</param>
    /// <param name="orientation">2 to 8, as <see cref="ExifOrientation"/> reads it.</param>
    /// <param name="buffer">Memory for the result; the image lies in its other part.</param>
    public static ImageView Apply(ImageView image, int orientation, ImageBuffer buffer)
    {
        (int height, int width) = (image.Height, image.Width);
        int last = (height * width) - 1;

        // Where the first pixel of the result lies, and how far from it those below it and to its right do.
        (int first, int down, int right) = orientation switch
        {
            2 => (width - 1, width, -1),
            3 => (last, -width, -1),
            4 => (last - width + 1, -width, 1),
            5 => (0, 1, width),
            6 => (last - width + 1, 1, -width),
            7 => (last, -1, -width),
            _ => (width - 1, -1, width),
        };
        (int rows, int columns) = SwapsAxes(orientation) ? (width, height) : (height, width);
        Span<byte> result = buffer.ReserveTurned(image.Pixels.Length);
        int to = 0;
        for (int y = 0; y < rows; y++)
        {
            int from = Channels * (first + (y * down));
            for (int x = 0; x < columns; x++, from += Channels * right, to += Channels)
            {
                (result[to], result[to + 1], result[to + 2]) =
                    (image.Pixels[from], image.Pixels[from + 1], image.Pixels[from + 2]);
            }
        }

        return SwapsAxes(orientation)
            ? new ImageView(result, rows, columns, Channels, image.FullWidth, image.FullHeight)
            : new ImageView(result, rows, columns, Channels, image.FullHeight, image.FullWidth);
    }
}
