using CudaViT.Data.Pixels;
using CudaViT.Data.Sets;
using CudaViT.Images;
using CudaViT.TestKit;
using CudaViT.Training.Checkpoints;

namespace CudaViT.Training.Tests.Images;

public sealed class ImageDecoderTests
{
    public static TheoryData<string> Files =>
    [
        .. Directory.EnumerateFiles(Fixtures.Shipped("images"))
            .Select(file => Path.GetFileName(file))
            .Where(file => ImageFormats.OfName(file) is not null)
            .Order(),
    ];

    [SkippableTheory, MemberData(nameof(Files))]
    public void Pixels_are_those_of_Pillow(string name)
    {
        ImageCodecs.Require();
        // Colours of 16 bits, of which Pillow drops the lower ones, and JPEG, whatever is around it.
        int most = name is "palette.tif" or "jpeg.tif" ? 1 : 0;
        Assert.InRange(MostDifference(name, new ImageDecoder()), 0, most);
    }

    // Without any library. Only JPEG loses something, and what becomes of that is not the same in two decoders.
    [Theory, MemberData(nameof(Files))]
    public void Pixels_of_managed_code_are_those_of_Pillow_but_for_jpeg(string name)
    {
        int most = name switch
        {
            "444.jpg" or "grey.jpg" or "cmyk.jpg" or "exif_grey_6.jpg" or "exif_cmyk_5.jpg" => 3,
            "palette.tif" or "jpeg.tif" => 1,
            _ when name.EndsWith(".jpg", StringComparison.Ordinal) => 23, // edges of colours of half the resolution
            _ => 0,
        };
        Assert.InRange(MostDifference(name, new ImageDecoder(kind: DecoderKind.Managed)), 0, most);
    }

    private static int MostDifference(string name, ImageDecoder decoder)
    {
        using var expected = SafetensorsFile.Open(Fixtures.Shipped("images", "expected.safetensors"));
        SafetensorsTensor tensor = expected[$"expected.{name}"];
        byte[] pillow = expected.ReadBytes(tensor.Name);
        byte[] file = File.ReadAllBytes(Fixtures.Shipped("images", name));
        ImageView image = decoder.Decode(file, null, new ImageBuffer());
        Assert.Equal((tensor.Shape[0], tensor.Shape[1], 3), (image.Height, image.Width, image.Channels));
        return pillow.Zip(image.Pixels.ToArray(), (e, a) => Math.Abs(e - a)).Max();
    }

    // All eight orientations, of JPEG and PNG, and files that say nothing of one.
    [SkippableTheory, MemberData(nameof(Files))]
    public void Upright_pixels_are_those_of_Pillows_exif_transpose(string name)
    {
        ImageCodecs.Require();
        using var expected = SafetensorsFile.Open(Fixtures.Shipped("images", "expected.safetensors"));
        byte[] file = File.ReadAllBytes(Fixtures.Shipped("images", name));
        ImageView image = new ImageDecoder(turnsUpright: true).Decode(file, null, new ImageBuffer());
        if (!expected.Contains($"upright.{name}"))
        {
            Assert.Equal(Decode(file).Pixels.ToArray(), image.Pixels.ToArray());
            return;
        }

        IReadOnlyList<long> shape = expected[$"upright.{name}"].Shape;
        Assert.Equal((shape[0], shape[1]), (image.Height, image.Width));
        Assert.Equal((image.Height, image.Width), (image.FullHeight, image.FullWidth));
        Assert.Equal(expected.ReadBytes($"upright.{name}"), image.Pixels.ToArray());
    }

    // A scale is asked about the image as it will stand: 45 wide and 35 high as stored, the other way round upright.
    [SkippableFact]
    public void A_turned_image_is_scaled_by_its_upright_size()
    {
        ImageCodecs.Require();
        byte[] file = File.ReadAllBytes(Fixtures.Shipped("images", "exif_6.jpg"));
        var scale = new Scale(0.5);
        ImageView image = new ImageDecoder(turnsUpright: true).Decode(file, scale, new ImageBuffer());
        Assert.Equal((45, 35), scale.Asked);
        Assert.Equal((45, 35, 23, 18), (image.FullHeight, image.FullWidth, image.Height, image.Width));
    }

