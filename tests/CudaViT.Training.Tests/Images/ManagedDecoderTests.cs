using CudaViT.Data.Pixels;
using CudaViT.Data.Sets;
using CudaViT.Images;
using CudaViT.TestKit;

namespace CudaViT.Training.Tests.Images;

/// <summary>
/// What is particular to formats that managed code reads. Whose pixels are right is asked of Pillow elsewhere.
/// </summary>
public sealed class ManagedDecoderTests
{
    private static readonly ImageDecoder Decoder = new(kind: DecoderKind.Managed);

    // Cut in the middle, and by the last byte of the pixels.
    [Theory]
    [InlineData("444.jpg", 2)]
    [InlineData("progressive.jpg", 2)]
    [InlineData("rgb.png", 13)]
    [InlineData("palette.gif", 2)]
    [InlineData("lossless.webp", 2)]
    [InlineData("lossy.webp", 2)]
    [InlineData("rgb.bmp", 1)]
    [InlineData("rgb.tif", 200)]
    public void A_file_that_is_cut_short_is_refused(string name, int atTheEnd)
    {
        byte[] file = File.ReadAllBytes(Fixtures.Shipped("images", name));
        Assert.NotEmpty(Refusal(file[..(file.Length / 2)]));
        Assert.NotEmpty(Refusal(file[..^atTheEnd]));
        Assert.NotEmpty(Refusal(file[..14]));
    }

    // The content tells, whatever it is made of: each is announced to have 60,000 x 60,000 pixels or as many as fit.
    [Theory]
    [InlineData("palette.gif", 6)]
    [InlineData("lossy.webp", 26)]
    [InlineData("rgb.bmp", 18)]
    [InlineData("444.jpg", -1)]
    public void Sizes_that_a_file_cannot_hold_are_refused_before_memory_is_taken(string name, int sizeAt)
    {
        byte[] file = File.ReadAllBytes(Fixtures.Shipped("images", name));
        int at = sizeAt >= 0 ? sizeAt : file.AsSpan().IndexOf((ReadOnlySpan<byte>)[0xFF, 0xC0]) + 5;
        int between = name == "rgb.bmp" ? 4 : 2; // bytes of a side
        file.AsSpan(at, 2).Fill(0x60);
        file.AsSpan(at + between, 2).Fill(0x60);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Contains("announces", Refusal(file));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
    }

    [Fact]
    public void A_picture_that_is_smaller_than_its_canvas_keeps_its_place()
    {
        // 3 x 2 pixels of screen; a frame of one white pixel at (1, 1); codes of 3 bits: clear, 1, end.
        byte[] gif =
        [
            .. "GIF89a"u8, 3, 0, 2, 0, 0x80, 0, 0, 0, 0, 0, 255, 255, 255,
            0x2C, 1, 0, 1, 0, 1, 0, 1, 0, 0, 2, 2, 0x4C, 0x01, 0, 0x3B,
        ];
        Assert.Equal((2, 3), Size(gif));
        byte[] expected = new byte[18];
        expected.AsSpan(12, 3).Fill(255);
        Assert.Equal(expected, Pixels(gif));

        // A screen of 1 x 1 grows around the frame.
        (gif[6], gif[8]) = (1, 1);
        Assert.Equal((2, 2), Size(gif));
    }

    [Fact]
    public void Progressive_files_of_very_many_scans_are_refused()
    {
        byte[] file = File.ReadAllBytes(Fixtures.Shipped("images", "progressive.jpg"));
        int scan = file.AsSpan().LastIndexOf((ReadOnlySpan<byte>)[0xFF, 0xDA]);
        byte[] last = file[scan..^2];
        byte[] many = [.. file[..^2], .. Enumerable.Repeat(last, 600).SelectMany(bytes => bytes), .. file[^2..]];
        Assert.Contains("scans", Refusal(many));
    }

