using System.Text;
using CudaViT.Cuda;

namespace CudaViT.Cli.Output;

/// <summary>Cuts one kernel out of PTX.</summary>
internal static class PtxText
{
    /// <summary>The lines that say for what the text is, and the kernel itself.</summary>
    /// <exception cref="GpuException">The text has no such kernel.</exception>
    public static string Of(string ptx, string entry)
    {
        var text = new StringBuilder();
        bool isInside = false;
        foreach (string line in ptx.Split('\n'))
        {
            bool isHead = line.StartsWith(".version", StringComparison.Ordinal)
                || line.StartsWith(".target", StringComparison.Ordinal)
                || line.StartsWith(".address_size", StringComparison.Ordinal);
            isInside |= line.StartsWith($".visible .entry {entry}(", StringComparison.Ordinal);
            if (isHead || isInside)
            {
                text.Append(line).Append('\n');
            }

            if (isInside && line == "}")
            {
                return text.ToString();
            }
        }

        throw new GpuException($"The compiler's output has no entry {entry}.");
    }
}
