using System.Globalization;

namespace CudaViT.Data.Sets;

/// <summary>
/// Classes of images from a text file: on every line the name of an image and of its class, with a comma or a tab
/// between.
/// </summary>
/// <remarks>
/// A name is a path below the folder of the data, or the name of a file alone, with or without its extension, where
/// only one image has it. Fields may stand in double quotes. A first line that names no image is taken for a heading.
/// Classes that are all whole numbers are ordered as numbers, others by their characters.
/// </remarks>
internal sealed class LabelFile
{
    private readonly Dictionary<string, string> _labels;

    private LabelFile(string path, Dictionary<string, string> labels, IReadOnlyList<string> unused) =>
        (Path, _labels, Unused) = (path, labels, unused);

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>Its name alone.</summary>
    public string Name => System.IO.Path.GetFileName(Path);

    /// <summary>Names in it that no image has.</summary>
    public IReadOnlyList<string> Unused { get; }

    /// <summary>Reads a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="folder">The folder of the images, for messages.</param>
    /// <param name="images">All images that it may name.</param>
    /// <exception cref="DatasetException">It cannot be read, is malformed, or names no image.</exception>
    public static LabelFile Read(string path, string folder, IReadOnlyList<FoundImage> images)
    {
        if (!File.Exists(path))
        {
            throw new DatasetException(
                $"{path}: there is no such file of labels. Name a file with lines NAME,CLASS, or use --labels "
                + $"{FolderLayout.ByFolders} or {FolderLayout.Unlabelled}.");
        }

        Dictionary<string, string> known = NamesOf(images);
        var labels = new Dictionary<string, string>();
        var unused = new List<string>();
        int number = 0;
        foreach (string line in DatasetFolders.Guard(path, () => File.ReadAllLines(path)))
        {
            number++;
            if (string.IsNullOrWhiteSpace(line))
            {
                continue;
            }

            if (Fields(line) is not [{ Length: > 0 } name, { Length: > 0 } label])
            {
                throw new DatasetException(
                    $"{path}: line {number} is '{line.Trim()}'. Expected the name of an image and that of its class, "
                    + "with a comma between them.");
            }

            name = name.Replace('\\', '/');
            name = name.StartsWith("./", StringComparison.Ordinal) ? name[2..] : name;
            if (!known.TryGetValue(name, out string? image))
            {
                // A heading names columns, not a file.
                if (number > 1 || ImageFormats.OfName(name) is not null)
                {
                    unused.Add(name);
                }
            }
            else if (image == "")
            {
                throw new DatasetException(
                    $"{path}: line {number} names {name}, but several images have that name. Write paths below "
                    + $"{folder}.");
            }
            else if (!labels.TryAdd(image, label) && labels[image] != label)
            {
                throw new DatasetException(
                    $"{path}: line {number} says that {name} is of the class '{label}', an earlier one that it is of "
                    + $"'{labels[image]}'. Remove one of them.");
            }
        }

        return labels.Count > 0 ? new LabelFile(path, labels, unused) : throw new DatasetException(
            $"{path}: names no image below {folder}{(unused is [] ? "" : $"; the first name is {unused[0]}")}. "
            + $"Expected names like {images[0].Path}.");
    }

    /// <summary>Class of an image by its path below the folder; null if the file does not name it.</summary>
    public string? LabelOf(string image) => _labels.GetValueOrDefault(image);

    /// <summary>The classes of some images, in order.</summary>
    public string[] Classes(IEnumerable<string> images)
    {
        string[] classes = [.. images.Select(LabelOf).OfType<string>().Distinct()];
        return Array.TrueForAll(classes, name => TryNumber(name, out _))
            ? [.. classes.OrderBy(name => TryNumber(name, out long number) ? number : 0)]
            : DatasetFolders.Sorted(classes);
    }

    private static bool TryNumber(string name, out long number) =>
        long.TryParse(name, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out number);

    // Paths, and shorter names that stand for one path, or for an empty text where there are several.
    private static Dictionary<string, string> NamesOf(IReadOnlyList<FoundImage> images)
    {
        var names = new Dictionary<string, string>();
        foreach (Func<string, string> shorten in (Func<string, string>[])
            [path => System.IO.Path.GetFileName(path), path => System.IO.Path.GetFileNameWithoutExtension(path)])
        {
            foreach (IGrouping<string, string> same in images.Select(image => image.Path).GroupBy(shorten))
            {
                names.TryAdd(same.Key, same.Count() == 1 ? same.First() : "");
            }
        }

        foreach (FoundImage image in images)
        {
            names[image.Path] = image.Path;
        }

        return names;
    }

    private static List<string> Fields(string line)
    {
        char separator = line.Contains('\t', StringComparison.Ordinal) ? '\t' : ',';
        var fields = new List<string>();
        for (int start = 0; start <= line.Length;)
        {
            int end;
            if (line.AsSpan(start).TrimStart(' ') is ['"', ..])
            {
                int open = line.IndexOf('"', start);
                int close = line.IndexOf('"', open + 1);
                end = close < 0 ? line.Length : line.IndexOf(separator, close);
                end = end < 0 ? line.Length : end;
                fields.Add(line[(open + 1)..(close < 0 ? line.Length : close)]);
            }
            else
            {
                end = line.IndexOf(separator, start);
                end = end < 0 ? line.Length : end;
                fields.Add(line[start..end].Trim());
            }

            start = end + 1;
        }

        return fields;
    }
}
