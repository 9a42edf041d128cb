using System.Text.RegularExpressions;

namespace CudaViT.Training.Tests.Structure;

/// <summary>Which folders of a project use which, read from the text of its C# files.</summary>
/// <remarks>
/// A folder is a namespace, and what a file can name is decided by its using directives and by the namespaces around
/// its own: so that is what is read, and a property that is called like a type somewhere else is no use of it. A using
/// directive counts as it stands. Types of the namespaces around, which need no directive, count where they are named
/// outside comments and texts, and so do types behind part of a namespace, as in <c>Optim.Optimizer</c>.
/// </remarks>
internal sealed partial class FolderGraph
{
    private readonly Dictionary<string, HashSet<string>> _types = []; // by namespace
    private readonly List<Source> _sources = [];

    /// <summary>Reads files.</summary>
    /// <param name="root">Namespace of the project, which its folders' namespaces begin with.</param>
    /// <param name="files">Path and text of each.</param>
    public FolderGraph(string root, IEnumerable<(string Path, string Text)> files)
    {
        foreach ((string path, string text) in files)
        {
            string code = NotCode().Replace(text, " ");
            string space = NamespaceLine().Match(code) is { Success: true } match ? match.Groups[1].Value : root;
            IEnumerable<string> types = Declaration().Matches(code).Select(type => type.Groups[1].Value);
            _types.TryAdd(space, []);
            _types[space].UnionWith(types);
            _sources.Add(new Source(path, space, code));
        }

        foreach (Source source in _sources)
        {
            Read(source);
        }
    }

    /// <summary>Uses between folders: who, whom, and where the first one stands.</summary>
    public Dictionary<(string From, string To), string> Uses { get; } = [];

    /// <summary>Reads a project.</summary>
    public static FolderGraph OfProject(string folder)
    {
        string separator = Path.DirectorySeparatorChar.ToString();
        IEnumerable<string> files = Directory.EnumerateFiles(folder, "*.cs", SearchOption.AllDirectories)
            .Where(path => !Path.GetRelativePath(folder, path).Split(separator).Intersect(["bin", "obj"]).Any());
        return new FolderGraph(Path.GetFileName(folder), files.Select(path => (path, File.ReadAllText(path))));
    }

    /// <summary>A cycle among folders, in words; null if there is none.</summary>
    /// <param name="merge">Names the group that a folder belongs to.</param>
    public string? Cycle(Func<string, string> merge)
    {
        var edges = new Dictionary<string, Dictionary<string, string>>();
        foreach (((string from, string to), string where) in Uses)
        {
            (string a, string b) = (merge(from), merge(to));
            if (a != b)
            {
                edges.TryAdd(a, []);
                edges[a].TryAdd(b, where);
            }
        }

        var done = new HashSet<string>();
        foreach (string start in edges.Keys.Order())
        {
            if (Visit(start, []) is { } cycle)
            {
                return cycle;
            }
        }

        return null;

        string? Visit(string folder, List<string> path)
        {
            if (path.IndexOf(folder) is var first and >= 0)
            {
                IEnumerable<string> round = path.Skip(first).Append(folder);
                return string.Join("; ", round.Zip(round.Skip(1), (a, b) => $"{a} uses {b} in {edges[a][b]}"));
            }

            if (!done.Contains(folder))
            {
                foreach (string next in edges.GetValueOrDefault(folder)?.Keys.Order() ?? Enumerable.Empty<string>())
                {
                    if (Visit(next, [.. path, folder]) is { } cycle)
                    {
                        return cycle;
                    }
                }

                done.Add(folder);
            }

            return null;
        }
    }

    private void Read(Source source)
    {
        foreach (Match directive in UsingLine().Matches(source.Code))
        {
            // Of a static using or an alias, the last part is a type.
            string name = directive.Groups[1].Value;
            Use(source, _types.ContainsKey(name) ? name : Parent(name));
        }

        string[] around = [.. Around(source.Namespace)];
        string body = UsingLine().Replace(NamespaceLine().Replace(source.Code, " "), " ");
        foreach (Match match in Name().Matches(body))
        {
            string[] parts = match.Value.Split('.');
            string? space = around.FirstOrDefault(outer => _types.TryGetValue(outer, out HashSet<string>? types)
                && types.Contains(parts[0]));
            Use(source, space);
            foreach (string outer in parts.Length > 1 ? [source.Namespace, .. around, ""] : Array.Empty<string>())
            {
                UsePartly(source, outer, parts);
            }
        }
    }

    // Optim.Optimizer, from within CudaViT.Training: the longest namespace that holds the type behind it.
    private void UsePartly(Source source, string outer, string[] parts)
    {
        for (int count = parts.Length - 1; count > 0; count--)
        {
            string space = string.Join('.', parts[..count].Prepend(outer).Where(part => part.Length > 0));
            if (_types.TryGetValue(space, out HashSet<string>? types) && types.Contains(parts[count]))
            {
                Use(source, space);
            }
        }
    }

    private void Use(Source source, string? space)
    {
        if (space is not null && space != source.Namespace && _types.ContainsKey(space))
        {
            Uses.TryAdd((source.Namespace, space), Path.GetFileName(source.Path));
        }
    }

    private static IEnumerable<string> Around(string space)
    {
        for (string? outer = Parent(space); outer is not null; outer = Parent(outer))
        {
            yield return outer;
        }
    }

    private static string? Parent(string space) =>
        space.LastIndexOf('.') is var dot and > 0 ? space[..dot] : null;

    // Comments, texts and characters. What stands in the holes of a text is not looked at.
    [GeneratedRegex("""
        (?s)//[^\n]*|/\*.*?\*/|\$*\"{3,}.*?\"{3,}|\$?@\"(?:[^\"]|\"\")*\"|\$?\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)+'
        """)]
    private static partial Regex NotCode();

    [GeneratedRegex(@"(?m)^namespace\s+([\w.]+);")]
    private static partial Regex NamespaceLine();

    [GeneratedRegex(@"(?m)^(?:global\s+)?using\s+(?:static\s+|\w+\s*=\s*)?([\w.]+);")]
    private static partial Regex UsingLine();

    [GeneratedRegex(
        @"(?m)^(?:public|internal)\s+(?:(?:static|sealed|abstract|partial|readonly|unsafe|ref|file)\s+)*"
        + @"(?:record\s+struct|record|class|struct|interface|enum|delegate\s+[\w<>?\[\]]+)\s+(\w+)")]
    private static partial Regex Declaration();

    // A name that is no member of something: nothing stands before its first part.
    [GeneratedRegex(@"(?<![\w.])[A-Z]\w*(?:\.[A-Z]\w*)*")]
    private static partial Regex Name();

    private sealed record Source(string Path, string Namespace, string Code);
}
