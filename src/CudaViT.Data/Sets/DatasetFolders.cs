namespace CudaViT.Data.Sets;

/// <summary>What data sets of files have in common: how their parts are named, and how they are read.</summary>
internal static class DatasetFolders
{
    public const string Train = "train";

    /// <summary>Names of the held-out part, the first that exists counts.</summary>
    public static readonly string[] HeldOut = ["val", "test"];

    /// <summary>Folder of the training part, and that of the held-out part if there is one.</summary>
    public static (string Train, string? HeldOut) PartsOf(string folder)
    {
        string train = Path.Combine(folder, Train);
        return Directory.Exists(train)
            ? (train, HeldOut.Select(name => Path.Combine(folder, name)).FirstOrDefault(Directory.Exists))
            : (folder, null);
    }

    /// <summary>Name and size of files.</summary>
    public static DatasetFile[] FilesAt(IEnumerable<string> paths) =>
        [.. paths.Select(path => new DatasetFile(Path.GetFileName(path), new FileInfo(path).Length))];

    /// <summary>Names in order of their characters' numbers: the same everywhere, unlike a language's order.</summary>
    public static string[] Sorted(IEnumerable<string> names)
    {
        string[] sorted = [.. names];
        Array.Sort(sorted, StringComparer.Ordinal);
        return sorted;
    }

    /// <summary>Runs what reads a folder, with an error of ours if the system refuses.</summary>
    public static T Guard<T>(string path, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DatasetException(
                $"{path}: cannot be read ({e.Message.TrimEnd('.')}). Images were expected. Check the path and its " +
                "permissions.", e);
        }
    }
}
