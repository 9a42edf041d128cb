using CudaViT.Data.Pixels;

namespace CudaViT.Data.Sets;

/// <summary>Opens CIFAR-10 and CIFAR-100 in their binary versions.</summary>
/// <remarks>
/// A file is a row of records: one label byte (CIFAR-100: a coarse and a fine one, of which the fine one counts), then
/// 32 x 32 red, green and blue bytes, plane by plane (www.cs.toronto.edu/~kriz/cifar.html).
/// </remarks>
public static class CifarDataset
{
    private const int Side = 32;
    private const int Plane = Side * Side;
    private const int Channels = 3;

    private static readonly Variant Cifar10 = new(
        "CIFAR-10",
        LabelBytes: [10],
        TrainFiles: [.. Enumerable.Range(1, 5).Select(batch => $"data_batch_{batch}.bin")],
        HeldOutFile: "test_batch.bin",
        NamesFile: "batches.meta.txt",
        new Normalization([0.4914f, 0.4822f, 0.4465f], [0.2470f, 0.2435f, 0.2616f]));

    private static readonly Variant Cifar100 = new(
        "CIFAR-100",
        LabelBytes: [20, 100],
        TrainFiles: ["train.bin"],
        HeldOutFile: "test.bin",
        NamesFile: "fine_label_names.txt",
        new Normalization([0.5071f, 0.4865f, 0.4409f], [0.2673f, 0.2564f, 0.2762f]));

    /// <summary>Whether a folder holds any training file of either data set.</summary>
    public static bool IsPresent(string folder) => Find(folder) is not null;

    /// <summary>Opens the data set that lies in a folder; its test file, if there, is the held-out part.</summary>
    /// <exception cref="DatasetException">A file is missing or malformed.</exception>
    public static DatasetSplits OpenFolder(string folder)
    {
        Variant variant = Find(folder) ?? throw new DatasetException(
            $"{folder}: there is neither {Cifar10.TrainFiles[0]} nor {Cifar100.TrainFiles[0]}. " +
            "Name the folder that holds the files.");
        string heldOut = Path.Combine(folder, variant.HeldOutFile);
        return new DatasetSplits(
            Load(variant, folder, [.. variant.TrainFiles.Select(file => Path.Combine(folder, file))]),
            File.Exists(heldOut) ? Load(variant, folder, [heldOut]) : null);
    }

    /// <summary>Opens one file; which data set it belongs to shows in its length and its labels.</summary>
    /// <exception cref="DatasetException">It belongs to neither, or cannot be read.</exception>
    public static DatasetSplits OpenFile(string path)
    {
        byte[] content = ReadFile(path);
        Variant variant = new[] { Cifar10, Cifar100 }.FirstOrDefault(candidate => candidate.Explains(content))
            ?? throw new DatasetException(
                $"{path}: {content.Length} bytes are neither CIFAR-10 records of {Cifar10.RecordSize} bytes nor " +
                $"CIFAR-100 records of {Cifar100.RecordSize}, and it is no IDX file. " +
                "Name an IDX or CIFAR file, or a folder of them.");
        return new DatasetSplits(Load(variant, Path.GetDirectoryName(path) ?? "", [path]), null);
    }

    private static Variant? Find(string folder) =>
        Cifar10.TrainFiles.Any(file => File.Exists(Path.Combine(folder, file))) ? Cifar10
        : File.Exists(Path.Combine(folder, Cifar100.TrainFiles[0])) ? Cifar100
        : null;