    // Where a factor is small enough for all views, the image comes at that size.
    [SkippableTheory]
    [InlineData(0.126, 0.25)]
    [InlineData(0.125, 0.125)]
    [InlineData(0.5, 0.5)]
    [InlineData(0.51, 1)]
    [InlineData(7, 1)]
    public void A_jpeg_is_decoded_no_smaller_than_asked_for(double smallest, double expected)
    {
        ImageCodecs.Require();
        byte[] scene = TexturedScenes.Draw(2, seed: 1, number: 3, height: 90, width: 150);
        byte[] file = JpegWriter.Encode(scene, 90, 150, channels: 3, halvesColor: true);
        ImageView image = new ImageDecoder().Decode(file, new Scale(smallest), new ImageBuffer());
        Assert.Equal((90, 150), (image.FullHeight, image.FullWidth));
        Assert.Equal(
            ((int)Math.Ceiling(90 * expected), (int)Math.Ceiling(150 * expected)), (image.Height, image.Width));
        Assert.InRange(Mean(image.Pixels), Mean(scene) - 2, Mean(scene) + 2);
    }

    [SkippableTheory]
    [InlineData(1, false)]
    [InlineData(3, false)]
    [InlineData(3, true)]
    public void What_the_tests_write_is_what_decoders_read(int channels, bool halvesColor)
    {
        ImageCodecs.Require();
        byte[] pixels = TexturedScenes.Draw(6, seed: 1, number: 8, height: 37, width: 51);
        byte[] samples = channels == 3 ? pixels : [.. pixels.Where((_, i) => i % 3 == 1)];
        ImageView image = Decode(JpegWriter.Encode(samples, 37, 51, channels, coarseness: 0, halvesColor));
        double error = 0;
        for (int i = 0; i < pixels.Length; i++)
        {
            error += Math.Abs(image.Pixels[i] - samples[channels == 3 ? i : i / 3]) / (double)pixels.Length;
        }

        Assert.InRange(error, 0, halvesColor ? 3 : 0.7); // grain is in brightness alone, but light clips channels
        byte[] png = PngWriter.Encode(samples, 37, 51, channels);
        Assert.Equal(channels == 3 ? pixels : samples.SelectMany(v => new[] { v, v, v }), Decode(png).Pixels.ToArray());
    }

    [Theory]
    [InlineData(DecoderKind.Auto)]
    [InlineData(DecoderKind.Managed)]
    public void Of_samples_of_16_bits_the_upper_byte_counts(DecoderKind kind)
    {
        byte[] samples = [0x00, 0x00, 0x00, 0x7F, 0x00, 0xFF, 0x80, 0x80, 0xFF, 0x00, 0xFF, 0xFF];
        var decoder = new ImageDecoder(kind: kind);
        byte[] grey = PngWriter.Encode(samples, 2, 3, channels: 1, bits: 16);
        byte[] decoded = decoder.Decode(grey, null, new ImageBuffer()).Pixels.ToArray();
        Assert.Equal([0, 0, 0, 128, 255, 255], decoded.Where((_, i) => i % 3 == 0));
        byte[] color = PngWriter.Encode(samples, 2, 1, channels: 3, bits: 16);
        Assert.Equal([0, 0, 0, 128, 255, 255], decoder.Decode(color, null, new ImageBuffer()).Pixels.ToArray());
    }

    [SkippableFact]
    public void What_is_no_image_is_refused_with_a_reason()
    {
        ImageCodecs.Require();
        byte[] jpeg = JpegWriter.Encode(TexturedScenes.Draw(1, 1, 1, 64, 64), 64, 64, 3);
        byte[] png = File.ReadAllBytes(Fixtures.Shipped("images", "rgb.png"));
        Assert.Equal("the file is empty", Refusal([]));
        Assert.Contains("none of JPEG", Refusal("GIF88a"u8.ToArray()));
        Assert.Contains("convert it", Refusal([0, 0, 0, 24, .. "ftypheic"u8, 0, 0, 0, 0]));
        Assert.Equal("the file is cut short", Refusal(jpeg[..(jpeg.Length / 2)]));
        Assert.Equal("the file is cut short", Refusal(jpeg[..^2]));
        Assert.NotEmpty(Refusal(jpeg[..20]));
        Assert.Equal("the file is cut short", Refusal(png[..(png.Length / 2)]));
        Assert.Equal("the PNG header is missing", Refusal(png[..20]));
        png[^20] ^= 1;
        Assert.NotEmpty(Refusal(png)); // the checksum tells
    }