    [Fact]
    public void Kinds_of_tiff_that_would_come_out_wrong_are_refused()
    {
        byte[] file = File.ReadAllBytes(Fixtures.Shipped("images", "rgb.tif"));
        Assert.Contains("compression 4", Refusal(With(file, tag: 259, value: 4))); // fax
        byte[] floating = [.. With(file, tag: 262, value: 3)];
        SetTag(floating, 262, 339); // an entry that says what samples are, in place of what colours are
        Assert.Contains("sample format 3", Refusal(floating));
    }

    [Fact]
    public void Png_whose_rows_or_colours_are_missing_is_refused()
    {
        byte[] rows = PngWriter.Encode(new byte[30 * 3], 10, 3, channels: 3);
        rows[23] = 11; // one row more than there are
        PngWriter.RepairChecksums(rows);
        Assert.Contains("fewer pixels", Refusal(rows));
        byte[] indexed = PngWriter.Encode(new byte[30], 10, 3, channels: 1);
        indexed[25] = 3;
        PngWriter.RepairChecksums(indexed);
        Assert.Contains("palette is missing", Refusal(indexed));
        byte[] strange = PngWriter.Encode(new byte[30], 10, 3, channels: 1);
        strange[24] = 3;
        PngWriter.RepairChecksums(strange);
        Assert.Contains("of 3 bits", Refusal(strange));
        byte[] damaged = PngWriter.Encode(new byte[30], 10, 3, channels: 1);
        damaged[45] ^= 1;
        Assert.Contains("checksum", Refusal(damaged));
    }

    [Fact]
    public void What_is_other_than_expected_is_told_once()
    {
        var notes = new List<string>();
        byte[] jpeg = File.ReadAllBytes(Fixtures.Shipped("images", "444.jpg"));
        var decoder = new ImageDecoder(kind: DecoderKind.Managed, note: notes.Add) { Trained = DecoderKind.Native };
        decoder.Require(ImageFormat.Png);
        Assert.Empty(notes);
        decoder.Require(ImageFormat.Jpeg);
        decoder.Require(ImageFormat.Jpeg);
        decoder.Decode(jpeg, null, new ImageBuffer());
        Assert.Contains("managed code decodes the JPEG files", Assert.Single(notes));
        Assert.Contains("libturbojpeg decoded those of the training", notes[0]);
    }

    [SkippableFact]
    public void A_model_of_managed_pixels_is_told_of_native_ones()
    {
        ImageCodecs.Require();
        var notes = new List<string>();
        new ImageDecoder(note: notes.Add) { Trained = DecoderKind.Managed }.Require(ImageFormat.Jpeg);
        Assert.Contains("managed code decoded the JPEG files of the training", Assert.Single(notes));
        notes.Clear();
        new ImageDecoder(note: notes.Add).Require(ImageFormat.Jpeg);
        Assert.Empty(notes);
    }

    // Values stand in the second half of an entry of twelve bytes.
    private static byte[] With(byte[] file, ushort tag, ushort value)
    {
        byte[] changed = [.. file];
        int entry = EntryOf(changed, tag);
        (changed[entry + 8], changed[entry + 9]) = ((byte)value, (byte)(value >> 8));
        return changed;
    }

    private static void SetTag(byte[] file, ushort tag, ushort other)
    {
        int entry = EntryOf(file, tag);
        (file[entry], file[entry + 1]) = ((byte)other, (byte)(other >> 8));
    }

    private static int EntryOf(byte[] file, ushort tag)
    {
        int directory = BitConverter.ToInt32(file, 4);
        return Enumerable.Range(0, BitConverter.ToUInt16(file, directory))
            .Select(i => directory + 2 + (12 * i))
            .First(entry => BitConverter.ToUInt16(file, entry) == tag);
    }

    private static (int Height, int Width) Size(byte[] file)
    {
        ImageView image = Decoder.Decode(file, null, new ImageBuffer());
        return (image.Height, image.Width);
    }

    private static byte[] Pixels(byte[] file) => Decoder.Decode(file, null, new ImageBuffer()).Pixels.ToArray();

    private static string Refusal(byte[] file) =>
        Assert.Throws<UndecodableImageException>(() => Pixels(file)).Message;
}
