using System.Globalization;

namespace CudaViT.Data.Sets;

/// <summary>What the images of a folder mean: which are to train on, which are held out, and of which class each
/// is.</summary>
/// <remarks>
/// <para>
/// Parts. A folder <c>train</c> (or <c>training</c>) is the part to train on if there is one for held-out images beside
/// it (<c>val</c>, <c>valid</c>, <c>validation</c>, <c>test</c>: the first that has images), if no other folder has
/// images, or if its own images lie in folders; otherwise it is a class of that name.
/// </para>
/// <para>
/// Classes, unless a rule is given. Each folder of a part is a class if no image lies beside them, or if there are two
/// or more of them and fewer images beside them than one has on average; those images are left out. Otherwise the part
/// has no labels, and all images below it belong to it.
/// </para>
/// </remarks>
internal sealed class FolderLayout
{
    /// <summary>Rule by which the folders of a part are the classes.</summary>
    public const string ByFolders = "folders";

    /// <summary>Rule by which there are no classes.</summary>
    public const string Unlabelled = "none";

    private static readonly string[] TrainNames = ["train", "training"];
    private static readonly string[] HeldOutNames = ["val", "valid", "validation", "test"];

    private readonly string _folder;
    private readonly LeftOut _leftOut = new();

    private FolderLayout(string folder) => _folder = folder;

    /// <summary>Name of the folder that the training part lies in; empty where it is the whole.</summary>
    public string TrainFolder { get; private set; } = "";

    /// <summary>Name of the folder that the held-out part lies in; null without one.</summary>
    public string? HeldOutFolder { get; private set; }

    /// <summary>Images to train on, class by class, and by path within a class.</summary>
    public IReadOnlyList<LabelledImage> Train { get; private set; } = [];

    /// <summary>Held-out images, in the same order.</summary>
    public IReadOnlyList<LabelledImage> HeldOut { get; private set; } = [];

    /// <summary>Names of the classes; null without labels.</summary>
    public string[]? Classes { get; private set; }

    /// <summary>How many images there are, and what was left out.</summary>
    public string Summary
    {
        get
        {
            List<LabelledImage> all = [.. Train, .. HeldOut];
            int folders = all.Select(image => Path.GetDirectoryName(image.File.Path)).Distinct().Count();
            string counts = string.Create(
                CultureInfo.InvariantCulture,
                $"{all.Count:n0} image{(all.Count == 1 ? "" : "s")} in {folders:n0} folder{(folders == 1 ? "" : "s")}");
            return _leftOut.IsEmpty ? counts : $"{counts}; left out: {_leftOut}";
        }
    }

    /// <summary>Finds out what a folder's images mean.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="scan">What is in it; at least one image.</param>
    /// <param name="labels">
    /// <see cref="ByFolders"/>, <see cref="Unlabelled"/>, the path of a <see cref="LabelFile"/>, or null to go by the
    /// rule above.
    /// </param>
    /// <exception cref="DatasetException">A part is empty, or classes do not fit together.</exception>
    public static FolderLayout Of(string folder, FolderScan scan, string? labels)
    {
        var layout = new FolderLayout(folder);
        layout._leftOut.Add(scan.LeftOut);
        layout.FindParts(scan.Images, labels);
        List<FoundImage> train = Part(scan.Images, layout.TrainFolder);
        List<FoundImage>? heldOut =
            layout.HeldOutFolder is null ? null : Part(scan.Images, layout.HeldOutFolder);
        layout.CountUnused(scan.Images);
        switch (labels)
        {
            case null when !HasClassFolders(train, Prefix(layout.TrainFolder)):
            case Unlabelled:
                layout.Train = InOrder(train.Select(image => new LabelledImage(image, -1)));
                layout.HeldOut = InOrder((heldOut ?? []).Select(image => new LabelledImage(image, -1)));
                break;
            case null or ByFolders:
                layout.LabelByFolders(train, heldOut);
                break;
            default:
                layout.LabelByFile(LabelFile.Read(labels, folder, scan.Images), train, heldOut);
                break;
        }

        layout.RequireImages();
        return layout;
    }

    private void FindParts(IReadOnlyList<FoundImage> images, string? labels)
    {
        string[] folders = [.. images.Select(image => image.FolderBelow("")).Where(name => name != "").Distinct()];
        string? train = FirstOf(TrainNames, folders);
        string? heldOut = FirstOf(HeldOutNames, folders);
        bool isPart = train is not null
            && (heldOut is not null
                || folders.Length == 1
                || (labels != ByFolders && !images.Any(image =>
                    image.FolderBelow("") == train && image.FolderBelow(train + "/") == "")));
        (TrainFolder, HeldOutFolder) = isPart ? (train!, heldOut) : ("", null);
    }

