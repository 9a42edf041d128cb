using System.Globalization;
using System.Text.RegularExpressions;

namespace CudaViT.Cuda;

/// <summary>What one thread or block of a compiled kernel takes, by the assembler's own account.</summary>
/// <param name="Entry">The kernel.</param>
/// <param name="Registers">Registers of a thread.</param>
/// <param name="SpillStoreBytes">Bytes that a thread writes to memory for want of registers.</param>
/// <param name="SpillLoadBytes">Bytes that it reads back.</param>
/// <param name="StackBytes">
/// Local memory of a thread: spilled registers, and arrays that are indexed at run time.
/// </param>
/// <param name="SharedBytes">Static shared memory of a block.</param>
/// <param name="ConstantBytes">Constant memory, arguments included; 0 where the assembler does not say.</param>
public sealed partial record KernelResources(
    string Entry,
    int Registers,
    int SpillStoreBytes,
    int SpillLoadBytes,
    int StackBytes,
    int SharedBytes,
    int ConstantBytes)
{
    /// <summary>Bytes of spills, written and read.</summary>
    public int SpillBytes => SpillStoreBytes + SpillLoadBytes;

    /// <summary>Reads what <c>ptxas -v</c> printed.</summary>
    /// <returns>One item per kernel, in the order of the log.</returns>
    public static IReadOnlyList<KernelResources> Parse(string log)
    {
        ArgumentNullException.ThrowIfNull(log);
        var kernels = new List<KernelResources>();
        foreach (string line in log.Split('\n'))
        {
            if (EntryPattern().Match(line) is { Success: true } entry)
            {
                kernels.Add(new KernelResources(entry.Groups[1].Value, 0, 0, 0, 0, 0, 0));
            }
            else if (kernels.Count > 0)
            {
                kernels[^1] = kernels[^1].With(line);
            }
        }

        return kernels;
    }

    // Functions that are called and not inlined follow their kernel with frames and spills of their own.
    private KernelResources With(string line)
    {
        if (FramePattern().Match(line) is { Success: true } frame)
        {
            return this with
            {
                StackBytes = Math.Max(StackBytes, Number(frame, 1)),
                SpillStoreBytes = SpillStoreBytes + Number(frame, 2),
                SpillLoadBytes = SpillLoadBytes + Number(frame, 3),
            };
        }

        return UsedPattern().Match(line) is { Success: true } used
            ? this with
            {
                Registers = Number(used, 1),
                StackBytes = Math.Max(StackBytes, Sum(StackPattern(), line)),
                SharedBytes = Sum(SharedPattern(), line),
                ConstantBytes = Sum(ConstantPattern(), line),
            }
            : this;
    }

    private static int Sum(Regex pattern, string line) => pattern.Matches(line).Sum(match => Number(match, 1));

    private static int Number(Match match, int group) =>
        int.Parse(match.Groups[group].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture);

    [GeneratedRegex("Compiling entry function '([^']+)'")]
    private static partial Regex EntryPattern();

    [GeneratedRegex("([0-9]+) bytes stack frame, ([0-9]+) bytes spill stores, ([0-9]+) bytes spill loads")]
    private static partial Regex FramePattern();

    [GeneratedRegex("Used ([0-9]+) registers")]
    private static partial Regex UsedPattern();

    [GeneratedRegex("([0-9]+) bytes cumulative stack size")]
    private static partial Regex StackPattern();

    [GeneratedRegex("([0-9]+) bytes smem")]
    private static partial Regex SharedPattern();

    [GeneratedRegex(@"([0-9]+) bytes cmem\[")]
    private static partial Regex ConstantPattern();
}
