using System.Runtime.CompilerServices;

namespace CudaViT.Training.Tests.Structure;

/// <summary>What holds of the text of every C# file.</summary>
public sealed class SourceTextTests
{
    private const int Columns = 120; // max_line_length of .editorconfig, which no tool checks

    [Fact]
    public void No_line_is_longer_than_the_editor_settings_say()
    {
        string root = Root();
        Assert.Contains($"max_line_length = {Columns}", File.ReadAllText(Path.Combine(root, ".editorconfig")));
        string[] files = [.. Files(root)];
        Assert.True(files.Length > 300, $"only {files.Length} files were found below {root}");
        Assert.Empty(files.SelectMany(path => File.ReadLines(path)
            .Select((line, i) => (Line: line, Place: $"{Path.GetRelativePath(root, path)}:{i + 1}"))
            .Where(line => line.Line.Length > Columns)
            .Select(line => $"{line.Place} has {line.Line.Length} columns")));
    }

    private static IEnumerable<string> Files(string root) => new[] { "src", "tests", "tools" }
        .SelectMany(folder => Directory.EnumerateFiles(Path.Combine(root, folder), "*.cs", SearchOption.AllDirectories))
        .Where(path => !path.Split(Path.DirectorySeparatorChar).Intersect(["bin", "obj", "node_modules"]).Any());

    private static string Root([CallerFilePath] string file = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(file)!, "..", "..", ".."));
}
