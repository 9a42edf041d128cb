using System.Collections.Concurrent;
using CudaViT.Cuda;

namespace CudaViT.Backend.Tests.Cuda;

/// <summary>
/// Every kernel in every build, compiled for what the program runs on: it compiles, without spills or a stack that
/// <c>kernels/limits.json</c> does not explain, and a block of it fits a multiprocessor.
/// </summary>
public sealed class KernelResourceTests : IDisposable
{
    private const string Newest = "newest";

    private static readonly Lazy<KernelCatalog> Catalog = new(() => new KernelCatalog(KernelSources.BuiltIn()));
    private static readonly KernelResources Modest = new("scale", 32, 0, 0, 0, 0, 0);

    private readonly MadeUpKernels _kernels = new();

    /// <summary>Ampere, Ada, Hopper, and whatever else the compiler at hand can do.</summary>
    public static TheoryData<string> Architectures => ["sm_80", "sm_89", "sm_90a", Newest];

    public void Dispose() => _kernels.Dispose();

    [SkippableTheory, MemberData(nameof(Architectures))]
    public void Every_kernel_keeps_to_its_limits(string architecture)
    {
        KernelCompiler compiler = NvrtcAtHand.Compiler(new KernelCache());
        KernelLimits limits = KernelLimits.Read(Table(), Catalog.Value);
        string target = architecture == Newest ? compiler.NewestArchitecture : architecture;
        var wrong = new ConcurrentBag<string>();
        Parallel.ForEach(Catalog.Value.Modules, new ParallelOptions { MaxDegreeOfParallelism = 2 }, module =>
        {
            try
            {
                CompiledKernels compiled = compiler.Build(module, target);
                Assert.Equal(
                    module.File.Entries.Select(entry => entry.Name).Order(StringComparer.Ordinal),
                    compiled.Resources.Select(kernel => kernel.Entry).Order(StringComparer.Ordinal));
                foreach (string violation in limits.Violations(compiled))
                {
                    wrong.Add(violation);
                }
            }
            catch (KernelCompilationException error)
            {
                wrong.Add(error.Message);
            }
        });
        Assert.True(wrong.IsEmpty, string.Join('\n', wrong.Order(StringComparer.Ordinal)));
    }

    [Theory]
    [InlineData(8, 0, 0, 32, 0, "spills 8 bytes")]
    [InlineData(0, 8, 0, 32, 0, "spills 8 bytes")]
    [InlineData(0, 0, 16, 32, 0, "stack of 16 bytes")]
    [InlineData(0, 0, 0, 72, 0, "72 registers in 1024 threads")]
    [InlineData(0, 0, 0, 65, 0, "65 registers in 1024 threads")] // given out in steps of 8
    [InlineData(0, 0, 0, 32, 49153, "49153 bytes of static shared memory")]
    public void What_exceeds_a_limit_is_named(
        int stores, int loads, int stack, int registers, int shared, string says)
    {
        KernelResources kernel = Modest with
        {
            SpillStoreBytes = stores,
            SpillLoadBytes = loads,
            StackBytes = stack,
            Registers = registers,
            SharedBytes = shared,
        };
        string violation = Assert.Single(Limits("[]").Violations(_kernels.Module(), "sm_80", kernel));
        Assert.StartsWith("scale of scale.cu (f32) for sm_80 ", violation, StringComparison.Ordinal);
        Assert.Contains(says, violation, StringComparison.Ordinal);
    }

    [Fact]
    public void What_the_table_allows_is_allowed_and_no_more()
    {
        const string Table = """
            [{
              "entry": "scale", "build": "f32", "architecture": "sm_80",
              "spillBytes": 8, "stackBytes": 16, "reason": "a test"
            }]
            """;
        var kernel = new KernelResources("scale", 64, 4, 4, 16, 49152, 0);
        Assert.Empty(Limits(Table).Violations(_kernels.Module(), "sm_80", kernel));
        Assert.NotEmpty(Limits(Table).Violations(_kernels.Module(), "sm_80", kernel with { SpillLoadBytes = 8 }));
        Assert.NotEmpty(Limits(Table).Violations(_kernels.Module(), "sm_90a", kernel));
        Assert.NotEmpty(Limits(Table).Violations(_kernels.Module(build: KernelBuild.F64), "sm_80", kernel));
    }

    [Theory]
    [InlineData("""[{ "entry": "gone", "stackBytes": 8, "reason": "a test" }]""", "no such kernel")]
    [InlineData("""[{ "entry": "scale", "build": "u8", "stackBytes": 8, "reason": "a test" }]""", "no build u8")]
    [InlineData("""[{ "entry": "scale", "reason": "a test" }]""", "nothing is allowed")]
    [InlineData("""[{ "entry": "scale", "stackBytes": 8 }]""", "no reason")]
    public void A_table_that_makes_no_sense_is_refused(string table, string says) => Assert.Contains(
        says, Assert.Throws<FormatException>(() => Limits(table)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("// Launch   block (32, 4): one warp per row.\n", "", 128)]
    [InlineData("// Launch   a: block 256,\n//          b: block (16, 16, 2).\n// Cost     block 1024\n", "", 512)]
    [InlineData("// Launch   block 256\n", "__launch_bounds__(64)", 64)]
    [InlineData("// Launch   block 256\n", "__launch_bounds__(kThreads, 2)", 96)]
    [InlineData("", "", 1024)]
    public void The_block_size_stands_in_the_file(string header, string bounds, int expected)
    {
        _kernels.Write("scale.cu", $$"""
            // Builds   f32
            {{header}}constexpr int kThreads = 96;
            extern "C" __global__ void {{bounds}}
            scale(float* y) { *y = 1; }
            """);
        Assert.Equal(expected, BlockSize.Of(_kernels.Module().File, "scale"));
    }

    private static string Table()
    {
        using Stream stream = typeof(KernelResourceTests).Assembly.GetManifestResourceStream("limits.json")!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    private KernelLimits Limits(string table) => KernelLimits.Read(table, new KernelCatalog(_kernels.Sources));
}
