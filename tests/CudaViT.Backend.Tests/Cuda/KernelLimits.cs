using System.Text.Json;
using CudaViT.Cuda;

namespace CudaViT.Backend.Tests.Cuda;

/// <summary>
/// <c>kernels/limits.json</c>: what kernels may take beyond the rule, each with a reason. The rule: no spilled
/// registers, no stack, a block's registers and static shared memory within what every target has.
/// </summary>
internal sealed class KernelLimits
{
    private const int RegistersOfBlock = 65536;
    private const int StaticSharedBytes = 48 * 1024; // more needs an attribute, which only dynamic memory can get

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        UnmappedMemberHandling = System.Text.Json.Serialization.JsonUnmappedMemberHandling.Disallow,
        ReadCommentHandling = JsonCommentHandling.Skip,
    };

    private readonly Exception[] _exceptions;

    private KernelLimits(Exception[] exceptions) => _exceptions = exceptions;

    /// <summary>Reads the table, and checks that it names only what there is.</summary>
    /// <exception cref="FormatException">
    /// An item names no kernel or build, allows nothing, or gives no reason.
    /// </exception>
    public static KernelLimits Read(string json, KernelCatalog catalog)
    {
        Exception[] exceptions = JsonSerializer.Deserialize<Exception[]>(json, Json) ?? [];
        foreach (Exception item in exceptions)
        {
            KernelFile? file = catalog.Files.FirstOrDefault(
                file => file.Entries.Any(entry => entry.Name == item.Entry));
            string? wrong = file is null ? "there is no such kernel"
                : item.Build is { } build && !file.Builds.Contains(KernelBuilds.Parse(build))
                    ? $"there is no build {build}"
                : item is { SpillBytes: 0, StackBytes: 0 } ? "nothing is allowed"
                : string.IsNullOrWhiteSpace(item.Reason) ? "there is no reason"
                : null;
            if (wrong is not null)
            {
                throw new FormatException($"limits.json: {item.Entry}: {wrong}.");
            }
        }

        return new KernelLimits(exceptions);
    }

    /// <summary>What is wrong with a compiled file, a line each.</summary>
    public IEnumerable<string> Violations(CompiledKernels compiled) =>
        compiled.Resources.SelectMany(kernel => Violations(compiled.Module, compiled.Architecture, kernel));

    /// <summary>What is wrong with a kernel, a line each.</summary>
    public IEnumerable<string> Violations(KernelModule module, string architecture, KernelResources kernel)
    {
        Exception? allowed = _exceptions.FirstOrDefault(item => item.IsFor(kernel.Entry, module.Build, architecture));
        string name = $"{kernel.Entry} of {module} for {architecture}";
        if (kernel.SpillBytes > (allowed?.SpillBytes ?? 0))
        {
            yield return $"{name} spills {kernel.SpillBytes} bytes; limits.json allows {allowed?.SpillBytes ?? 0}";
        }

        if (kernel.StackBytes > (allowed?.StackBytes ?? 0))
        {
            yield return $"{name} has a stack of {kernel.StackBytes} bytes; "
                + $"limits.json allows {allowed?.StackBytes ?? 0}";
        }

        // Registers are given out to whole warps, in steps of 8 for each thread.
        int threads = (BlockSize.Of(module.File, kernel.Entry) + 31) / 32 * 32;
        int registers = (kernel.Registers + 7) / 8 * 8 * threads;
        if (registers > RegistersOfBlock)
        {
            yield return $"{name} takes {kernel.Registers} registers in {threads} threads, {registers} together; "
                + $"a block has {RegistersOfBlock}: state __launch_bounds__({threads})";
        }

        if (kernel.SharedBytes > StaticSharedBytes)
        {
            yield return $"{name} has {kernel.SharedBytes} bytes of static shared memory; "
                + $"at most {StaticSharedBytes} can be static";
        }
    }

    /// <summary>An item of the table.</summary>
    /// <param name="Entry">The kernel.</param>
    /// <param name="Build">The build, in lower case; null for all.</param>
    /// <param name="Architecture">The target, for example sm_80; null for all.</param>
    /// <param name="SpillBytes">Bytes of spills, stores and loads, that are allowed.</param>
    /// <param name="StackBytes">Bytes of stack that are allowed.</param>
    /// <param name="Reason">Why it cannot be avoided, or is not worth avoiding.</param>
    private sealed record Exception(
        string Entry, string? Build, string? Architecture, int SpillBytes, int StackBytes, string Reason)
    {
        public bool IsFor(string entry, KernelBuild build, string architecture) =>
            Entry == entry
            && (Build is null || KernelBuilds.Parse(Build) == build)
            && (Architecture is null || Architecture == architecture);
    }
}
