using System.Text.Json;
using CudaViT.Data.Sets;

namespace CudaViT.Training.Tests.Data.Sets;

/// <summary>Whether the data that a run goes on with are those that it began with.</summary>
public sealed class DatasetDigestTests : IDisposable
{
    private readonly SetFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private string? Difference(Action change, string path = "data", string? labelsThen = null, string? labelsNow = null)
    {
        // By way of JSON, as from a checkpoint.
        string json = JsonSerializer.Serialize(DatasetDigest.Of(_folder.Open(labelsThen, path: path)));
        change();
        return JsonSerializer.Deserialize<DatasetDigest>(json)!.Difference(_folder.Open(labelsNow, path: path));
    }

    [Fact]
    public void The_same_files_are_the_same_data_wherever_they_lie_and_whatever_is_in_them()
    {
        _folder.Write("data/a/1.png", "data/b/2.png");
        Assert.Null(Difference(() => _folder.Write("data/a/1.png", [9])));
        DatasetDigest before = DatasetDigest.Of(_folder.Open(path: "data"));
        Directory.Move(_folder["data"], _folder["elsewhere"]);
        Assert.Null(before.Difference(_folder.Open(path: "elsewhere")));
    }

    [Fact]
    public void What_differs_is_said_by_name()
    {
        _folder.Write("data/a/1.png", "data/a/2.png", "data/b/3.png");
        Assert.Equal(
            "3 images before, 4 now; the first that differs is a/15.png",
            Difference(() => _folder.Write("data/a/15.png")));
        Assert.Equal(
            "as many images as before, 4 images, but not the same; the first that differs is a/2.png",
            Difference(() => _folder.Write("data/a/2.png", [1, 2])));
        Assert.Equal(
            "4 images before, 3 now; files at the end are missing",
            Difference(() => File.Delete(_folder["data/b/3.png"])));
        Assert.Contains(
            "the first that differs is a/3.png",
            Difference(() => File.Move(_folder["data/a/2.png"], _folder["data/a/3.png"])));
    }

    [Fact]
    public void Classes_and_parts_count()
    {
        _folder.Write("data/1.png", "data/2.png", "data/3.png");
        (string then, string now) = (_folder["then.csv"], _folder["now.csv"]);
        File.WriteAllText(then, "1,a\n2,a\n3,b\n");
        File.WriteAllText(now, "1,a\n2,b\n3,b\n");
        Assert.Contains("differs is 2.png", Difference(() => { }, labelsThen: then, labelsNow: now));
        DatasetDigest all = DatasetDigest.Of(_folder.Open(path: "data"));
        string? split = all.Difference(HoldOut.Split(_folder.Open(path: "data"), 0.5));
        Assert.StartsWith("3 images before, ", split);
        Assert.Contains(" held out now", split);
    }

    // 1,300 files make blocks of three.
    [Fact]
    public void In_a_large_set_the_neighbourhood_is_named()
    {
        _folder.Write([.. Enumerable.Range(0, 1300).Select(i => $"data/{i:d4}.png")]);
        Assert.Equal(
            "as many images as before, 1,300 images, but not the same; "
            + "the first that differs is among those from 0600.png to 0602.png",
            Difference(() => _folder.Write("data/0601.png", [1, 2])));
        DatasetDigest digest = DatasetDigest.Of(_folder.Open(path: "data"));
        Assert.InRange(JsonSerializer.Serialize(digest).Length, 1, 12_000);
    }

    [Fact]
    public void Archives_go_by_their_entries_and_other_data_by_their_files()
    {
        Directory.CreateDirectory(_folder["data"]);
        _folder.WriteTar("data/0.tar", ("1.jpg", [1]), ("2.jpg", [1]));
        Assert.Contains(
            "differs is 0.tar/2.jpg",
            Difference(() => _folder.WriteTar("data/0.tar", ("1.jpg", [1]), ("2.jpg", [1, 2]))));
        Assert.Contains("differs is 0.tar/1.jpg", Difference(() => _folder.WriteTar("data/0.tar", ("1.jpg", [2, 3]))));

        WriteIdx(count: 3);
        string? difference = Difference(() => WriteIdx(count: 4), path: "idx");
        Assert.Equal("3 images before, 4 now; the first that differs is train-images-idx3-ubyte", difference);
        Assert.Null(Difference(() => { }, path: "idx"));
        Assert.Null(DatasetDigest.Of(DatasetLocator.Open(null)).Difference(DatasetLocator.Open(null)));
        Assert.NotNull(DatasetDigest.Of(DatasetLocator.Open(null)).Difference(DatasetLocator.Open(null, limit: 10)));
    }

    private void WriteIdx(int count)
    {
        using var stream = new MemoryStream();
        IdxFile.WriteImages(stream, new IdxImages(new byte[count * 4], count, 2, 2));
        _folder.Write("idx/train-images-idx3-ubyte", stream.ToArray());
    }
}
