using CudaViT.Core;
using CudaViT.Data.Sets;

namespace CudaViT.Training.Tests.Data.Sets;

/// <summary>What a folder of images means: its parts, its classes, and what does not belong to it.</summary>
public sealed class ImageFolderTests : IDisposable
{
    private readonly SetFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static string[] Numbered(string folder, int count) =>
        [.. Enumerable.Range(0, count).Select(i => $"{folder}/{i}.png")];

    [Fact]
    public void A_class_may_be_called_train()
    {
        _folder.Write([.. Numbered("boat", 4), .. Numbered("car", 4), .. Numbered("train", 4)]);
        DatasetSplits data = _folder.Open();
        Assert.Equal(12, data.Train.Count);
        Assert.Equal(["boat", "car", "train"], data.Train.ClassNames);
        Assert.Null(data.HeldOut);
        Assert.Equal("12 images in 3 folders", data.Summary);
    }

    // With a part beside it, alone, or with classes inside it, train is the part to train on.
    [Theory]
    [InlineData("train/a.png val/b.png", "train/a.png", "val/b.png", "2 images in 2 folders")]
    [InlineData("Train/a.png Validation/b.png", "Train/a.png", "Validation/b.png", "2 images in 2 folders")]
    [InlineData("train/a/1.png", "train/a/1.png=a", null, "1 image in 1 folder")]
    [InlineData(
        "train/a/1.png extra/1.png extra/2.png x.png",
        "train/a/1.png=a",
        null,
        "1 image in 1 folder; left out: 2 below unused folders (extra/1.png, ...), 1 beside the folder train (x.png)")]
    [InlineData(
        "train/a/1.png valid/a/1.png test/a/1.png",
        "train/a/1.png=a",
        "valid/a/1.png=a",
        "2 images in 2 folders; left out: 1 below unused folders (test/a/1.png)")]
    public void Parts_are_found_by_their_names(string files, string train, string? heldOut, string summary)
    {
        _folder.Write(files.Split(' '));
        DatasetSplits data = _folder.Open();
        Assert.Equal([train], SetFolder.Names(data.Train));
        Assert.Equal(heldOut is null ? null : [heldOut], data.HeldOut is null ? null : SetFolder.Names(data.HeldOut));
        Assert.Equal(summary, data.Summary);
    }

    [Fact]
    public void By_the_rule_of_folders_train_is_a_class_without_a_held_out_part()
    {
        _folder.Write("train/x/1.png", "boat/x/1.png");
        Assert.Equal(["boat/x/1.png=boat", "train/x/1.png=train"], SetFolder.Names(_folder.Open("folders").Train));
    }

    [Fact]
    public void An_image_beside_class_folders_is_left_out_and_named()
    {
        _folder.Write([.. Numbered("a", 4), .. Numbered("b", 4), "cover.png"]);
        DatasetSplits data = _folder.Open();
        Assert.Equal((8, 2), (data.Train.Count, data.Train.ClassCount));
        Assert.Equal("8 images in 2 folders; left out: 1 beside the class folders (cover.png)", data.Summary);
        DatasetSplits unlabelled = _folder.Open("none");
        Assert.Equal((9, 0), (unlabelled.Train.Count, unlabelled.Train.ClassCount));
    }

    // As many images beside the folders as in one of them, or a single folder: no sign that folders are classes.
    [Theory]
    [InlineData(4, 4, 4, false)]
    [InlineData(3, 4, 4, true)]
    [InlineData(3, 1, 7, true)]
    [InlineData(1, 4, 0, false)]
    [InlineData(0, 4, 0, true)]
    public void Images_beside_folders_decide_whether_there_are_classes(int beside, int first, int second, bool labelled)
    {
        _folder.Write([.. Numbered("a", first), .. Numbered("b", second), .. Numbered(".", beside)]);
        DatasetSplits data = _folder.Open();
        Assert.Equal(labelled, data.Train.ClassCount > 0);
        Assert.Equal(first + second + (labelled ? 0 : beside), data.Train.Count);
    }

    [Fact]
    public void Without_labels_all_images_below_count_in_the_order_of_their_paths()
    {
        _folder.Write("2.png", "1.png", "2023/june/z.jpg", "2023/a.jpg", "2024/b.jpg");
        string[] all = ["1.png", "2.png", "2023/a.jpg", "2023/june/z.jpg", "2024/b.jpg"];
        Assert.Equal(all, SetFolder.Names(_folder.Open("none").Train));
        Assert.Equal(all, SetFolder.Names(_folder.Open().Train)); // two images beside folders of one and two
    }

    [Fact]
    public void Classes_come_in_the_order_of_their_names_not_of_paths()
    {
        _folder.Write("a/1.png", "a b/1.png"); // a space is before the slash
        Assert.Equal(["a/1.png=a", "a b/1.png=a b"], SetFolder.Names(_folder.Open().Train));
    }

    [Fact]
    public void Other_formats_are_counted_by_their_extensions()
    {
        _folder.Write("a/1.png", "a/1.HEIC", "a/2.heic", "b/1.jfif", "b/x.webp", "b/notes.txt", "b/.hidden.gif");
        DatasetSplits data = _folder.Open();
        Assert.Equal(["a/1.png=a", "b/1.jfif=b"], SetFolder.Names(data.Train));
        Assert.Equal("2 images in 2 folders; left out: 2 .heic (a/1.HEIC, ...), 1 .webp (b/x.webp)", data.Summary);
    }

