using CudaViT.Data.Sets;

namespace CudaViT.Training.Tests.Data.Sets;

/// <summary>Classes from a text file.</summary>
public sealed class LabelFileTests : IDisposable
{
    private readonly SetFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private string Labels(string text)
    {
        string path = _folder["labels.csv"];
        File.WriteAllText(path, text);
        return path;
    }

    // Paths, names alone, names without extension; a heading, quotes, a tab, an empty line, line ends and slashes of
    // Windows.
    [Fact]
    public void Names_are_paths_or_what_one_image_alone_has()
    {
        _folder.Write("x/1.png", "x/2.png", "y/3.png", "y/2.png", "y/a, b.png", "x/five.png");
        DatasetSplits data = _folder.Open(Labels(
            "image,label\r\nx/1.png,dog\r\n3.png,cat\r\n\r\nx\\2.png,cat\r\n"
            + "\"y/a, b.png\",dog\r\nfive\tdog\r\nghost.png,cat\r\n"));
        Assert.Equal(["cat", "dog"], data.Train.ClassNames);
        Assert.Equal(
            ["x/2.png=cat", "y/3.png=cat", "x/1.png=dog", "x/five.png=dog", "y/a, b.png=dog"],
            SetFolder.Names(data.Train));
        Assert.Equal(
            "5 images in 2 folders; left out: 1 without a label in labels.csv (y/2.png), "
            + "1 line of labels.csv without an image (ghost.png)",
            data.Summary);
    }

    // A heading names columns; a first line that names a picture is one like all others.
    [Fact]
    public void A_misspelt_name_in_the_first_line_is_counted()
    {
        _folder.Write("1.png", "2.png");
        Assert.Contains(
            "1 line of labels.csv without an image (0.png)", _folder.Open(Labels("0.png,cat\n1,cat\n2,dog\n")).Summary);
    }

    [Fact]
    public void Numbers_are_ordered_as_numbers()
    {
        _folder.Write("a.png", "b.png", "c.png");
        Assert.Equal(["2", "9", "10"], _folder.Open(Labels("a,10\nb,9\nc,2\n")).Train.ClassNames);
        Assert.Equal(["10", "9", "x"], _folder.Open(Labels("a,10\nb,9\nc,x\n")).Train.ClassNames);
    }

    [Fact]
    public void Both_parts_are_labelled()
    {
        _folder.Write("train/1.png", "train/2.png", "val/3.png");
        DatasetSplits data = _folder.Open(Labels("1,a\n2,b\n3,b\n"));
        Assert.Equal(["train/1.png=a", "train/2.png=b"], SetFolder.Names(data.Train));
        Assert.Equal(["val/3.png=b"], SetFolder.Names(data.HeldOut!));
        Assert.Contains("of the class 'c', but no training image is", ErrorOf("1,a\n2,b\n3,c\n"));
    }

    [Theory]
    [InlineData("1,a\n2\n", "line 2 is '2'")]
    [InlineData("1,a,b\n", "line 1 is '1,a,b'")]
    [InlineData("1,\n", "line 1 is '1,'")]
    [InlineData("x/1.png,a\n1,b\n", "line 2 says that 1 is of the class 'b', an earlier one that it is of 'a'")]
    [InlineData("x/1.png,a\n2,b\n", "line 2 names 2, but several images have that name")]
    [InlineData("7,a\n8,b\n", "names no image")]
    [InlineData("", "names no image")]
    public void What_cannot_be_meant_is_refused(string text, string reason)
    {
        _folder.Write("x/1.png", "x/2.png", "y/2.png");
        Assert.Contains(reason, ErrorOf(text));
    }

    [Fact]
    public void A_missing_file_and_data_of_other_kinds_are_refused()
    {
        _folder.Write("a/1.png");
        Assert.Contains("no such file of labels", _folder.ErrorOf(labels: _folder["nowhere.csv"]));
        _folder.WriteTar("a.tar", ("1.jpg", [1]));
        Assert.Contains("--labels is none", _folder.ErrorOf(labels: "none", path: "a.tar"));
        Assert.Contains("--labels is folders", _folder.ErrorOf(labels: "folders"));
    }

    private string ErrorOf(string text) =>
        Assert.Throws<DatasetException>(() => _folder.Open(Labels(text))).Message;
}
