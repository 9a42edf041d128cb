using CudaViT.Data.Pixels;
using CudaViT.Data.Sets;

namespace CudaViT.Training.Tests.Data.Sets;

public sealed class HoldOutTests : IDisposable
{
    private readonly SetFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static string[] Numbered(string folder, int count) =>
        [.. Enumerable.Range(0, count).Select(i => $"{folder}/{i}.png")];

    [Theory]
    [InlineData(null)]
    [InlineData("none")]
    public void About_the_share_is_held_out_and_every_image_is_on_one_side(string? labels)
    {
        string[] files = [.. Numbered("a", 500), .. Numbered("b", 500)];
        _folder.Write(files);
        (IImageDataset train, IImageDataset? heldOut) = _folder.Open(labels, holdOut: 0.1);
        Assert.InRange(heldOut!.Count, 62, 138); // four standard deviations of a binomial of 1,000 and 0.1
        Assert.Equal(
            SetFolder.Names(_folder.Open(labels).Train).Order(),
            SetFolder.Names(train).Concat(SetFolder.Names(heldOut)).Order());
        Assert.Equal(labels is null ? 2 : 0, heldOut.ClassCount);
        Assert.Equal(train.Count, train.Files.Count());
    }

    // The names decide, not where the folder is nor what else is in it.
    [Fact]
    public void Images_that_come_and_go_move_no_other()
    {
        _folder.Write([.. Numbered("here/a", 200), .. Numbered("there/0", 53), .. Numbered("there/a", 200)]);
        string[] before = [.. SetFolder.Names(_folder.Open("none", 0.3, "here").HeldOut!)];
        string[] after = [.. SetFolder.Names(_folder.Open("none", 0.3, "there").HeldOut!)];
        Assert.NotEmpty(before);
        Assert.Equal(before, after.Where(name => name.StartsWith('a')));
        string[] more = [.. SetFolder.Names(_folder.Open("none", 0.5, "here").HeldOut!)];
        Assert.Empty(before.Except(more)); // a larger share keeps what is held out
    }

    // Recorded: another hash would train on what an earlier run held out.
    [Fact]
    public void The_same_names_fall_on_the_same_side_in_every_version()
    {
        _folder.Write(Numbered("a", 12));
        Assert.Equal(RecordedSide, SetFolder.Names(_folder.Open("none", 0.5).HeldOut!));
    }

    private static readonly string[] RecordedSide =
        ["a/0.png", "a/10.png", "a/2.png", "a/7.png", "a/8.png"];

    [Fact]
    public void Archives_and_images_without_names_are_split_too()
    {
        for (int shard = 0; shard < 2; shard++)
        {
            _folder.WriteTar($"{shard}.tar", [.. Enumerable.Range(0, 40)
                .Select(i => ($"{i:d2}.jpg", new byte[] { (byte)((40 * shard) + i) }))]);
        }

        (IImageDataset train, IImageDataset? heldOut) = _folder.Open(holdOut: 0.3);
        Assert.Equal(80, train.Count + heldOut!.Count);
        Assert.Equal(2, train.ShardStarts.Count);
        Assert.StartsWith("0.tar/", train.NameOf(train.ShardStarts[1] - 1));
        Assert.StartsWith("1.tar/", train.NameOf(train.ShardStarts[1]));
        int first = heldOut.Read(0, new ImageBuffer()).Pixels[0];
        Assert.Equal($"{first / 40}.tar/{first % 40:d2}.jpg", heldOut.NameOf(0));
        var pixels = new InMemoryDataset("grey", [.. Enumerable.Range(0, 100).Select(i => (byte)i)], 1, 1, 1);
        DatasetSplits split = HoldOut.Split(new DatasetSplits(pixels, null), 0.5);
        Assert.Equal(100, split.Train.Count + split.HeldOut!.Count);
        Assert.Equal($"#{split.HeldOut.Read(0, new ImageBuffer()).Pixels[0]}", split.HeldOut.NameOf(0));
    }

    [Fact]
    public void Damage_is_listed_on_its_own_side()
    {
        string[] files = Numbered("a", 400);
        _folder.Write(files);
        DatasetSplits data = _folder.Open("none", 0.5);
        string bad = data.HeldOut!.NameOf(7);
        File.WriteAllBytes(_folder[bad], [SetFolder.Bad]);
        Assert.Throws<UndecodableImageException>(() => data.HeldOut.Read(7, new ImageBuffer()));
        Assert.Equal(_folder[bad], Assert.Single(data.HeldOut.Damaged).Name);
        Assert.Empty(data.Train.Damaged);
    }

    // One bad image is more than one in a hundred of a small part, but not of the whole.
    [Fact]
    public void Both_sides_together_may_have_one_bad_image_in_a_hundred()
    {
        _folder.Write(Numbered("a", 200));
        DatasetSplits data = _folder.Open("none", 0.3);
        foreach ((IImageDataset images, int index) in ((IImageDataset, int)[])[(data.HeldOut!, 1), (data.Train, 2)])
        {
            File.WriteAllBytes(_folder[images.NameOf(index)], [SetFolder.Bad]);
            Assert.Throws<UndecodableImageException>(() => images.Read(index, new ImageBuffer()));
            Assert.Throws<UndecodableImageException>(() => images.Read(index, new ImageBuffer())); // counts once
        }

        File.WriteAllBytes(_folder[data.HeldOut!.NameOf(3)], [SetFolder.Bad]);
        var error = Assert.Throws<DatasetException>(() => data.HeldOut.Read(3, new ImageBuffer()));
        Assert.Contains("3 of 200 images cannot be decoded", error.Message);
    }

    [Fact]
    public void A_share_that_cannot_be_had_is_refused()
    {
        _folder.Write("train/a/1.png", "val/a/1.png");
        Assert.Contains("1 images are held out already", _folder.ErrorOf(holdOut: 0.1));
        Assert.Contains("leaves", _folder.ErrorOf(holdOut: 0.1, path: "train"));
        foreach (double share in (double[])[0, 1, double.NaN])
        {
            Assert.Contains(
                "above 0 and below 1", Assert.Throws<DatasetException>(() => _folder.Open(holdOut: share)).Message);
        }
    }
}