    [Fact]
    public void A_folder_of_other_formats_alone_says_what_there_is()
    {
        _folder.Write("a/1.heic", "b/2.heic");
        Assert.Contains("there are 2 .heic (a/1.heic, ...)", _folder.ErrorOf());
    }

    // Sixteen of an extension are looked into before it is taken for something else.
    [Fact]
    public void Files_whose_names_say_nothing_are_known_by_their_first_bytes()
    {
        byte[] jpeg = [0xFF, 0xD8, 0xFF, 0xE0];
        byte[] heic = [0, 0, 0, 24, .. "ftypheic"u8];
        _folder.Write("0a1b", jpeg);
        _folder.Write("photo.large", jpeg);
        _folder.Write("IMG_7", heic);
        _folder.Write("text", [35, 32]);
        for (int i = 0; i < 20; i++)
        {
            _folder.Write($"{i:d2}.data", i == 18 ? jpeg : [1]);
        }

        DatasetSplits data = _folder.Open();
        Assert.Equal(["0a1b", "photo.large"], SetFolder.Names(data.Train));
        Assert.Equal("2 images in 1 folder; left out: 1 of a format that is not read (IMG_7)", data.Summary);
    }

    [SkippableFact]
    public void Links_are_followed_unless_they_lead_back()
    {
        Skip.If(OperatingSystem.IsWindows(), "links need rights there");
        _folder.Write([.. Numbered("data/a", 4), .. Numbered("data/b", 4), .. Numbered("pool/c", 3), "pool/one.png"]);
        Link("data/a/loop", ".");
        Link("data/b/up", "../..");
        Link("data/c", "../pool/c");
        Link("data/a/one.png", "../../pool/one.png");
        Link("data/b/gone.png", "nowhere.png");
        Link("data/b/circle.png", "circle.png");
        Link("pool/c/back", "../../data/c"); // to itself, by way of another link
        DatasetSplits data = _folder.Open(path: "data");
        Assert.Equal(12, data.Train.Count);
        Assert.Equal(["a", "b", "c"], data.Train.ClassNames);
        Assert.Contains("a/one.png=a", SetFolder.Names(data.Train));
        Assert.Equal(
            "12 images in 3 folders; left out: 3 links that lead back (a/loop, ...), "
            + "2 links to nothing (b/circle.png, ...)",
            data.Summary);
        Assert.Equal([1], data.Train.Files.Where(file => file.Name == "a/one.png").Select(file => file.SizeInBytes));
    }

    [SkippableFact]
    public void Two_folders_that_link_to_each_other_end()
    {
        Skip.If(OperatingSystem.IsWindows(), "links need rights there");
        _folder.Write("a/1.png", "b/1.png");
        Link("a/to-b", "../b");
        Link("b/to-a", "../a");
        Assert.Equal(
            ["a/1.png=a", "a/to-b/1.png=a", "b/1.png=b", "b/to-a/1.png=b"], SetFolder.Names(_folder.Open().Train));
    }

    [SkippableFact]
    public void A_folder_that_may_not_be_read_is_counted()
    {
        Skip.If(OperatingSystem.IsWindows() || Environment.IsPrivilegedProcess, "everything may be read");
        _folder.Write("a/1.png", "b/1.png");
        SetMode(UnixFileMode.None);
        Assert.Contains("1 folder that may not be read (b)", _folder.Open().Summary);
        SetMode(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);

        void SetMode(UnixFileMode mode)
        {
            if (!OperatingSystem.IsWindows())
            {
                File.SetUnixFileMode(_folder["b"], mode);
            }
        }
    }

    [Fact]
    public void A_held_out_part_without_class_folders_is_explained()
    {
        _folder.Write("train/a/1.png", "train/b/1.png", "val/1.png", "val/2.png");
        string message = _folder.ErrorOf();
        Assert.StartsWith(_folder["val"], message);
        Assert.Contains("2 beside the class folders (val/1.png, ...)", message);
        Assert.Contains("--labels none", message);
        Assert.Equal(2, _folder.Open("none").HeldOut!.Count);
    }

    [Fact]
    public void The_rule_of_folders_needs_folders()
    {
        _folder.Write("1.png", "2.png");
        Assert.Contains("2 beside the class folders", _folder.ErrorOf("folders"));
    }

    [Fact]
    public void A_search_says_how_far_it_is_and_can_be_stopped()
    {
        _folder.Write(Numbered("a", 1001));
        var progress = new Progress();
        var request = new DatasetRequest
        {
            Path = _folder.Path,
            Decoder = new SetFolder.FirstByte(),
            Progress = progress,
        };
        Assert.Equal(1001, DatasetLocator.Find(request).Train.Count);
        Assert.Equal($"{_folder.Path}: 1,000 files seen", Assert.Single(progress.Texts));
        Assert.Throws<OperationCanceledException>(
            () => DatasetLocator.Find(request with { Stop = new CancellationToken(canceled: true) }));
    }

    private void Link(string path, string target) => File.CreateSymbolicLink(_folder[path], target);

    private sealed class Progress : IWorkProgress
    {
        public List<string> Texts { get; } = [];

        public void OnLine(string line) => Assert.Fail(line);

        public void OnAdvance(double share, string text) => Texts.Add(text);
    }
}
