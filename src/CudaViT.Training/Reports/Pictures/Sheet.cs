namespace CudaViT.Training.Reports.Pictures;

/// <summary>Puts pictures side by side into one.</summary>
internal static class Sheet
{
    private const int Gap = 2;
    private const int Channels = 3;

    /// <summary>
    /// Joins square pictures of 1 or 3 channels; smaller ones are enlarged to the height of the largest.
    /// </summary>
    public static Picture Beside(params IReadOnlyList<Picture> pictures)
    {
        int side = pictures.Max(picture => picture.Height);
        int width = (pictures.Count * (side + Gap)) - Gap;
        byte[] pixels = new byte[side * width * Channels];
        Array.Fill(pixels, (byte)255);
        for (int i = 0; i < pictures.Count; i++)
        {
            Picture picture = pictures[i];
            for (int y = 0; y < side; y++)
            {
                for (int x = 0; x < side; x++)
                {
                    (int row, int column) = (y * picture.Height / side, x * picture.Width / side);
                    int from = ((row * picture.Width) + column) * picture.Channels;
                    int to = ((y * width) + (i * (side + Gap)) + x) * Channels;
                    for (int channel = 0; channel < Channels; channel++)
                    {
                        pixels[to + channel] = picture.Pixels[from + (picture.Channels == 1 ? 0 : channel)];
                    }
                }
            }
        }

        return new Picture(pixels, side, width, Channels);
    }
}
