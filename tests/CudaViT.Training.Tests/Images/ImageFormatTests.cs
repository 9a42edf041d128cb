using CudaViT.Data.Sets;
using CudaViT.TestKit;

namespace CudaViT.Training.Tests.Images;

public sealed class ImageFormatTests
{
    public static TheoryData<string, ImageFormat?> Contents => new()
    {
        { "FF D8 FF E0 00 10", ImageFormat.Jpeg },
        { "FF D8 FF DB", ImageFormat.Jpeg },
        { "FF D8", null },
        { "89 50 4E 47 0D 0A 1A 0A", ImageFormat.Png },
        { "89 50 4E 47", null },
        { "47 49 46 38 37 61", ImageFormat.Gif },
        { "47 49 46 38 39 61 01", ImageFormat.Gif },
        { "47 49 46 38 38 61", null },
        { "52 49 46 46 24 00 00 00 57 45 42 50", ImageFormat.WebP },
        { "52 49 46 46 24 00 00 00 57 41 56 45", null }, // a sound
        { "42 4D 36 00 00 00 00 00 00 00 36 00", ImageFormat.Bmp },
        { "42 4D 36 00 00 00 01 00 00 00", null },
        { "49 49 2A 00 08 00", ImageFormat.Tiff },
        { "4D 4D 00 2A 00 00", ImageFormat.Tiff },
        { "00 00 00 18 66 74 79 70 68 65 69 63", ImageFormat.Other }, // heic
        { "00 00 00 1C 66 74 79 70 61 76 69 66", ImageFormat.Other }, // avif
        { "00 00 00 18 66 74 79 70 69 73 6F 6D", null },              // a film
        { "00 00 00 18 66 74 79 70 68", null },
        { "FF 0A FA", ImageFormat.Other },
        { "00 00 00 0C 6A 50 20 20 0D 0A 87 0A", ImageFormat.Other },
        { "", null },
        { "23 20 61 20 74 65 78 74", null },
    };

    [Theory, MemberData(nameof(Contents))]
    public void First_bytes_tell_a_format(string bytes, ImageFormat? expected) =>
        Assert.Equal(
            expected,
            ImageFormats.OfContent(Convert.FromHexString(bytes.Replace(" ", "", StringComparison.Ordinal))));

    [Fact]
    public void What_the_tests_write_is_recognized_from_as_many_bytes_as_are_asked_for()
    {
        Assert.Equal(ImageFormat.Jpeg, Sniff(JpegWriter.Encode(new byte[3], 1, 1, 3)));
        Assert.Equal(ImageFormat.Png, Sniff(PngWriter.Encode(new byte[3], 1, 1, 3)));

        static ImageFormat? Sniff(byte[] file) => ImageFormats.OfContent(file.AsSpan(0, ImageFormats.SniffedBytes));
    }

    [Theory]
    [InlineData("a.JPG", ImageFormat.Jpeg)]
    [InlineData("a.b.jfif", ImageFormat.Jpeg)]
    [InlineData("a.jpe", ImageFormat.Jpeg)]
    [InlineData("deep/a.Png", ImageFormat.Png)]
    [InlineData("a.TIF", ImageFormat.Tiff)]
    [InlineData("IMG_1.HEIC", ImageFormat.Other)]
    [InlineData("raw.nef", ImageFormat.Other)]
    [InlineData("jpg", null)]
    [InlineData("a.jpg.txt", null)]
    [InlineData("", null)]
    public void Extensions_tell_a_format(string name, ImageFormat? expected) =>
        Assert.Equal(expected, ImageFormats.OfName(name));
}
