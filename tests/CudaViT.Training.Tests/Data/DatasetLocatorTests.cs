using CudaViT.Data.Pixels;
using CudaViT.Data.Sets;
using CudaViT.Training.Tests.Support;

namespace CudaViT.Training.Tests.Data;

public sealed class DatasetLocatorTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static byte[] Idx(int count)
    {
        var stream = new MemoryStream();
        IdxFile.WriteImages(stream, new IdxImages(new byte[count * 4], count, 2, 2));
        return stream.ToArray();
    }

    [Theory]
    [InlineData(null)]
    [InlineData("fashion-subset")]
    public void The_embedded_images_are_the_default(string? data)
    {
        DatasetSplits splits = DatasetLocator.Open(data);
        Assert.Same(FashionMnistSubset.Train, splits.Train);
        Assert.Same(FashionMnistSubset.HeldOut, splits.HeldOut);
    }

    [Fact]
    public void Both_parts_of_the_subset_hold_every_class_equally_often()
    {
        Assert.Equal((8000, 10), (FashionMnistSubset.Train.Count, FashionMnistSubset.Train.ClassCount));
        Assert.Equal(2000, FashionMnistSubset.HeldOut.Count);
        foreach (IImageDataset part in new[] { FashionMnistSubset.Train, FashionMnistSubset.HeldOut })
        {
            var perClass = Enumerable.Range(0, part.Count).CountBy(part.Label).ToList();
            Assert.Equal(10, perClass.Count);
            Assert.All(perClass, pair => Assert.Equal(part.Count / 10, pair.Value));
            ImageView image = part.Read(part.Count - 1, new ImageBuffer());
            Assert.Equal((28, 28, 1), (image.Height, image.Width, image.Channels));
            Assert.Equal("Ankle boot", part.ClassNames![9]);
        }
    }

    // The whole of Fashion-MNIST has mean 0.2860 and deviation 0.3530; 8,000 balanced images come close.
    [Fact]
    public void The_subset_carries_the_mean_and_deviation_of_its_training_images()
    {
        Normalization normalization = FashionMnistSubset.Train.Normalization;
        Assert.Equal(0.2860, normalization.Mean[0], tolerance: 0.003);
        Assert.Equal(0.3530, normalization.Std[0], tolerance: 0.003);
        Assert.Same(normalization, FashionMnistSubset.HeldOut.Normalization);
    }

    [Fact]
    public void A_path_is_recognised_by_what_lies_there()
    {
        string file = _folder.Write("train-images-idx3-ubyte", Idx(3));
        Assert.Equal(3, DatasetLocator.Open(_folder.Path).Train.Count);
        Assert.Equal(3, DatasetLocator.Open(file).Train.Count);

        byte[] cifarRecord = new byte[3073]; // begins with zeros, as IDX files do
        string cifar = _folder.Write("x.bin", cifarRecord);
        Assert.Equal(3, DatasetLocator.Open(cifar).Train.Channels);
    }

    [Fact]
    public void What_is_nowhere_or_nothing_known_is_refused_in_one_line()
    {
        string missing = _folder["missing"];
        Assert.StartsWith(missing, Assert.Throws<DatasetException>(() => DatasetLocator.Open(missing)).Message);
        Assert.Contains("neither", Assert.Throws<DatasetException>(() => DatasetLocator.Open(_folder.Path)).Message);
        string labels = _folder.Write("labels", [0, 0, 8, 1, 0, 0, 0, 1, 5]);
        Assert.Contains("holds labels", Assert.Throws<DatasetException>(() => DatasetLocator.Open(labels)).Message);
        string noise = _folder.Write("noise", [0x1f, 0x8b, 1, 2, 3]); // claims to be gzip
        Assert.Throws<DatasetException>(() => DatasetLocator.Open(noise));
    }

    [Fact]
    public void A_mistyped_path_or_name_is_guessed()
    {
        _folder.Write(Path.Combine("photos", "1.jpg"), [1]);
        Assert.Contains($"did you mean '{_folder["photos"]}'?", ErrorOf(_folder["fhotos"]));
        Assert.Contains("did you mean 'fashion-subset'?", ErrorOf("fashion-sbset"));
        Assert.DoesNotContain("did you mean", ErrorOf(_folder["something else"]));
        Assert.Contains($"nor is there a folder {_folder["nowhere"]}", ErrorOf(_folder["nowhere", "photos"]));
    }

    [Theory]
    [InlineData("FFD8FFE000104A464946", "this is a single image; name the folder that it lies in")]
    [InlineData("89504E470D0A1A0A0000", "this is a single image")]
    [InlineData("504B0304140000000800", "this is a zip archive; unpack it and name the folder")]
    [InlineData("1F8B0800000000000003", "this is a compressed file, but not one of IDX")]
    public void A_file_of_another_kind_is_named(string start, string reason) =>
        Assert.Contains(reason, ErrorOf(_folder.Write("file", Convert.FromHexString(start))));

    private static string ErrorOf(string path)
    {
        string message = Assert.Throws<DatasetException>(() => DatasetLocator.Open(path)).Message;
        Assert.StartsWith(path, message);
        Assert.DoesNotContain('\n', message);
        return message;
    }

    [Fact]
    public void A_limit_spreads_over_the_training_images_and_spares_the_rest()
    {
        (IImageDataset train, IImageDataset? heldOut) = DatasetLocator.Open(null, limit: 3);
        Assert.Equal((3, 2000), (train.Count, heldOut!.Count));
        int[] expected = [0, 2666, 5333];
        for (int i = 0; i < 3; i++)
        {
            Assert.Equal(FashionMnistSubset.Train.Label(expected[i]), train.Label(i));
            Assert.True(train.Read(i, new ImageBuffer()).Pixels.SequenceEqual(
                FashionMnistSubset.Train.Read(expected[i], new ImageBuffer()).Pixels));
        }

        Assert.Throws<ArgumentOutOfRangeException>(() => train.Label(3));
        Assert.Equal(8000, DatasetLocator.Open(null, limit: 9000).Train.Count);
        Assert.Throws<ArgumentOutOfRangeException>(() => DatasetLocator.Open(null, limit: 0));
    }
}
