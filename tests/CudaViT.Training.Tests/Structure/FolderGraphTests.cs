namespace CudaViT.Training.Tests.Structure;

/// <summary>Holds the order in which folders may use each other: without cycles, and reports on top.</summary>
public sealed class FolderGraphTests
{
    private const string Training = "CudaViT.Training";

    public static TheoryData<string> Projects => [Training, "CudaViT.Data"];

    [Theory, MemberData(nameof(Projects))]
    public void Folders_form_no_cycle(string project)
    {
        FolderGraph graph = FolderGraph.OfProject(Source(project));
        Assert.True(graph.Uses.Count >= 5, $"only {graph.Uses.Count} uses were found");
        Assert.Null(graph.Cycle(folder => folder));
        Assert.Null(graph.Cycle(folder => string.Join('.', folder.Split('.').Take(project.Split('.').Length + 1))));
    }

    [Fact]
    public void Nothing_below_uses_reports()
    {
        const string Reports = $"{Training}.Reports";
        FolderGraph graph = FolderGraph.OfProject(Source(Training));
        Assert.DoesNotContain(graph.Uses, use => IsReport(use.Key.To) && !IsReport(use.Key.From));
        Assert.Contains(graph.Uses, use => IsReport(use.Key.From));

        static bool IsReport(string folder) =>
            folder == Reports || folder.StartsWith($"{Reports}.", StringComparison.Ordinal);
    }

    [Theory, MemberData(nameof(Projects))]
    public void Every_file_stands_in_a_folder_and_its_namespace_is_that_folder(string project)
    {
        string root = Source(project);
        Assert.Equal([$"{project}.csproj"], Directory.GetFiles(root).Select(Path.GetFileName));
        foreach (string path in Directory.EnumerateFiles(root, "*.cs", SearchOption.AllDirectories))
        {
            string folder = Path.GetRelativePath(root, Path.GetDirectoryName(path)!)
                .Replace(Path.DirectorySeparatorChar, '.');
            if (folder.Split('.')[0] is not ("bin" or "obj"))
            {
                Assert.Contains($"\nnamespace {project}.{folder};", "\n" + File.ReadAllText(path));
            }
        }
    }

    // What the reader must see, one kind of reference after the other: without them there is no cycle.
    [Theory]
    [InlineData("using P.Top;", "")]
    [InlineData("using static P.Top.Page;", "")]
    [InlineData("using Sheet = P.Top.Page;", "")]
    [InlineData("", "Top.Page page;")]
    [InlineData("", "P.Top.Page page;")]
    [InlineData("", "List<Top.Page> pages = [];")]
    public void A_reference_upward_is_seen(string directive, string code)
    {
        FolderGraph graph = Graph(directive, code);
        string? cycle = graph.Cycle(folder => folder);
        Assert.NotNull(cycle);
        Assert.Contains("P.Low uses P.Top in Low.cs", cycle);
        Assert.Contains("P.Top uses P.Low in Top.cs", cycle);
    }

    [Theory]
    [InlineData("")]
    [InlineData("// Top.Page")]
    [InlineData("/* Top.Page\n */")]
    [InlineData("string s = \"Top.Page \\\" Top.Page\";")]
    [InlineData("int Page;")]             // is called like a type that cannot be named here
    [InlineData("int i = x.Top.Page;")]   // members of something
    [InlineData("int i = Top.Other;")]    // a property named like the folder
    public void What_only_looks_like_one_is_not(string code) => Assert.Null(Graph("", code).Cycle(folder => folder));

    [Fact]
    public void A_type_of_the_folder_around_needs_no_directive()
    {
        var graph = new FolderGraph("P", [
            ("A.cs", "namespace P.A;\npublic sealed class Outer { B.Inner inner; }\n"),
            ("B.cs", "namespace P.A.B;\npublic sealed class Inner { Outer outer; }\n"),
        ]);
        Assert.Contains("P.A.B uses P.A in B.cs", graph.Cycle(folder => folder));
        Assert.Null(graph.Cycle(folder => string.Join('.', folder.Split('.').Take(2))));
    }

    private static FolderGraph Graph(string directive, string code) => new("P", [
        ("Low.cs", $"{directive}\n\nnamespace P.Low;\n\npublic sealed class Base\n{{\n    {code}\n}}\n"),
        ("Top.cs", "using P.Low;\n\nnamespace P.Top;\n\ninternal sealed record Page(Base Base);\n"),
    ]);

    private static string Source(string project)
    {
        for (string? folder = AppContext.BaseDirectory; folder is not null; folder = Path.GetDirectoryName(folder))
        {
            if (Directory.Exists(Path.Combine(folder, "src", project)))
            {
                return Path.Combine(folder, "src", project);
            }
        }

        throw new DirectoryNotFoundException($"There is no src/{project} above {AppContext.BaseDirectory}.");
    }
}
