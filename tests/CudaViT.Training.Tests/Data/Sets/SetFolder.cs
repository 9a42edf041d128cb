using System.Formats.Tar;
using CudaViT.Data.Pixels;
using CudaViT.Data.Sets;
using CudaViT.Training.Tests.Support;

namespace CudaViT.Training.Tests.Data.Sets;

/// <summary>A folder of files that stand for images: a file's first byte is its only pixel.</summary>
internal sealed class SetFolder : IDisposable
{
    /// <summary>First byte of a file that cannot be decoded.</summary>
    public const byte Bad = 0xBD;

    private readonly TemporaryFolder _folder = new();

    public string Path => _folder.Path;

    public string this[string path] => _folder[path.Split('/')];

    public void Dispose() => _folder.Dispose();

    /// <summary>Writes files of one byte each.</summary>
    public void Write(params string[] paths)
    {
        foreach (string path in paths)
        {
            Write(path, [1]);
        }
    }

    public void Write(string path, byte[] content)
    {
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(this[path])!);
        File.WriteAllBytes(this[path], content);
    }

    /// <summary>Writes an archive of regular files.</summary>
    public void WriteTar(string path, params (string Name, byte[] Content)[] members)
    {
        using FileStream file = File.Create(this[path]);
        using var tar = new TarWriter(file, TarEntryFormat.Ustar);
        foreach ((string name, byte[] content) in members)
        {
            using var data = new MemoryStream(content);
            tar.WriteEntry(new UstarTarEntry(TarEntryType.RegularFile, name) { DataStream = data });
        }
    }

    /// <summary>Opens it, or a part of it.</summary>
    public DatasetSplits Open(string? labels = null, double? holdOut = null, string path = "") =>
        DatasetLocator.Find(new DatasetRequest
        {
            Path = path == "" ? Path : this[path],
            Labels = labels,
            HoldOut = holdOut,
            Decoder = new FirstByte(),
        });

    /// <summary>The error of opening it, which is one line that begins with what it is about.</summary>
    public string ErrorOf(string? labels = null, double? holdOut = null, string path = "")
    {
        string message = Assert.Throws<DatasetException>(() => Open(labels, holdOut, path)).Message;
        Assert.StartsWith(Path, message);
        Assert.DoesNotContain('\n', message);
        return message;
    }

    /// <summary>Names of images with their classes, <c>a/1.jpg=a</c>; or without, where there are none.</summary>
    public static string[] Names(IImageDataset images) =>
    [
        .. Enumerable.Range(0, images.Count).Select(i => images.Label(i) < 0
            ? images.NameOf(i)
            : $"{images.NameOf(i)}={images.ClassNames?[images.Label(i)] ?? images.Label(i).ToString()}"),
    ];

    /// <summary>Decodes JPEG and PNG, as far as names tell.</summary>
    internal sealed class FirstByte : IImageDecoder
    {
        public bool Knows(ImageFormat format) => format is ImageFormat.Jpeg or ImageFormat.Png;

        public void Require(ImageFormat format) => Assert.True(Knows(format));

        public ImageView Decode(ReadOnlySpan<byte> file, IDecodeScale? scale, ImageBuffer destination)
        {
            if (file[0] == Bad)
            {
                throw new UndecodableImageException("bad");
            }

            Span<byte> pixel = destination.Reserve(3);
            pixel.Fill(file[0]);
            return new ImageView(pixel, 1, 1, 3, 1, 1);
        }
    }
}
