using System.Buffers.Binary;
using System.IO.Compression;
using CudaViT.Data.Pixels;
using CudaViT.Data.Sets;
using CudaViT.Training.Tests.Support;
using FsCheck;
using FsCheck.Fluent;

namespace CudaViT.Training.Tests.Data;

public sealed class IdxTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static byte[] Images(int count = 3, int height = 2, int width = 5)
    {
        var stream = new MemoryStream();
        byte[] pixels = [.. Enumerable.Range(0, count * height * width).Select(i => (byte)i)];
        IdxFile.WriteImages(stream, new IdxImages(pixels, count, height, width));
        return stream.ToArray();
    }

    private static byte[] Labels(params byte[] labels)
    {
        var stream = new MemoryStream();
        IdxFile.WriteLabels(stream, labels);
        return stream.ToArray();
    }

    private static byte[] Header(params int[] numbers)
    {
        byte[] bytes = new byte[4 * numbers.Length];
        for (int i = 0; i < numbers.Length; i++)
        {
            BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(4 * i), numbers[i]);
        }

        return bytes;
    }

    private static byte[] Gzip(byte[] content)
    {
        var stream = new MemoryStream();
        using (var gzip = new GZipStream(stream, CompressionLevel.Fastest))
        {
            gzip.Write(content);
        }

        return stream.ToArray();
    }

    private string ErrorOf(byte[] content)
    {
        string path = _folder.Write("file", content);
        string message = Assert.Throws<DatasetException>(() => IdxFile.ReadImages(path)).Message;
        Assert.StartsWith(path, message);
        Assert.DoesNotContain('\n', message);
        return message;
    }

    [Fact]
    public void Images_are_read_back_whether_compressed_or_not_whatever_the_name() =>
        Prop.ForAll<PositiveInt, byte, byte>((count, height, width) =>
        {
            (int n, int h, int w) = ((count.Get % 40) + 1, (height % 9) + 1, (width % 9) + 1);
            byte[] plain = Images(n, h, w);
            IdxImages fromPlain = IdxFile.ReadImages(_folder.Write("plain.gz", plain)); // the name lies
            IdxImages fromGzip = IdxFile.ReadImages(_folder.Write("packed", Gzip(plain)));
            Assert.Equal(plain[16..], fromPlain.Pixels);
            Assert.Equal(plain[16..], fromGzip.Pixels);
            Assert.Equal((n, h, w), (fromGzip.Count, fromGzip.Height, fromGzip.Width));
        }).QuickCheckThrowOnFailure();

    // More than the reader's first buffer, so that it has to grow.
    [Fact]
    public void A_file_of_several_megabytes_is_read_whole()
    {
        byte[] plain = Images(3000, 28, 29);
        Assert.Equal(plain[16..], IdxFile.ReadImages(_folder.Write("big", Gzip(plain))).Pixels);
    }

    [Fact]
    public void The_header_is_big_endian() =>
        Assert.Equal([0, 0, 8, 1, 0, 0, 0, 2, 7, 9], Labels(7, 9));

    [Fact]
    public void A_missing_file_and_a_folder_say_so()
    {
        foreach (string path in new[] { _folder["missing"], _folder.Path })
        {
            string message = Assert.Throws<DatasetException>(() => IdxFile.ReadImages(path)).Message;
            Assert.StartsWith($"{path}: cannot be read", message);
        }
    }

    [Fact]
    public void A_file_cut_anywhere_is_refused()
    {
        byte[] whole = Images();
        for (int length = 0; length < whole.Length; length++)
        {
            Assert.Matches("ends after|but only", ErrorOf(whole[..length]));
        }
    }

    [Fact]
    public void A_compressed_file_cut_anywhere_is_refused()
    {
        byte[] whole = Gzip(Images());
        for (int length = 0; length < whole.Length; length++)
        {
            ErrorOf(whole[..length]);
        }
    }

    [Fact]
    public void A_compressed_file_with_a_flipped_bit_in_any_byte_is_refused()
    {
        byte[] whole = Gzip(Images());
        for (int i = 10; i < whole.Length; i++) // the ten bytes before are the header: time, system, flags
        {
            byte[] damaged = [.. whole];
            damaged[i] ^= 0x10;
            ErrorOf(damaged);
        }
    }

    [Fact]
    public void Bytes_after_the_last_image_are_refused()
    {
        Assert.Contains("bytes follow", ErrorOf([.. Images(), 0]));
        Assert.Contains("bytes follow", ErrorOf(Gzip([.. Images(), 0])));
        Assert.Contains("its end records", ErrorOf([.. Gzip(Images()), 0]));
    }

    // As cat, bgzip and pigz write them; one may begin within the header.
    [Theory]
    [InlineData(5)]
    [InlineData(16)]
    [InlineData(30)]
    [InlineData(45)]
    public void A_compressed_file_may_have_several_members(int split)
    {
        byte[] content = Images();
        string path = _folder.Write("members", [.. Gzip(content[..split]), .. Gzip(content[split..])]);
        Assert.Equal(content[16..], IdxFile.ReadImages(path).Pixels);
        byte[] cut = [.. Gzip(content[..split]), .. Gzip(content[split..])[..^4]];
        Assert.Contains("its end records", ErrorOf(cut));
    }

    [Fact]
    public void A_wrong_magic_number_is_named_and_labels_are_recognised()
    {
        Assert.Contains("0x00000d03", ErrorOf(Header(0x0d03, 1, 1, 1, 0))); // floats
        Assert.Contains("holds labels", ErrorOf(Labels(1, 2, 3)));
        string path = _folder.Write("images", Images());
        Assert.Contains("holds images", Assert.Throws<DatasetException>(() => IdxFile.ReadLabels(path)).Message);
    }

    // Nothing, negative, a product beyond 64 bits, and two gigabytes that are not there; plain and compressed.
    [Theory]
    [InlineData(0, 28, 28)]
    [InlineData(-1, 28, 28)]
    [InlineData(10, 0, 28)]
    [InlineData(int.MaxValue, int.MaxValue, int.MaxValue)]
    [InlineData(2, 1 << 15, 32000)]
    public void Absurd_sizes_are_refused_without_allocating_them(int count, int height, int width)
    {
        byte[] header = Header(0x0803, count, height, width, 0);
        foreach (byte[] content in new[] { header, Gzip(header) })
        {
            ErrorOf(content); // once before measuring: code that runs for the first time allocates, too
            long before = GC.GetAllocatedBytesForCurrentThread();
            ErrorOf(content);
            Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 4 << 20);
        }
    }

    [Fact]
    public void A_folder_gives_both_parts_with_labels_in_any_mix_of_spellings()
    {
        _folder.Write("train-images-idx3-ubyte.gz", Gzip(Images()));
        _folder.Write("train-labels-idx1-ubyte", Labels(0, 4, 1));
        _folder.Write("t10k-images.idx3-ubyte", Images(2));
        _folder.Write("t10k-labels.idx1-ubyte", Labels(1, 6));

        (IImageDataset train, IImageDataset? heldOut) = IdxDataset.OpenFolder(_folder.Path);
        // class 6 is only in the held-out part
        Assert.Equal((3, 7, 1), (train.Count, train.ClassCount, train.Channels));
        Assert.Equal((2, 7), (heldOut!.Count, heldOut.ClassCount));
        Assert.Equal(4, train.Label(1));
        ImageView image = train.Read(1, new ImageBuffer());
        Assert.Equal((2, 5, 10), (image.Height, image.Width, image.Pixels[0]));
        Assert.Same(train.Normalization, heldOut.Normalization);
    }

    [Fact]
    public void One_file_gives_its_images_with_the_labels_beside_it_if_there_are_any()
    {
        string path = _folder.Write("train-images-idx3-ubyte", Images());
        (IImageDataset train, IImageDataset? heldOut) = IdxDataset.OpenFile(path);
        Assert.Null(heldOut);
        Assert.Equal((0, -1), (train.ClassCount, train.Label(0)));

        _folder.Write("train-labels-idx1-ubyte", Labels(0, 1, 2));
        Assert.Equal(2, IdxDataset.OpenFile(path).Train.Label(2));
    }

    [Fact]
    public void Labels_that_do_not_match_their_images_are_refused()
    {
        _folder.Write("train-images-idx3-ubyte", Images());
        _folder.Write("train-labels-idx1-ubyte", Labels(0, 1));
        var error = Assert.Throws<DatasetException>(() => IdxDataset.OpenFolder(_folder.Path));
        Assert.Contains("2 labels, but 3 images", error.Message);
    }

    [Fact]
    public void Labels_of_only_one_part_are_refused()
    {
        _folder.Write("train-images-idx3-ubyte", Images());
        _folder.Write("train-labels-idx1-ubyte", Labels(0, 1, 0));
        _folder.Write("t10k-images-idx3-ubyte", Images());
        Assert.Contains("t10k", Assert.Throws<DatasetException>(() => IdxDataset.OpenFolder(_folder.Path)).Message);
    }
}
