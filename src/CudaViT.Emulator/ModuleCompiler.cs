using System.Text;
using CudaViT.Cuda;

namespace CudaViT.Emulator;

/// <summary>Compiles the runtime and kernel modules for the host.</summary>
internal sealed class ModuleCompiler(HostCompiler compiler, CompilationCache cache, bool isChecked)
{
    private const string Sanitizers =
        "-fsanitize=thread,alignment,shift,integer-divide-by-zero,signed-integer-overflow";

    // Optimization of the first level keeps the lines of messages right, and modules compile fastest with it. The
    // sanitizer for threads would also announce every function.
    private static readonly string[] ChecksOfGcc =
        ["-O1", Sanitizers, "-fsanitize=bounds,bounds-strict", "--param=tsan-instrument-func-entry-exit=0"];

    // Not all of clang's bounds: local-bounds stops the process instead of calling a function. A call that became a
    // jump would leave no place to name.
    private static readonly string[] ChecksOfClang =
    [
        "-O1", Sanitizers, "-fsanitize=array-bounds", "-fstrict-flex-arrays=1", "-fno-optimize-sibling-calls",
        "-mllvm", "-tsan-instrument-func-entry-exit=0",
    ];

    // The older form of line tables, because addr2line mistakes the files in clang's newer one.
    private static readonly string[] Common =
    [
        "-fPIC", "-shared", "-fvisibility=hidden", "-fno-exceptions", "-fno-rtti", "-fno-strict-aliasing",
        "-ffp-contract=fast", "-fno-math-errno", "-mavx2", "-mfma", "-g1", "-gdwarf-4", "-w",
    ];

    // Without the compiler's own choice of libraries the sanitizers' are left out, and their calls reach our runtime.
    private static readonly string[] ModuleLinking =
        ["-nodefaultlibs", "-Wl,-rpath,$ORIGIN", "-Wl,-z,defs", "-lm", "-lgcc", "-lc"];

    // Modules ask for the runtime by its name, and get the one that is loaded already, wherever it stands.
    private static readonly string[] RuntimeLinking = ["-ldl", "-lpthread", "-Wl,-soname,"];

    private static readonly string[] ShimFiles = ["cuda_shim.h", "interface.h", "ptx_host.h"];

    private readonly Lazy<string> _runtime = new(() => CompileRuntime(compiler, cache));

    /// <summary>Path of the compiled runtime.</summary>
    public string Runtime => _runtime.Value;

    /// <summary>Path of a compiled module.</summary>
    public string Compile(KernelModule module)
    {
        KernelFile file = module.File;
        string[] options = [.. Options(), .. module.Build.Macro() is { } macro ? (string[])[$"-D{macro}"] : []];
        var files = new Dictionary<string, string>(file.Includes, StringComparer.Ordinal)
        {
            [file.Name] = file.Text,
            ["emulator_module.cpp"] = ModuleText(file),
        };
        foreach (string shim in ShimFiles)
        {
            files.Add(shim, NativeSource(shim));
        }

        string runtime = Runtime;
        return cache.Get(
            $"{Path.GetFileNameWithoutExtension(file.Name)}-{module.Build.ToString().ToLowerInvariant()}",
            files,
            string.Join(' ', [compiler.Version, Path.GetFileName(runtime), .. options, .. ModuleLinking]),
            (directory, result) =>
            {
                (bool succeeded, string log) = compiler.Run(
                    directory,
                    [
                        .. options, $"-ffile-prefix-map={directory}=.", "-I.", "-o", result, "emulator_module.cpp",
                        runtime, .. ModuleLinking,
                    ]);
                if (!succeeded)
                {
                    throw new KernelCompilationException(
                        $"{module} does not compile for the emulator.\n"
                        + $"{compiler.Path} {string.Join(' ', options)}\n{log}");
                }
            });
    }

    private static string CompileRuntime(HostCompiler compiler, CompilationCache cache)
    {
        string[] options = ["-std=c++20", .. Common, "-O2"];
        Dictionary<string, string> files = Resources().ToDictionary(
            name => name, NativeSource, StringComparer.Ordinal);
        return cache.Get(
            "runtime",
            files,
            string.Join(' ', [compiler.Version, .. options, .. RuntimeLinking]),
            (directory, result) =>
            {
                string[] linking = [.. RuntimeLinking[..^1], RuntimeLinking[^1] + Path.GetFileName(result)];
                (bool succeeded, string log) = compiler.Run(
                    directory, [.. options, "-o", result, "runtime.cpp", .. linking]);
                if (!succeeded)
                {
                    throw new KernelCompilationException(
                        $"The emulator's runtime does not compile with {compiler.Version}.\n{log}");
                }
            });
    }

    private static string ModuleText(KernelFile file)
    {
        var text = new StringBuilder();
        text.Append("#include \"cuda_shim.h\"\n#include \"").Append(file.Name).Append("\"\n");
        text.Append("EMULATOR_EXPORT const EmulatorKernel emulator_kernels[] = {");
        foreach (KernelEntry entry in file.Entries)
        {
            text.Append("EMULATOR_KERNEL(").Append(entry.Name).Append("), ");
        }

        return text.Append("{}};\n").ToString();
    }

    private static IEnumerable<string> Resources() =>
        typeof(ModuleCompiler).Assembly.GetManifestResourceNames().Select(name => name["native/".Length..]);

    private static string NativeSource(string name)
    {
        using Stream stream = typeof(ModuleCompiler).Assembly.GetManifestResourceStream($"native/{name}")!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    private string[] Options() =>
    [
        "-std=c++17", .. Common,
        .. compiler.IsClang ? (string[])[] : ["-fno-gnu-unique"], // else modules would share the templates' statics
        .. !isChecked ? ["-O2"] : compiler.IsClang ? ChecksOfClang : ChecksOfGcc,
    ];
}
