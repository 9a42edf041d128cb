using System.Formats.Tar;
using System.Text;
using CudaViT.Data.Pixels;
using CudaViT.Data.Sets;
using TarEntry = System.Formats.Tar.TarEntry;

namespace CudaViT.Training.Tests.Data.Sets;

/// <summary>Archives as people really have them.</summary>
public sealed class TarCaseTests : IDisposable
{
    private const int Block = 512;

    private readonly SetFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static (string, byte[])[] Images(int count) =>
        [.. Enumerable.Range(0, count).Select(i => ($"{i}.jpg", new byte[] { (byte)i }))];

    // Changes a header and makes its checksum right again.
    private static void Patch(byte[] tar, int header, Action<byte[]> change)
    {
        byte[] block = tar[header..(header + Block)];
        change(block);
        Encoding.ASCII.GetBytes("        ").CopyTo(block, 148);
        Encoding.ASCII.GetBytes($"{Convert.ToString(block.Sum(b => (int)b), 8).PadLeft(6, '0')}\0 ").CopyTo(block, 148);
        block.CopyTo(tar, header);
    }

    // A folder, links, a device and a pipe: other programs write sizes there that nothing stands for.
    [Theory]
    [InlineData('1')]
    [InlineData('2')]
    [InlineData('3')]
    [InlineData('4')]
    [InlineData('5')]
    [InlineData('6')]
    public void Entries_without_content_may_have_a_size(char type)
    {
        _folder.WriteTar("a.tar", [("0.jpg", []), .. Images(5)[1..]]);
        byte[] tar = File.ReadAllBytes(_folder["a.tar"]);
        Patch(tar, 0, header =>
        {
            header[156] = (byte)type;
            Encoding.ASCII.GetBytes("00000010000\0").CopyTo(header, 124); // 4,096 bytes
        });
        File.WriteAllBytes(_folder["a.tar"], tar);
        DatasetSplits data = _folder.Open(path: "a.tar");
        Assert.Equal(["a.tar/1.jpg", "a.tar/2.jpg", "a.tar/3.jpg", "a.tar/4.jpg"], SetFolder.Names(data.Train));
        Assert.Equal(
            $"4 images in 1 archive{(type is '1' or '2' ? "; left out: 1 link in an archive (0.jpg)" : "")}",
            data.Summary);
    }

    // As GNU tar writes a file that has two names.
    [Theory]
    [InlineData(TarEntryFormat.Ustar)]
    [InlineData(TarEntryFormat.Pax)]
    [InlineData(TarEntryFormat.Gnu)]
    public void A_hard_link_is_the_file_that_it_names(TarEntryFormat format)
    {
        string deep = format is TarEntryFormat.Ustar ? "n/m.jpg" : $"{new string('n', 60)}/{new string('m', 60)}.jpg";
        using (FileStream file = File.Create(_folder["a.tar"]))
        using (var tar = new TarWriter(file, format))
        {
            tar.WriteEntry(With(New(TarEntryType.RegularFile, deep), [7]));
            TarEntry link = New(TarEntryType.HardLink, "again.jpg");
            link.LinkName = deep;
            tar.WriteEntry(link);
            tar.WriteEntry(With(New(TarEntryType.RegularFile, "next.jpg"), [8]));
            foreach ((string name, string target) in new[] { ("once more.jpg", "again.jpg"), ("z.jpg", "next.jpg") })
            {
                TarEntry later = New(TarEntryType.HardLink, name); // to a link, and to a file behind the first link
                later.LinkName = target;
                tar.WriteEntry(later);
            }
        }

        IImageDataset images = _folder.Open(path: "a.tar").Train;
        Assert.Equal(
            [$"a.tar/{deep}", "a.tar/again.jpg", "a.tar/next.jpg", "a.tar/once more.jpg", "a.tar/z.jpg"],
            SetFolder.Names(images));
        int[] pixels = [.. Enumerable.Range(0, 5).Select(i => (int)images.Read(i, new ImageBuffer()).Pixels[0])];
        Assert.Equal([7, 7, 8, 7, 8], pixels);

        TarEntry New(TarEntryType type, string name) => format switch
        {
            TarEntryFormat.Pax => new PaxTarEntry(type, name),
            TarEntryFormat.Gnu => new GnuTarEntry(type, name),
            _ => new UstarTarEntry(type, name),
        };

        static TarEntry With(TarEntry entry, byte[] content)
        {
            entry.DataStream = new MemoryStream(content);
            return entry;
        }
    }

    [Fact]
    public void Labels_apart_from_their_images_are_refused()
    {
        byte[] label = "0"u8.ToArray();
        _folder.WriteTar("a.tar", ("0.jpg", [1]), ("1.jpg", [1]), ("0.cls", label), ("1.cls", label));
        string message = _folder.ErrorOf(path: "a.tar");
        Assert.StartsWith(_folder["a.tar"], message);
        Assert.Contains("the image and the label of 0 are not next to each other", message);
    }

    // Within the fourth header, and exactly before it; the end of a whole archive may be a single block, or a part of
    // one.
    [Theory]
    [InlineData((3 * 2 * Block) + 100, "ends within a header")]
    [InlineData(3 * 2 * Block, "ends without the block of zeros that marks an end")]
    [InlineData((4 * 2 * Block) + Block, null)]
    [InlineData((4 * 2 * Block) + 100, null)]
    public void An_archive_that_was_cut_off_is_read_as_far_as_it_goes_and_says_so(int size, string? cut)
    {
        _folder.WriteTar("a.tar", Images(4));
        File.WriteAllBytes(_folder["a.tar"], File.ReadAllBytes(_folder["a.tar"])[..size]);
        DatasetSplits data = _folder.Open(path: "a.tar");
        Assert.Equal(cut is null ? 4 : 3, data.Train.Count);
        Assert.Equal(
            cut is null
                ? "4 images in 1 archive"
                : $"3 images in 1 archive; {_folder["a.tar"]} {cut}, so what should follow is missing: copy it again",
            data.Summary);
    }

    [Fact]
    public void Images_of_other_formats_are_counted()
    {
        _folder.WriteTar(
            "train-0.tar", ("a.jpg", [1]), ("b.heic", [1]), ("c.webp", [1]), ("d.json", [1]), ("e.heic", [1]));
        _folder.WriteTar("val-0.tar", ("f.heic", [1]), ("g.jpg", [1]));
        Assert.Equal(
            "2 images in 2 archives; left out: 3 .heic (b.heic, ...), 1 .webp (c.webp)", _folder.Open().Summary);
        _folder.WriteTar("train-0.tar", ("b.heic", [1]));
        Assert.Contains("left out: 1 .heic (b.heic)", _folder.ErrorOf());
    }
}