    private static InMemoryDataset Load(Variant variant, string folder, string[] paths)
    {
        byte[][] files = [.. paths.Select(ReadFile)];
        for (int i = 0; i < files.Length; i++)
        {
            variant.Check(paths[i], files[i]);
        }

        int count = files.Sum(file => file.Length / variant.RecordSize);
        byte[] pixels = new byte[count * Plane * Channels];
        byte[] labels = new byte[count];
        int image = 0;
        foreach (byte[] file in files)
        {
            for (int record = 0; record < file.Length; record += variant.RecordSize, image++)
            {
                labels[image] = file[record + variant.LabelBytes.Length - 1];
                Interleave(
                    file.AsSpan(record + variant.LabelBytes.Length, Plane * Channels),
                    pixels.AsSpan(image * Plane * Channels, Plane * Channels));
            }
        }

        return new InMemoryDataset(
            paths.Length == 1 ? paths[0] : folder,
            pixels,
            Side,
            Side,
            Channels,
            labels,
            variant.ClassCount,
            ReadNames(variant, folder),
            variant.Normalization)
        {
            Files = DatasetFolders.FilesAt(paths),
        };
    }

    private static void Interleave(ReadOnlySpan<byte> planes, Span<byte> pixels)
    {
        for (int i = 0; i < Plane; i++)
        {
            pixels[Channels * i] = planes[i];
            pixels[(Channels * i) + 1] = planes[Plane + i];
            pixels[(Channels * i) + 2] = planes[(2 * Plane) + i];
        }
    }

    private static string[]? ReadNames(Variant variant, string folder)
    {
        string path = Path.Combine(folder, variant.NamesFile);
        if (!File.Exists(path))
        {
            return null;
        }

        string[] names = Guard(
            path, () => File.ReadLines(path).Select(line => line.Trim()).Where(line => line != "").ToArray());
        return names.Length == variant.ClassCount
            ? names
            : throw new DatasetException(
                $"{path}: {names.Length} names, but {variant.Name} has {variant.ClassCount} classes. " +
                "Download it again or remove it.");
    }

    private static byte[] ReadFile(string path) => Guard(path, () => File.ReadAllBytes(path));

    private static T Guard<T>(string path, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DatasetException(
                $"{path}: cannot be read ({e.Message}) A file of CIFAR was expected. " +
                "Check the folder and its permissions.", e);
        }
    }

    /// <summary>What tells the two data sets apart.</summary>
    /// <param name="Name">For messages.</param>
    /// <param name="LabelBytes">
    /// For each label byte of a record, how many values it may have; the last one counts.
    /// </param>
    /// <param name="TrainFiles">All of them are needed.</param>
    /// <param name="HeldOutFile">Optional.</param>
    /// <param name="NamesFile">Optional.</param>
    /// <param name="Normalization">Of the training images.</param>
    private sealed record Variant(
        string Name,
        int[] LabelBytes,
        string[] TrainFiles,
        string HeldOutFile,
        string NamesFile,
        Normalization Normalization)
    {
        public int ClassCount => LabelBytes[^1];

        public int RecordSize => LabelBytes.Length + (Plane * Channels);

        public bool Explains(byte[] content) =>
            content.Length > 0 && content.Length % RecordSize == 0 && FirstBadRecord(content) < 0;

        public void Check(string path, byte[] content)
        {
            if (content.Length == 0 || content.Length % RecordSize != 0)
            {
                throw new DatasetException(
                    $"{path}: {content.Length} bytes are not a whole number of {Name} records of {RecordSize} bytes. " +
                    "The file is truncated or damaged; download it again.");
            }

            int bad = FirstBadRecord(content);
            if (bad >= 0)
            {
                throw new DatasetException(
                    $"{path}: record {bad} has the label " +
                    $"{string.Join(", ", content.Skip(bad * RecordSize).Take(LabelBytes.Length))}, " +
                    $"but {Name} labels are below {string.Join(", ", LabelBytes)}. The file is damaged; " +
                    "download it again.");
            }
        }

        private int FirstBadRecord(byte[] content)
        {
            for (int record = 0; record < content.Length / RecordSize; record++)
            {
                for (int i = 0; i < LabelBytes.Length; i++)
                {
                    if (content[(record * RecordSize) + i] >= LabelBytes[i])
                    {
                        return record;
                    }
                }
            }

            return -1;
        }
    }
}
