using System.Globalization;

namespace CudaViT.TestKit;

/// <summary>
/// A folder as people have them: JPEG files in nested folders, one for each class, and among them what cameras, phones,
/// downloads and other programs leave there.
/// </summary>
public static class AwkwardScenes
{
    /// <summary>Awkward files among the images, or beside them.</summary>
    public const int Awkward = 30;

    private static readonly byte[] Heic = [0, 0, 0, 24, .. "ftypheic"u8, 0, 0, 0, 0];

    /// <summary>Draws and writes a folder.</summary>
    /// <param name="folder">Where; classes become folders in it.</param>
    /// <param name="count">Images in all, at least 400: those that cannot be decoded are four of them.</param>
    /// <param name="seed">Decides every pixel.</param>
    /// <returns>What a program should find.</returns>
    public static AwkwardScenesContent Write(string folder, int count, ulong seed)
    {
        (int Label, string Name, byte[] File)[] drawn = [.. SceneFiles.Draw(count, seed)];
        var usable = new List<string>();
        var damaged = new List<string>();
        for (int i = 0; i < count; i++)
        {
            string place = PlaceOf(drawn[i].Label, i);
            (string name, byte[] file) = Disguise(i, drawn[i].Name, drawn[i].File);
            Write(folder, $"{place}/{name}", file);
            (i is 100 or 110 or 120 or 130 ? damaged : usable).Add($"{place}/{name}");
        }

        string first = PlaceOf(0, 0);
        foreach ((string name, byte[] content) in ((string, byte[])[])
        [
            ($"{first}/IMG_0001.HEIC", Heic),
            ($"{first}/IMG_0002.heic", Heic),
            ($"{first}/IMG_0003", Heic), // without an extension
            ($"{first}/DSC_0004.NEF", [.. "II*\0"u8, 8, 0, 0, 0]),
            ($"{first}/picture.avif", [0, 0, 0, 24, .. "ftypavif"u8]),
            ($"{first}/000000.txt", "a caption"u8.ToArray()),
            ($"{first}/000000.json", "{}"u8.ToArray()),
            ($"{first}/.hidden.jpg", drawn[0].File),
            ($"{first}/._000000.jpg", [0, 5, 22, 7]), // as another system writes beside each file
            (".thumbnails/000000.jpg", drawn[0].File),
            ($"{first}/Thumbs.db", [1, 2, 3]),
            ("cover.jpg", drawn[0].File),
            ("contact sheet.PNG", PngWriter.Encode(new byte[3], 1, 1, 3)),
            ("README", "about these pictures"u8.ToArray()),
            ($"{first}/film.mp4", [0, 0, 0, 24, .. "ftypisom"u8]),
        ])
        {
            Write(folder, name, content);
        }

        bool hasLinks = !OperatingSystem.IsWindows(); // where they need rights
        if (hasLinks)
        {
            File.CreateSymbolicLink(Path.Combine(folder, PlaceOf(0, 0), "all"), "../..");
            File.CreateSymbolicLink(Path.Combine(folder, PlaceOf(0, 0), "gone.jpg"), "nowhere.jpg");
        }

        string links = hasLinks ? $"1 link that leads back ({first}/all), 1 link to nothing ({first}/gone.jpg), " : "";
        string leftOut = $"1 .nef ({first}/DSC_0004.NEF), 2 .heic ({first}/IMG_0001.HEIC, ...), "
            + $"1 of a format that is not read ({first}/IMG_0003), {links}1 .avif ({first}/picture.avif), "
            + "2 beside the class folders (contact sheet.PNG, ...)";
        int folders = Enumerable.Range(0, count).Select(i => PlaceOf(drawn[i].Label, i)).Distinct().Count();
        string summary = string.Create(
            CultureInfo.InvariantCulture, $"{count:n0} images in {folders} folders; left out: {leftOut}");
        return new AwkwardScenesContent(usable, damaged, TexturedScenes.Classes.Count, summary);
    }

    // Every class has two years, and every year some months.
    private static string PlaceOf(int label, int number) => string.Create(
        CultureInfo.InvariantCulture,
        $"{TexturedScenes.Classes[label]}/{2024 + (number % 2)}/month {1 + (number % 3)}");

    // Some of the images have names or contents that say something else, or nothing; four cannot be decoded.
    private static (string Name, byte[] File) Disguise(int number, string name, byte[] file) => number switch
    {
        10 => (Path.ChangeExtension(name, ".JPG"), file),
        20 => (Path.ChangeExtension(name, ".jfif"), file),
        30 => (Path.ChangeExtension(name, ".jpe"), file),
        40 => (Path.GetFileNameWithoutExtension(name), file),
        50 => ("photo.large", file),
        60 => ("späti – \u5199\u771f.jpg", file),
        70 => (name, PngWriter.Encode(new byte[48 * 48 * 3], 48, 48, 3)), // whatever the name says
        80 => (Path.ChangeExtension(name, ".png"), file),
        90 => (name, JpegWriter.Encode(new byte[40 * 40], 40, 40, channels: 1)),
        100 => (name, file[..(file.Length / 3)]),
        110 => (name, []),
        120 => (name, "<html>not found</html>"u8.ToArray()),
        130 => (name, Heic),
        _ => (name, file),
    };

    private static void Write(string folder, string name, byte[] content)
    {
        string path = Path.Combine([folder, .. name.Split('/')]);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, content);
    }
}

/// <summary>What is in such a folder.</summary>
/// <param name="Usable">Images that can be used, as paths below the folder.</param>
/// <param name="Damaged">Images that cannot be decoded; only their content shows it.</param>
/// <param name="Classes">Classes.</param>
/// <param name="Summary">The line that counts both together and says what was left out.</param>
public sealed record AwkwardScenesContent(
    IReadOnlyList<string> Usable, IReadOnlyList<string> Damaged, int Classes, string Summary);