    // A few bytes that announce gigabytes must not get them.
    [SkippableFact]
    public void Sizes_that_a_file_cannot_hold_are_refused_before_memory_is_taken()
    {
        ImageCodecs.Require();
        byte[] jpeg = JpegWriter.Encode(TexturedScenes.Draw(1, 1, 1, 64, 64), 64, 64, 3);
        int frame = jpeg.AsSpan().IndexOf((ReadOnlySpan<byte>)[0xFF, 0xC0]);
        jpeg.AsSpan(frame + 5, 4).Fill(0x20);
        byte[] png = File.ReadAllBytes(Fixtures.Shipped("images", "rgb.png"));
        byte[] wide = [.. png];
        wide.AsSpan(16, 8).Fill(0x7F);
        byte[] bomb = [.. png];
        (bomb[16], bomb[17], bomb[20], bomb[21]) = (0, 1, 0, 1); // 65,581 x 65,571
        (bomb[18], bomb[22]) = (0, 0);
        byte[] hidden = [.. png];
        (hidden[17], hidden[21]) = (0, 0);
        (hidden[18], hidden[22]) = (0x20, 0x20); // 8,237 x 8,227: within the limit, but not in 3 KB
        long before = GC.GetTotalAllocatedBytes(precise: true);
        Assert.Contains("can hold", Refusal(jpeg));
        Assert.Contains("the limit is", Refusal(wide));
        Assert.Contains("the limit is", Refusal(bomb));
        Assert.Contains("can hold", Refusal(hidden));
        Assert.InRange(GC.GetTotalAllocatedBytes(precise: true) - before, 0, 1 << 20);
    }

    // Damage within a picture does not stop a decoder: the rest of the data is there.
    [SkippableFact]
    public void A_jpeg_with_a_bad_spot_is_decoded_all_the_same()
    {
        ImageCodecs.Require();
        byte[] file = File.ReadAllBytes(Fixtures.Shipped("images", "422.jpg"));
        ImageView image = Decode([.. file[..^2], 0x12, 0x34, .. file[^2..]]); // too many bytes before the end
        Assert.Equal((35, 45), (image.Height, image.Width));
    }

    [SkippableFact]
    public void Threads_do_not_disturb_each_other()
    {
        ImageCodecs.Require();
        var decoder = new ImageDecoder();
        byte[][] files = [.. Enumerable.Range(0, 8).Select(i =>
            JpegWriter.Encode(TexturedScenes.Draw(i, 1, i, 64, 64), 64, 64, 3))];
        byte[][] alone = [.. files.Select(file => Decode(file).Pixels.ToArray())];
        Parallel.For(0, 64, i => Assert.True(
            decoder.Decode(files[i % 8], null, new ImageBuffer()).Pixels.SequenceEqual(alone[i % 8])));
    }

    [Fact]
    public void A_missing_library_is_named_with_its_package()
    {
        var library = new ImageLibrary(
            "libnothing", "XYZ files", "CUDAVIT_NOTHING", ["libnothing.so.7"], "apt-get install libnothing7");
        string message = Assert.Throws<ImageLibraryException>(() => library.Require()).Message;
        Assert.Contains("libnothing.so.7", message);
        Assert.Contains("apt-get install libnothing7", message);
        Assert.Contains("CUDAVIT_NOTHING", message);
        Assert.Null(library.File);
    }

    private static ImageView Decode(byte[] file) => new ImageDecoder().Decode(file, null, new ImageBuffer());

    private static string Refusal(byte[] file) =>
        Assert.Throws<UndecodableImageException>(() => Decode(file)).Message;

    private static double Mean(ReadOnlySpan<byte> pixels)
    {
        double sum = 0;
        foreach (byte pixel in pixels)
        {
            sum += pixel;
        }

        return sum / pixels.Length;
    }

    private sealed class Scale(double smallest) : IDecodeScale
    {
        public (int Height, int Width) Asked { get; private set; }

        public double Smallest(int height, int width)
        {
            Asked = (height, width);
            return smallest;
        }
    }
}
