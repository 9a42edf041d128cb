using CudaViT.Data.Pixels;

namespace CudaViT.Training.Tests.Data;

/// <summary>
/// Image operations against their formulas written out, where fixtures are too small to go through all that blocks of
/// pixels can do: every level, every colour, and sizes on both sides of a block.
/// </summary>
public sealed class ImageFormulaTests
{
    // Rows that are no multiple of a block, down to a single pixel.
    [Fact]
    public void A_flip_turns_rows_of_any_width_around()
    {
        for (int width = 1; width <= 50; width++)
        {
            byte[] pixels = new byte[2 * width * 3];
            new System.Random(width).NextBytes(pixels);
            byte[] expected = [.. pixels.Chunk(width * 3).SelectMany(row => row.Chunk(3).Reverse().SelectMany(p => p))];
            ImageOps.FlipHorizontally(pixels, width, 3);
            Assert.Equal(expected, pixels);
        }
    }

    [Theory]
    [InlineData(0f)]
    [InlineData(0.7f)]
    [InlineData(1f)]
    [InlineData(1.4f)]
    [InlineData(1e30f)]
    [InlineData(-1e30f)]
    public void Every_level_is_blended_in_float32_and_clipped(float factor)
    {
        byte[] levels = [.. Enumerable.Range(0, 256).Select(i => (byte)i), 255];
        byte[] brighter = [.. levels];
        ImageOps.Brightness(brighter, factor);
        Assert.Equal(levels.Select(v => (byte)Math.Clamp(factor * v, 0, 255)), brighter);

        // The mean of the levels and of one more 255 is 128.
        ImageOps.Contrast(levels, 1, factor);
        Assert.Equal(
            Enumerable.Range(0, 256).Append(255).Select(v => (byte)Math.Clamp(128 + (factor * (v - 128)), 0, 255)),
            levels);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(0)]
    [InlineData(100)]
    [InlineData(255)]
    [InlineData(256)]
    public void Every_level_from_the_threshold_on_is_inverted(int threshold)
    {
        byte[] levels = [.. Enumerable.Range(0, 256).Select(i => (byte)i), 100];
        byte[] expected = [.. levels.Select(v => (byte)(v < threshold ? v : 255 - v))];
        ImageOps.Solarize(levels, threshold);
        Assert.Equal(expected, levels);
    }

    // Strips of 32 rows and what is left of them, blocks of 32 bytes and what is left, and images too small for either.
    [Theory]
    [InlineData(70, 90, 50, 40)]
    [InlineData(33, 41, 64, 77)]
    [InlineData(32, 9, 100, 3)]
    [InlineData(200, 3, 31, 11)]
    [InlineData(5, 300, 12, 33)]
    [InlineData(64, 64, 64, 20)]
    [InlineData(64, 64, 20, 64)]
    [InlineData(1, 1, 40, 40)]
    public void Resizing_weighs_row_by_row_and_then_column_by_column(int height, int width, int newHeight, int newWidth)
    {
        foreach (int channels in new[] { 1, 3 })
        {
            byte[] pixels = new byte[(height + 3) * (width + 2) * channels];
            new System.Random(height).NextBytes(pixels);
            byte[] actual = new byte[newHeight * newWidth * channels];
            new ImageResizer().Resize(
                new ImageView(pixels, height + 3, width + 2, channels), new CropBox(2, 1, height, width), actual,
                newHeight,
                newWidth);

            byte[] box = [.. pixels.Chunk((width + 2) * channels).Skip(2).Take(height)
                .SelectMany(row => row[channels..^channels])];
            byte[] rows = Resize(box, width, newWidth, outer: height, inner: channels);
            Assert.Equal(Resize(rows, height, newHeight, outer: 1, inner: newWidth * channels), actual);
        }
    }

    // The pixels behind the last whole block.
    [Fact]
    public void Colours_do_not_depend_on_where_a_pixel_stands()
    {
        byte[] pixels = new byte[31 * 3];
        new System.Random(4).NextBytes(pixels);
        foreach (Action<byte[]> change in new Action<byte[]>[]
        {
            image => ImageOps.Hue(image, 0.07f),
            image => ImageOps.Saturation(image, 1.7f),
            image => ImageOps.Grayscale(image),
            image => ImageOps.Brightness(image, 1.2f),
            image => ImageOps.Solarize(image),
        })
        {
            byte[] together = [.. pixels];
            change(together);
            byte[] apart = [.. pixels.Chunk(3).SelectMany(pixel =>
            {
                change(pixel);
                return pixel;
            })];
            Assert.Equal(apart, together);
        }
    }