    private static string? FirstOf(string[] names, string[] folders) => names
        .Select(name => Array.Find(folders, folder => folder.Equals(name, StringComparison.OrdinalIgnoreCase)))
        .FirstOrDefault(folder => folder is not null);

    private static List<FoundImage> Part(IReadOnlyList<FoundImage> images, string part) =>
        part == "" ? [.. images] : [.. images.Where(image => image.FolderBelow("") == part)];

    private static string Prefix(string part) => part == "" ? "" : part + "/";

    private void CountUnused(IReadOnlyList<FoundImage> images)
    {
        if (TrainFolder == "")
        {
            return;
        }

        string parts = HeldOutFolder is null
            ? $"the folder {TrainFolder}"
            : $"the folders {TrainFolder} and {HeldOutFolder}";
        foreach (FoundImage image in images)
        {
            string folder = image.FolderBelow("");
            if (folder != TrainFolder && folder != HeldOutFolder)
            {
                _leftOut.Add(folder == "" ? $"beside {parts}" : "below unused folders", image.Path);
            }
        }
    }

    private static bool HasClassFolders(List<FoundImage> images, string prefix)
    {
        int beside = images.Count(image => image.FolderBelow(prefix) == "");
        int folders = images.Select(image => image.FolderBelow(prefix)).Distinct().Count() - (beside > 0 ? 1 : 0);
        return folders > 0 && (beside == 0 || (folders > 1 && (long)beside * folders < images.Count - beside));
    }

    private void LabelByFolders(List<FoundImage> train, List<FoundImage>? heldOut)
    {
        string prefix = Prefix(TrainFolder);
        Classes = [.. train.Select(image => image.FolderBelow(prefix)).Where(name => name != "").Distinct()];
        Array.Sort(Classes, StringComparer.Ordinal);
        Train = Label(train, prefix);
        if (heldOut is not null)
        {
            HeldOut = Label(heldOut, Prefix(HeldOutFolder!));
        }
    }

    private List<LabelledImage> Label(List<FoundImage> images, string prefix)
    {
        var labelled = new List<LabelledImage>(images.Count);
        foreach (FoundImage image in images)
        {
            string name = image.FolderBelow(prefix);
            if (name == "")
            {
                _leftOut.Add("beside the class folders", image.Path);
                continue;
            }

            labelled.Add(new LabelledImage(image, ClassOf(name, Path.Combine(_folder, prefix + name))));
        }

        return InOrder(labelled);
    }

    private int ClassOf(string name, string place)
    {
        int label = Array.BinarySearch(Classes!, name, StringComparer.Ordinal);
        return label >= 0 ? label : throw new DatasetException(
            $"{place}: there is no class of this name among the training images. " +
            "Both parts must have folders of the same names.");
    }

    private void LabelByFile(LabelFile file, List<FoundImage> train, List<FoundImage>? heldOut)
    {
        Classes = file.Classes(train.Select(image => image.Path));
        Train = Label(train, file);
        if (heldOut is not null)
        {
            HeldOut = Label(heldOut, file);
        }

        if (file.Unused is { Count: > 0 } unused)
        {
            _leftOut.Add(
                $"line of {file.Name} without an image",
                unused[0],
                unused.Count,
                $"lines of {file.Name} without an image");
        }
    }

    private List<LabelledImage> Label(List<FoundImage> images, LabelFile file)
    {
        var labelled = new List<LabelledImage>(images.Count);
        foreach (FoundImage image in images)
        {
            if (file.LabelOf(image.Path) is not { } name)
            {
                _leftOut.Add($"without a label in {file.Name}", image.Path);
                continue;
            }

            int label = Array.IndexOf(Classes!, name);
            labelled.Add(new LabelledImage(image, label >= 0 ? label : throw new DatasetException(
                $"{file.Path}: {image.Path} is held out and of the class '{name}', but no training image is. "
                + "Label some of them so, or leave this one out.")));
        }

        return InOrder(labelled);
    }

    private static List<LabelledImage> InOrder(IEnumerable<LabelledImage> images)
    {
        List<LabelledImage> sorted = [.. images];
        sorted.Sort((a, b) => a.Label != b.Label
            ? a.Label.CompareTo(b.Label)
            : string.CompareOrdinal(a.File.Path, b.File.Path));
        return sorted;
    }

    private void RequireImages()
    {
        string? empty = Train.Count == 0 ? TrainFolder : HeldOut.Count == 0 ? HeldOutFolder : null;
        if (empty is not null)
        {
            throw new DatasetException(
                $"{Path.Combine(_folder, empty)}: there are no images where they were expected, in a folder for each "
                + $"class; left out: {_leftOut}. Sort them into such folders, or do without labels: --labels none.");
        }
    }
}

/// <summary>An image and its class.</summary>
/// <param name="File">Where it is.</param>
/// <param name="Label">Its class; -1 without labels.</param>
internal readonly record struct LabelledImage(FoundImage File, int Label);
