namespace CudaViT.Data.Supervised;

/// <summary>
/// Operations on 8-bit images, in place, that give every value of a channel another one: a table of 256 bytes for each
/// channel. The arithmetic is Pillow's.
/// </summary>
public static class ToneOps
{
    private const int Levels = 256;

    /// <summary>Fills a channel's table, given how often each of its values occurs.</summary>
    private delegate void TableMaker(ReadOnlySpan<int> counts, Span<byte> table);

    /// <summary>Stretches each channel so that its smallest value becomes 0 and its largest 255.</summary>
    public static void AutoContrast(Span<byte> pixels, int channels) => MapChannels(pixels, channels, Stretch);

    /// <summary>Moves values so that all occur about equally often, in each channel.</summary>
    public static void Equalize(Span<byte> pixels, int channels) => MapChannels(pixels, channels, Flatten);

    /// <summary>255 - value.</summary>
    public static void Invert(Span<byte> pixels)
    {
        foreach (ref byte pixel in pixels)
        {
            pixel = (byte)~pixel;
        }
    }

    /// <summary>Keeps the highest bits of every value; 0 bits leave black.</summary>
    public static void Posterize(Span<byte> pixels, int bits)
    {
        byte mask = (byte)(byte.MaxValue << (8 - bits));
        foreach (ref byte pixel in pixels)
        {
            pixel &= mask;
        }
    }

    /// <summary>Makes dark values, below 128, brighter by <paramref name="amount"/>, at most 255.</summary>
    public static void SolarizeAdd(Span<byte> pixels, int amount)
    {
        foreach (ref byte pixel in pixels)
        {
            pixel = pixel < Levels / 2 ? (byte)Math.Min(pixel + amount, byte.MaxValue) : pixel;
        }
    }

    private static void Stretch(ReadOnlySpan<int> counts, Span<byte> table)
    {
        int low = counts.IndexOfAnyExcept(0);
        int high = counts.LastIndexOfAnyExcept(0);
        if (high > low)
        {
            double scale = 255.0 / (high - low);
            double offset = -low * scale;
            for (int value = 0; value < Levels; value++)
            {
                table[value] = (byte)Math.Clamp((int)((value * scale) + offset), 0, byte.MaxValue);
            }
        }
    }

    private static void Flatten(ReadOnlySpan<int> counts, Span<byte> table)
    {
        int sum = 0;
        foreach (int count in counts)
        {
            sum += count;
        }

        // A flat image has nothing but its last value, and so a step of 0.
        int step = (sum - counts[counts.LastIndexOfAnyExcept(0)]) / (Levels - 1);
        if (step == 0)
        {
            return;
        }

        int before = step / 2;
        for (int value = 0; value < Levels; value++)
        {
            table[value] = (byte)Math.Min(before / step, byte.MaxValue);
            before += counts[value];
        }
    }

    private static void MapChannels(Span<byte> pixels, int channels, TableMaker make)
    {
        if (pixels.IsEmpty)
        {
            return;
        }

        Span<int> counts = stackalloc int[Levels];
        Span<byte> table = stackalloc byte[Levels];
        for (int channel = 0; channel < channels; channel++)
        {
            counts.Clear();
            for (int i = channel; i < pixels.Length; i += channels)
            {
                counts[pixels[i]]++;
            }

            for (int value = 0; value < Levels; value++)
            {
                table[value] = (byte)value; // unless there is something to do
            }

            make(counts, table);
            for (int i = channel; i < pixels.Length; i += channels)
            {
                pixels[i] = table[pixels[i]];
            }
        }
    }
}