    // Every third level of each channel, all corners included, against one pixel's formulas written out.
    [Theory]
    [InlineData(0.1f)]
    [InlineData(-0.07f)]
    [InlineData(0.5f)]
    public void Hues_are_turned_by_the_formulas_in_the_whole_colour_cube(float turn)
    {
        byte[] levels = [.. Enumerable.Range(0, 86).Select(i => (byte)(3 * i))];
        byte[] pixels = new byte[levels.Length * 3];
        foreach (byte red in levels)
        {
            foreach (byte green in levels)
            {
                byte[] row = [.. levels.SelectMany(blue => new[] { red, green, blue })];
                row.CopyTo(pixels, 0);
                ImageOps.Hue(pixels, turn);
                byte[] expected = [.. row.Chunk(3).SelectMany(p => TurnHue(p[0], p[1], p[2], (int)(255.0 * turn)))];
                Assert.True(expected.AsSpan().SequenceEqual(pixels), $"red {red}, green {green}, turn {turn}");
            }
        }
    }

    [Fact]
    public void A_hue_is_turned_by_the_formulas_for_every_colour() => Parallel.For(0, 256, red =>
    {
        byte[] row = new byte[256 * 3];
        byte[] expected = new byte[256 * 3];
        for (int green = 0; green < 256; green++)
        {
            for (int blue = 0; blue < 256; blue++)
            {
                (row[3 * blue], row[(3 * blue) + 1], row[(3 * blue) + 2]) = ((byte)red, (byte)green, (byte)blue);
                TurnHue((byte)red, (byte)green, (byte)blue, steps: 25).CopyTo(expected, 3 * blue);
            }

            ImageOps.Hue(row, 0.1f);
            Assert.True(expected.AsSpan().SequenceEqual(row), $"red {red}, green {green}");
        }
    });

    // Lines of pixels to another length: [outer, from, inner] to [outer, to, inner].
    private static byte[] Resize(byte[] pixels, int from, int to, int outer, int inner)
    {
        if (from == to)
        {
            return pixels;
        }

        var filter = new ResizeFilter(Interpolation.Bilinear);
        filter.Prepare(from, to, first: 0, count: to);
        byte[] result = new byte[outer * to * inner];
        for (int i = 0; i < result.Length; i++)
        {
            ReadOnlySpan<int> weights = filter.Weights(i / inner % to, out int first);
            int sum = ResizeFilter.Half;
            for (int j = 0; j < weights.Length; j++)
            {
                sum += weights[j] * pixels[(((i / inner / to * from) + first + j) * inner) + (i % inner)];
            }

            result[i] = ResizeFilter.Round(sum);
        }

        return result;
    }

    // float and double as in the definition: where trunc and floor step, that decides.
    private static byte[] TurnHue(byte red, byte green, byte blue, int steps)
    {
        byte max = Math.Max(red, Math.Max(green, blue));
        float range = max - Math.Min(red, Math.Min(green, blue));
        if (range == 0)
        {
            return [max, max, max];
        }

        (float r, float g, float b) = ((max - red) / range, (max - green) / range, (max - blue) / range);
        float h = red == max ? b - g : green == max ? (float)(2.0 + r - b) : (float)(4.0 + g - r);
        float circle = (float)(((h / 6.0) + 1) % 1);
        int hue = ((int)(circle * 255.0) + steps) & 255;
        int saturation = (int)(range / max * 255.0);
        double x = hue * 6.0 / 255;
        float f = (float)(x - Math.Floor(x));
        float s = (float)(saturation / 255.0);
        float sf = s * f;
        (byte p, byte q, byte t) = (Shade(s), Shade(sf), Shade(s * (1.0 - f)));
        return ((int)x % 6) switch
        {
            0 => [max, t, p],
            1 => [q, max, p],
            2 => [p, max, t],
            3 => [p, q, max],
            4 => [t, p, max],
            _ => [max, p, q],
        };

        byte Shade(double part) => (byte)Math.Round(max * (1 - part), MidpointRounding.AwayFromZero);
    }
}
