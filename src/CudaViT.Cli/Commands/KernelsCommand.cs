using System.CommandLine;
using System.Text;
using CudaViT.Cli.Output;
using CudaViT.Cuda;

namespace CudaViT.Cli.Commands;

/// <summary><c>cudavit kernels</c></summary>
internal static class KernelsCommand
{
    public const string Name = "kernels";

    private const string DefaultArchitecture = "sm_90a";
    private const string Native = "native";
    private const string RealPrefix = "sm_";

    public static (string Command, string Meaning)[] Examples { get; } =
    [
        ("cudavit kernels", "registers, spills and memory of every kernel, for an H100"),
        ("cudavit kernels --arch sm_80 --kernels-dir my-kernels", "of edited kernels, for an A100"),
        ("cudavit kernels --sass l2_normalize_forward --build bf16", "the machine code of one, with its source lines"),
    ];

    public static Command Create(TextWriter output)
    {
        Option<string?> architecture = Text(
            "--arch", "A",
            $"Architecture to compile for, or {Native} for this machine's GPU (default {DefaultArchitecture}).");
        Option<string?> directory = Options.KernelsDirectory();
        Option<string?> build = Text(
            "--build",
            "B",
            "Only this build, for example f32 or bytes4 (default: all; with --ptx or --sass the first).");
        Option<string?> ptx = Text("--ptx", "ENTRY", "Print the virtual machine's code of a kernel instead.");
        Option<string?> sass = Text("--sass", "ENTRY", "Print the machine code of a kernel instead (needs nvdisasm).");
        Option<bool> json = Options.Json();
        var command = new Command(
            Name,
            "Compiles the kernels with NVRTC, which needs no GPU, and lists what each takes: registers of a thread, "
            + "bytes spilled for want of registers, stack (local arrays), shared memory of a block, and the formulas "
            + "of bytes moved and operations done that its file states.")
        {
            architecture, directory, build, ptx, sass, json,
        };
        command.SetAction(parsed =>
        {
            KernelCatalog catalog = Devices.Kernels(parsed.GetValue(directory), saysWhatIsMissing: false);
            string target = Target(parsed.GetValue(architecture));
            KernelBuild? only = Build(parsed.GetValue(build));
            if ((parsed.GetValue(ptx) ?? parsed.GetValue(sass)) is { } entry)
            {
                return parsed.GetValue(ptx) is not null && parsed.GetValue(sass) is not null
                    ? throw new UsageException(
                        $"--ptx is there and so is --sass {parsed.GetValue(sass)}; expected one of the two; "
                        + "run the program twice")
                    : PrintCode(output, Module(catalog, entry, only), target, entry, parsed.GetValue(sass) is not null);
            }

            KernelModule[] modules = [.. catalog.Modules.Where(module =>
                (only is null || module.Build == only) && IsOfFolder(module.File, catalog.Sources))];
            KernelsReport report = Run(modules, catalog, target, Progress(parsed.InvocationConfiguration.Error));
            if (parsed.GetValue(json))
            {
                JsonOutput.Write(output, report);
            }
            else
            {
                Print(output, report);
            }

            return report.Errors.Count == 0
                ? CommandLine.Success
                : throw new GpuException(
                    $"{report.Errors.Count} of {modules.Length} compilations failed; expected all to pass; "
                    + $"the first: {report.Errors[0].Location}: {report.Errors[0].Text}");
        });
        return command;
    }

    // A folder may hold the edited files alone, a header among them: what it has no part in is not asked about.
    private static bool IsOfFolder(KernelFile file, KernelSources sources) =>
        file.Includes.Keys.Append(file.Name).Any(name => !sources.Added.Contains(name));

    private static Option<string?> Text(string name, string helpName, string description) =>
        new(name) { Description = description, HelpName = helpName };

    private static string Target(string? named)
    {
        if (named != Native)
        {
            return named ?? DefaultArchitecture;
        }

        using var driver = new CudaDriver();
        return new KernelCompiler(cache: null).TargetFor(driver.Properties.ComputeCapability);
    }

    private static KernelBuild? Build(string? name)
    {
        try
        {
            return name is null ? null : KernelBuilds.Parse(name);
        }
        catch (FormatException error)
        {
            throw new UsageException($"--build: {error.Message.TrimEnd('.')}");
        }
    }

    private static KernelModule Module(KernelCatalog catalog, string entry, KernelBuild? build)
    {
        KernelFile? file = catalog.Files.FirstOrDefault(file => file.Entries.Any(known => known.Name == entry));
        if (file is null)
        {
            string[] similar = [.. catalog.Files.SelectMany(known => known.Entries).Select(known => known.Name)
                .Where(name => name.Contains(entry, StringComparison.OrdinalIgnoreCase)).Take(5)];
            string expected = similar.Length > 0 ? string.Join(", ", similar) : "the name of one";
            throw new UsageException($"'{entry}' is no kernel; expected {expected}; cudavit kernels lists all");
        }

        return build is null || file.Builds.Contains(build.Value)
            ? new KernelModule(file, build ?? file.Builds[0])
            : throw new UsageException(
                $"--build is '{build}', but {file.Name} has no such build; expected one of "
                + string.Join(", ", file.Builds).ToLowerInvariant());
    }

