using System.Buffers.Binary;
using System.IO.Compression;
using CudaViT.Data.Pixels;
using CudaViT.Images;
using CudaViT.TestKit;
using CudaViT.Training.Checkpoints;
using CudaViT.Training.Reports.Pictures;

namespace CudaViT.Training.Tests.Reports;

public sealed class PictureTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(4)]
    public void Png_files_hold_the_pixels(int channels)
    {
        byte[] pixels = new byte[5 * 7 * channels];
        new Random(1).NextBytes(pixels);
        byte[] file = PngEncoder.Encode(new Picture(pixels, 5, 7, channels));
        byte[] repaired = [.. file];
        PngWriter.RepairChecksums(repaired);
        Assert.Equal(repaired, file); // the tests' own checksums

        Assert.Equal(7, BinaryPrimitives.ReadInt32BigEndian(file.AsSpan(16)));
        Assert.Equal(5, BinaryPrimitives.ReadInt32BigEndian(file.AsSpan(20)));
        int size = BinaryPrimitives.ReadInt32BigEndian(file.AsSpan(33));
        using var rows = new MemoryStream();
        using (var inflate = new ZLibStream(new MemoryStream(file, 41, size), CompressionMode.Decompress))
        {
            inflate.CopyTo(rows);
        }

        Assert.Equal(pixels, Unfilter(rows.ToArray(), 5, 7 * channels));
    }

    [SkippableTheory]
    [InlineData(1)]
    [InlineData(3)]
    public void Libpng_reads_them(int channels)
    {
        ImageCodecs.Require();
        byte[] pixels = new byte[9 * 4 * channels];
        new Random(1).NextBytes(pixels);
        byte[] file = PngEncoder.Encode(new Picture(pixels, 9, 4, channels));
        ImageView image = new ImageDecoder().Decode(file, scale: null, new ImageBuffer());
        Assert.Equal((9, 4), (image.Height, image.Width));
        byte[] expected = channels == 3 ? pixels : [.. pixels.SelectMany(level => (byte[])[level, level, level])];
        Assert.Equal(expected, image.Pixels.ToArray());
    }

    // The check values of the catalogue of parametrised CRC algorithms.
    [Fact]
    public void Checksums_are_those_of_the_standards()
    {
        Assert.Equal(0xCBF43926, Crc32.Iso.Of("123456789"u8));
        Assert.Equal(0xE3069283, Crc32.Castagnoli.Of("123456789"u8));
    }

    [Fact]
    public void Principal_components_are_the_eigenvectors_with_the_largest_values()
    {
        // Rotated by known reflections: H·diag·H with H = I − 2vvᵀ.
        const int Width = 40;
        var random = new Random(3);
        double[] values = [9, 5, 4, .. Enumerable.Range(3, Width - 3).Select(i => 1.0 / (i + 1))];
        double[] v = [.. Enumerable.Range(0, Width).Select(_ => random.NextDouble() - 0.5)];
        double length = Math.Sqrt(v.Sum(x => x * x));
        v = [.. v.Select(x => x / length)];
        double H(int i, int j) => (i == j ? 1 : 0) - (2 * v[i] * v[j]);
        double[] covariance = new double[Width * Width];
        for (int i = 0; i < Width; i++)
        {
            for (int j = 0; j < Width; j++)
            {
                covariance[(i * Width) + j] = Enumerable.Range(0, Width).Sum(k => H(i, k) * values[k] * H(j, k));
            }
        }

        IReadOnlyList<(double Variance, double[] Direction)> found = PrincipalComponents.Of(covariance, Width, 3);
        Assert.Equal([9, 5, 4], found.Select(component => Math.Round(component.Variance, 9)));
        for (int k = 0; k < 3; k++)
        {
            double[] direction = found[k].Direction;
            double cosine = Enumerable.Range(0, Width).Sum(i => direction[i] * H(i, k));
            Assert.Equal(1, Math.Abs(cosine), 1e-9);
            Assert.True(direction.MaxBy(Math.Abs) > 0);
        }
    }

    [Fact]
    public void Patches_that_do_not_differ_have_one_colour()
    {
        double[][] image = [.. Enumerable.Range(0, 4).Select(_ => (double[])[1, 2])];
        (IReadOnlyList<Picture> maps, IReadOnlyList<double> shares) = PatchColors.Of([image, image], grid: 2);
        Assert.All(maps, map => Assert.All(map.Pixels, level => Assert.Equal(128, level)));
        Assert.All(shares, share => Assert.Equal(0, share));
    }

    // Inverse of filter 2 of the standard, section 9.2.
    private static byte[] Unfilter(byte[] rows, int height, int stride)
    {
        byte[] pixels = new byte[height * stride];
        for (int y = 0; y < height; y++)
        {
            Assert.Equal(2, rows[y * (stride + 1)]);
            for (int x = 0; x < stride; x++)
            {
                byte above = y == 0 ? (byte)0 : pixels[((y - 1) * stride) + x];
                pixels[(y * stride) + x] = (byte)(rows[(y * (stride + 1)) + 1 + x] + above);
            }
        }

        return pixels;
    }
}
