using System.Reflection;
using System.Text;
using System.Text.Json;
using System.Xml.Linq;
using CudaViT.Training.Settings;

namespace CudaViT.Cli.Catalogue;

/// <summary>
/// The comments that stand above settings in the source, from the XML files that the compiler writes beside assemblies.
/// </summary>
internal sealed class XmlComments
{
    private readonly Dictionary<Assembly, Dictionary<string, XElement>> _files = [];

    /// <summary>What the comment of a property says, as one line.</summary>
    /// <exception cref="UsageException">The assembly's XML file is missing.</exception>
    public string Of(PropertyInfo property) =>
        Summary(property.DeclaringType!, $"P:{property.DeclaringType!.FullName}", property.Name);

    /// <summary>What the comment of a value of an enumeration says, as one line.</summary>
    /// <exception cref="UsageException">The assembly's XML file is missing.</exception>
    public string Of(Enum value) => Summary(value.GetType(), $"F:{value.GetType().FullName}", value.ToString());

    private string Summary(Type owner, string prefix, string name)
    {
        string member = $"{prefix}.{name}".Replace('+', '.');
        if (!_files.TryGetValue(owner.Assembly, out Dictionary<string, XElement>? comments))
        {
            _files[owner.Assembly] = comments = Read(owner.Assembly);
        }

        return comments.TryGetValue(member, out XElement? comment) && comment.Element("summary") is { } summary
            ? OneLine(Text(summary))
            : "";
    }

    private static Dictionary<string, XElement> Read(Assembly assembly)
    {
        string path = Path.Combine(AppContext.BaseDirectory, $"{assembly.GetName().Name}.xml");
        if (!File.Exists(path))
        {
            throw new UsageException(
                $"{path} is missing, which has the meaning of each setting; it belongs beside the program: copy the "
                + "whole folder that was published");
        }

        return XDocument.Load(path).Descendants("member").ToDictionary(member => (string)member.Attribute("name")!);
    }

    // A reference to another member reads as people write it: the key of a property, the word of a value.
    private static string Text(XElement element)
    {
        var text = new StringBuilder();
        foreach (XNode node in element.Nodes())
        {
            text.Append(node switch
            {
                XText plain => plain.Value,
                XElement { Name.LocalName: "see" } see => Reference((string?)see.Attribute("cref") ?? ""),
                XElement nested => Text(nested),
                _ => "",
            });
        }

        return text.ToString();
    }

    private static string Reference(string cref)
    {
        string last = cref[(cref.LastIndexOf('.') + 1)..];
        return cref.StartsWith("F:", StringComparison.Ordinal) ? SettingsJson.WordOf(last)
            : cref.StartsWith("P:", StringComparison.Ordinal) ? JsonNamingPolicy.CamelCase.ConvertName(last)
            : last;
    }

    private static string OneLine(string text) =>
        string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
}
