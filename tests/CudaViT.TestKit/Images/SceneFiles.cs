using System.Formats.Tar;
using System.Globalization;

namespace CudaViT.TestKit;

/// <summary>Textured scenes as JPEG files: a folder for each class, or tar archives of the same files.</summary>
public static class SceneFiles
{
    private const int Side = 48;

    /// <summary>Draws a set; every class has the same number of pictures, of several sizes.</summary>
    /// <param name="count">Pictures in all.</param>
    /// <param name="seed">Decides every pixel.</param>
    /// <returns>By class and then by number: class, name and file.</returns>
    public static IReadOnlyList<(int Label, string Name, byte[] File)> Draw(int count, ulong seed)
    {
        var files = new (int, string, byte[])[count];
        int classes = TexturedScenes.Classes.Count;
        Parallel.For(0, count, i =>
        {
            int label = i * classes / count;
            (int height, int width) = (Side - (i % 3 * 4), Side + (i % 5 * 4));
            byte[] pixels = TexturedScenes.Draw(label, seed, i, height, width);
            byte[] file = JpegWriter.Encode(pixels, height, width, channels: 3, coarseness: 4, halvesColor: i % 2 == 0);
            files[i] = (label, string.Create(CultureInfo.InvariantCulture, $"{i:d6}.jpg"), file);
        });
        return files;
    }

    /// <summary>Writes PART/CLASS/NUMBER.jpg.</summary>
    public static void WriteFolder(string folder, string part, IEnumerable<(int Label, string Name, byte[] File)> files)
    {
        foreach ((int label, string name, byte[] file) in files)
        {
            string path = Path.Combine(folder, part, TexturedScenes.Classes[label]);
            Directory.CreateDirectory(path);
            File.WriteAllBytes(Path.Combine(path, name), file);
        }
    }

    /// <summary>Writes PART-00000.tar and so on, with NUMBER.cls and NUMBER.jpg.</summary>
    public static void WriteShards(
        string folder, string part, IEnumerable<(int Label, string Name, byte[] File)> files, int filesPerShard)
    {
        Directory.CreateDirectory(folder);
        foreach ((int number, (int, string, byte[])[] shard) in files.Chunk(filesPerShard).Index())
        {
            string path = Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"{part}-{number:d5}.tar"));
            using FileStream stream = File.Create(path);
            using var tar = new TarWriter(stream, TarEntryFormat.Ustar);
            foreach ((int label, string name, byte[] file) in shard)
            {
                byte[] digits = System.Text.Encoding.ASCII.GetBytes(label.ToString(CultureInfo.InvariantCulture));
                Add(tar, Path.ChangeExtension(name, ".cls"), digits);
                Add(tar, name, file);
            }
        }
    }

    private static void Add(TarWriter tar, string name, byte[] content)
    {
        using var data = new MemoryStream(content);
        tar.WriteEntry(new UstarTarEntry(TarEntryType.RegularFile, name) { DataStream = data });
    }
}