    private static int PrintCode(
        TextWriter output, KernelModule module, string architecture, string entry, bool isMachineCode)
    {
        var compiler = new KernelCompiler(new KernelCache());
        if (isMachineCode)
        {
            Disassembler disassembler = Disassembler.Find(out _) ?? throw new GpuException(
                "--sass needs the disassembler nvdisasm, which was not found; expected it on PATH or in a CUDA "
                + "toolkit; cudavit doctor lists where it was looked for");
            output.Write(disassembler.Disassemble(compiler.Build(module, architecture), entry));
        }
        else
        {
            CompiledKernels compiled = compiler.Build(
                module, architecture.Replace(RealPrefix, "compute_", StringComparison.Ordinal));
            output.Write(PtxText.Of(Encoding.UTF8.GetString(compiled.Image).TrimEnd('\0'), entry));
        }

        return CommandLine.Success;
    }

    private static KernelsReport Run(
        KernelModule[] modules, KernelCatalog catalog, string architecture, Action<int, int> progress)
    {
        var compiler = new KernelCompiler(new KernelCache());
        var compiled = new CompiledKernels?[modules.Length];
        var failed = new KernelCompilationException?[modules.Length];
        int done = 0;
        try
        {
            Parallel.For(0, modules.Length, i =>
            {
                try
                {
                    compiled[i] = compiler.Build(modules[i], architecture);
                }
                catch (KernelCompilationException error)
                {
                    failed[i] = error;
                }

                progress(Interlocked.Increment(ref done), modules.Length);
            });
        }
        catch (AggregateException error) when (error.InnerException is GpuException first)
        {
            throw new GpuException(first.Message, error); // an architecture that NVRTC does not know, for example
        }

        return new KernelsReport(
            architecture,
            compiler.Version.ToString(),
            catalog.Sources.Origin,
            [.. compiled.OfType<CompiledKernels>().SelectMany(Rows)],
            [.. failed.OfType<KernelCompilationException>().Select(Failure)]);
    }

    private static IEnumerable<KernelRow> Rows(CompiledKernels compiled) =>
        from entry in compiled.Module.File.Entries
        join taken in compiled.Resources on entry.Name equals taken.Entry
        select new KernelRow(
            entry.Name,
            compiled.Module.File.Name,
            entry.Line,
            compiled.Module.Build,
            taken.Registers,
            taken.SpillStoreBytes,
            taken.SpillLoadBytes,
            taken.StackBytes,
            taken.SharedBytes,
            entry.Cost?.Bytes.ToString(),
            entry.Cost?.Operations.ToString());

    private static KernelError Failure(KernelCompilationException error)
    {
        KernelModule module = error.Module!;
        KernelDiagnostic first = error.Errors.Count > 0
            ? error.Errors[0]
            : new KernelDiagnostic(Path.Combine(module.File.Folder, module.File.Name), 1, error.Summary!);
        return new KernelError(
            module.File.Name, module.Build, $"{first.File}:{first.Line}", first.Text, error.Message);
    }

    // Only where someone looks: a line that is written over and gone at the end.
    private static Action<int, int> Progress(TextWriter error)
    {
        if (error != Console.Error || Console.IsErrorRedirected)
        {
            return (_, _) => { };
        }

        var gate = new Lock();
        return (done, all) =>
        {
            lock (gate)
            {
                string text = RunText.Text($"compiling {done} of {all}");
                error.Write(done == all ? $"\r{new string(' ', text.Length)}\r" : $"\r{text}");
            }
        };
    }

    private static void Print(TextWriter output, KernelsReport report)
    {
        output.WriteLine($"{report.Architecture}, NVRTC {report.Nvrtc}, kernels: {report.Kernels}");
        int width = report.Entries.Select(row => row.Entry.Length).Append(5).Max();
        output.WriteLine(
            $"{"entry".PadRight(width)}  build   registers   spill   stack  shared   bytes moved; operations");
        foreach (IGrouping<string, KernelRow> kernel in report.Entries.GroupBy(row => row.Entry))
        {
            foreach ((int i, KernelRow row) in kernel.Index())
            {
                string name = (i == 0 ? row.Entry : "").PadRight(width);
                string build = row.Build.ToString().ToLowerInvariant();
                string cost = i == 0 && row.Bytes is not null ? $"   {row.Bytes}; {row.Operations}" : "";
                string taken = RunText.Text(
                    $"{row.Registers,9}  {row.SpillBytes,6}  {row.StackBytes,6}  {row.SharedBytes,6}");
                output.WriteLine($"{name}  {build,-6}  {taken}{cost}");
            }
        }

        foreach (KernelError error in report.Errors)
        {
            output.WriteLine($"{error.Location}: {error.Text} ({error.Build.ToString().ToLowerInvariant()})");
        }
    }

    /// <summary>What <c>--json</c> prints.</summary>
    private sealed record KernelsReport(
        string Architecture,
        string Nvrtc,
        string Kernels,
        IReadOnlyList<KernelRow> Entries,
        IReadOnlyList<KernelError> Errors);

    /// <summary>A kernel in one build.</summary>
    private sealed record KernelRow(
        string Entry,
        string File,
        int Line,
        KernelBuild Build,
        int Registers,
        int SpillStoreBytes,
        int SpillLoadBytes,
        int StackBytes,
        int SharedBytes,
        string? Bytes,
        string? Operations)
    {
        public int SpillBytes => SpillStoreBytes + SpillLoadBytes;
    }

    /// <summary>A file that does not compile.</summary>
    private sealed record KernelError(string File, KernelBuild Build, string Location, string Text, string Log);
}
