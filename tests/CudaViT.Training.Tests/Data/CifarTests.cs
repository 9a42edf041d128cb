using CudaViT.Data.Pixels;
using CudaViT.Data.Sets;
using CudaViT.Training.Tests.Support;

namespace CudaViT.Training.Tests.Data;

public sealed class CifarTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    // Red is 10 + i, green 20 + i, blue 30 + i in record i, so that a mixed-up channel or record shows.
    private static byte[] Records(params byte[][] labels) =>
        [.. labels.SelectMany((label, record) => label.Concat(Planes(record)))];

    private static IEnumerable<byte> Planes(int record) =>
        Enumerable.Range(0, 3 * 1024).Select(i => (byte)((10 * (1 + (i / 1024))) + record));

    private void WriteCifar10()
    {
        for (byte batch = 1; batch <= 5; batch++)
        {
            _folder.Write($"data_batch_{batch}.bin", Records([batch], [0]));
        }
    }

    private string OpenError() => Assert.Throws<DatasetException>(() => CifarDataset.OpenFolder(_folder.Path)).Message;

    [Fact]
    public void Cifar10_is_read_batch_after_batch_and_becomes_interleaved()
    {
        WriteCifar10();
        _folder.Write("test_batch.bin", Records([9]));
        File.WriteAllLines(_folder["batches.meta.txt"], [.. Enumerable.Range(0, 10).Select(i => $"class{i}"), ""]);

        (IImageDataset train, IImageDataset? heldOut) = CifarDataset.OpenFolder(_folder.Path);
        Assert.Equal((10, 3, 10), (train.Count, train.Channels, train.ClassCount));
        Assert.Equal([1, 0, 2, 0, 3, 0, 4, 0, 5, 0], Enumerable.Range(0, 10).Select(train.Label));
        Assert.Equal([11, 21, 31, 11, 21, 31], train.Read(3, new ImageBuffer()).Pixels[..6].ToArray());
        Assert.Equal("class9", train.ClassNames![heldOut!.Label(0)]);
    }

    [Fact]
    public void Cifar100_takes_the_fine_label()
    {
        _folder.Write("train.bin", Records([19, 99], [0, 1]));
        (IImageDataset train, IImageDataset? heldOut) = CifarDataset.OpenFolder(_folder.Path);
        Assert.Equal((99, 1, 100), (train.Label(0), train.Label(1), train.ClassCount));
        Assert.Null(heldOut);
        Assert.Null(train.ClassNames);
    }

    [Fact]
    public void One_file_is_recognised_by_its_content()
    {
        Assert.Equal(10, CifarDataset.OpenFile(_folder.Write("a", Records([3], [9]))).Train.ClassCount);
        Assert.Equal(100, CifarDataset.OpenFile(_folder.Write("b", Records([3, 50]))).Train.ClassCount);
        string neither = _folder.Write("c", new byte[100]);
        Assert.Contains("neither", Assert.Throws<DatasetException>(() => CifarDataset.OpenFile(neither)).Message);
    }

    [Fact]
    public void A_missing_batch_is_named()
    {
        WriteCifar10();
        File.Delete(_folder["data_batch_4.bin"]);
        Assert.Contains("data_batch_4.bin", OpenError());
    }

    [Theory]
    [InlineData(0)] // empty
    [InlineData(1)]
    [InlineData(3072)] // one byte short
    [InlineData(3074)] // one byte too many
    public void A_length_that_is_not_whole_records_is_refused(int length)
    {
        WriteCifar10();
        _folder.Write("data_batch_2.bin", new byte[length]);
        string message = OpenError();
        Assert.Contains("data_batch_2.bin", message);
        Assert.Contains($"{length} bytes", message);
    }

    [Fact]
    public void A_label_out_of_range_is_refused_with_its_record()
    {
        WriteCifar10();
        _folder.Write("data_batch_3.bin", Records([0], [10]));
        Assert.Contains("record 1 has the label 10", OpenError());
    }

    [Fact]
    public void A_wrong_number_of_names_is_refused()
    {
        WriteCifar10();
        File.WriteAllLines(_folder["batches.meta.txt"], ["only", "two"]);
        Assert.Contains("2 names", OpenError());
    }

    [Fact]
    public void A_folder_without_any_of_the_files_is_refused() => Assert.Contains("neither", OpenError());
}
