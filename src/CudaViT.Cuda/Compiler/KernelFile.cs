using System.Text.RegularExpressions;

namespace CudaViT.Cuda;

/// <summary>A kernel file: its text, what it includes, and what its header and declarations say.</summary>
public sealed partial class KernelFile
{
    // Where built-in files are said to be: the same for every machine, so that what is compiled of them is the same.
    private const string BuiltInFolder = "/cudavit/kernels";

    private readonly KernelSources _sources;

    private KernelFile(
        string name, KernelSources sources, IReadOnlyList<KernelBuild> builds, IReadOnlyList<KernelEntry> entries)
    {
        (Name, Text, Builds, Entries, _sources) = (name, sources[name], builds, entries, sources);
        Folder = FolderOf(name);
        Includes = Closure(Text, name, sources);
    }

    /// <summary>Path below <c>kernels/</c>, for example <c>l2_normalize.cu</c>.</summary>
    public string Name { get; }

    /// <summary>The folder that <see cref="Name"/> starts from, for messages, debuggers and profilers.</summary>
    public string Folder { get; }

    /// <summary>The source.</summary>
    public string Text { get; }

    /// <summary>What the file is compiled for, from the header's line <c>Builds</c>.</summary>
    public IReadOnlyList<KernelBuild> Builds { get; }

    /// <summary>The kernels, in the order of the text.</summary>
    public IReadOnlyList<KernelEntry> Entries { get; }

    /// <summary>Text of every header that the file includes, directly or not, by the name it is included by.</summary>
    public IReadOnlyDictionary<string, string> Includes { get; }

    /// <summary>Reads a kernel file.</summary>
    /// <param name="name">Path below <c>kernels/</c>.</param>
    /// <param name="sources">All files, to find what is included.</param>
    /// <exception cref="FormatException">
    /// Header or declarations are not in the form that <c>kernels/README.md</c> states.
    /// </exception>
    public static KernelFile Read(string name, KernelSources sources)
    {
        ArgumentNullException.ThrowIfNull(sources);
        string text = sources[name];
        string header = string.Join(
            '\n', text.Split('\n').TakeWhile(line => line.StartsWith("//", StringComparison.Ordinal)));
        Dictionary<string, KernelCost> costs = ReadCosts(name, header);
        List<KernelEntry> entries =
            [.. EntryPattern().Matches(text).Select(match => ReadEntry(name, text, match, costs))];
        string? unknown = costs.Keys.FirstOrDefault(cost => !entries.Exists(entry => entry.Name == cost));
        return unknown is null
            ? new KernelFile(name, sources, ReadBuilds(name, header), entries)
            : throw new FormatException(
                $"{name}: the header states a cost of {unknown}, which the file does not declare.");
    }

    /// <summary>The folder of a file, this one or one of its headers, which may come from elsewhere.</summary>
    internal string FolderOf(string name) =>
        _sources.OriginOf(name) is var origin && Path.IsPathRooted(origin) ? origin : BuiltInFolder;

    /// <inheritdoc/>
    public override string ToString() => Name;

    private static List<KernelBuild> ReadBuilds(string name, string header)
    {
        Match line = BuildsPattern().Match(header);
        if (!line.Success)
        {
            throw new FormatException($"{name}: the header has no line 'Builds', such as '// Builds   f64 f32 bf16'.");
        }

        try
        {
            return
                [.. line.Groups[1].Value.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(KernelBuilds.Parse)];
        }
        catch (FormatException error)
        {
            throw new FormatException($"{name}: {error.Message}", error);
        }
    }

    private static Dictionary<string, KernelCost> ReadCosts(string name, string header)
    {
        var costs = new Dictionary<string, KernelCost>(StringComparer.Ordinal);
        foreach (Match match in CostPattern().Matches(header))
        {
            try
            {
                costs.Add(
                    match.Groups["entry"].Value,
                    new KernelCost(
                        CostFormula.Parse(match.Groups["bytes"].Value),
                        CostFormula.Parse(match.Groups["flops"].Value)));
            }
            catch (FormatException error)
            {
                throw new FormatException($"{name}: {match.Value.Trim()}: {error.Message}", error);
            }
        }

        return costs;
    }

    private static KernelEntry ReadEntry(
        string file, string text, Match match, Dictionary<string, KernelCost> costs)
    {
        string name = match.Groups["name"].Value;
        string list = CommentPattern().Replace(match.Groups["parameters"].Value, " ");
        KernelParameter[] parameters =
            [.. list.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
                .Select(ReadParameter)];
        int line = text.AsSpan(0, match.Index).Count('\n') + 1;
        var entry = new KernelEntry(name, parameters, costs.GetValueOrDefault(name), line);
        string? stranger = entry.Cost?.UnknownNames(entry).FirstOrDefault();
        return stranger is null
            ? entry
            : throw new FormatException(
                $"{file}: the cost of {name} names {stranger}, which is no integer parameter of it and no sizeof of a "
                + "known type.");
    }

    private static KernelParameter ReadParameter(string declaration)
    {
        string[] words = [.. WordPattern().Matches(declaration).Select(word => word.Value)
            .Where(word => word is not ("const" or "__restrict__" or "__grid_constant__"))];
        string name = words[^1];
        string type = words[..^1] is ["unsigned", ..] ? "u32" : words[^2];
        KernelParameterKind kind = declaration.Contains('*', StringComparison.Ordinal) ? KernelParameterKind.Pointer
            : type is "acc_t" ? KernelParameterKind.Scalar
            : type is "index_t" or "int" or "u32" or "u64" or "u8" or "bool" ? KernelParameterKind.Integer
            : KernelParameterKind.Structure;
        return new KernelParameter(name, kind == KernelParameterKind.Pointer ? $"{type}*" : type, kind);
    }

    private static SortedDictionary<string, string> Closure(string text, string name, KernelSources sources)
    {
        var found = new SortedDictionary<string, string>(StringComparer.Ordinal);
        var pending = new Stack<(string From, string Text)>([(name, text)]);
        while (pending.TryPop(out (string From, string Text) file))
        {
            foreach (Match match in IncludePattern().Matches(file.Text))
            {
                string included = match.Groups[1].Value;
                if (!found.ContainsKey(included) && sources.TryGet(included, out string? content))
                {
                    found.Add(included, content);
                    pending.Push((included, content));
                }
            }
        }

        return found;
    }

    [GeneratedRegex(@"^//\s+Builds\s+(.+?)\s*$", RegexOptions.Multiline)]
    private static partial Regex BuildsPattern();

    [GeneratedRegex(
        @"^//\s+(?:Cost\s+)?(?<entry>[a-z][a-z0-9_]*): (?<bytes>[^;\n]+?) bytes, (?<flops>[^;\n]+?) FLOPs",
        RegexOptions.Multiline)]
    private static partial Regex CostPattern();

    [GeneratedRegex(
        @"extern ""C"" __global__ void\s+(?:__launch_bounds__\([^)]*\)\s*)?(?<name>\w+)\s*\((?<parameters>[^)]*)\)")]
    private static partial Regex EntryPattern();

    [GeneratedRegex(@"//[^\n]*|/\*.*?\*/", RegexOptions.Singleline)]
    private static partial Regex CommentPattern();

    [GeneratedRegex(@"\w+")]
    private static partial Regex WordPattern();

    [GeneratedRegex("^\\s*#include \"([^\"]+)\"", RegexOptions.Multiline)]
    private static partial Regex IncludePattern();
}
