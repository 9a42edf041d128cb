using CudaViT.Cuda;

namespace CudaViT.Backend.Tests.Cuda;

public sealed class KernelCatalogTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("kernels-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Every_kernel_states_what_a_launch_moves_and_computes()
    {
        var catalog = new KernelCatalog(KernelSources.BuiltIn());
        Assert.NotEmpty(catalog.Files);
        Assert.All(catalog.Files.SelectMany(file => file.Entries), entry =>
        {
            Assert.True(entry.Cost is not null, $"{entry} has no cost in its file's header");
            (double bytes, double operations) = entry.Cost.Evaluate(KernelBuild.F32, _ => 64);
            Assert.True(bytes > 0 && operations >= 0, $"{entry}: {bytes} bytes, {operations} FLOPs");
        });
    }

    [Fact]
    public void Every_kernel_file_has_entries_and_builds()
    {
        foreach (KernelFile file in new KernelCatalog(KernelSources.BuiltIn()).Files)
        {
            Assert.NotEmpty(file.Entries);
            Assert.NotEmpty(file.Builds);
            Assert.Contains("common/scalar.cuh", file.Includes.Keys);
            Assert.DoesNotContain("#include <", file.Text);
        }
    }

    [Fact]
    public void A_file_is_read_with_its_builds_parameters_costs_and_includes()
    {
        Write("common/scalar.cuh", "#include \"common/deep.cuh\"\n");
        Write("common/deep.cuh", "typedef float acc_t;\n");
        Write("twice.cu", """
            // Twice: y = 2x
            // Builds   f64 bytes4
            // Cost     twice: 2*N*sizeof(scalar_t) bytes, N FLOPs
            #include "common/scalar.cuh"

            extern "C" __global__ void __launch_bounds__(128) twice(
                scalar_t* __restrict__ y, const scalar_t* __restrict__ x, // in and out
                acc_t factor, Strides strides, unsigned int flags, const index_t N)
            {
            }
            """);

        var catalog = new KernelCatalog(KernelSources.FromDirectory(_folder));
        (KernelFile file, KernelEntry entry) = catalog.Find("twice");

        Assert.Equal([KernelBuild.F64, KernelBuild.Bytes4], file.Builds);
        Assert.Equal(["common/deep.cuh", "common/scalar.cuh"], file.Includes.Keys);
        Assert.Equal(["y", "x", "factor", "strides", "flags", "N"], entry.Parameters.Select(p => p.Name));
        Assert.Equal(
            [
                KernelParameterKind.Pointer, KernelParameterKind.Pointer, KernelParameterKind.Scalar,
                KernelParameterKind.Structure, KernelParameterKind.Integer, KernelParameterKind.Integer,
            ],
            entry.Parameters.Select(p => p.Kind));
        Assert.Equal(6, entry.Line);
        Assert.Equal((1600.0, 100.0), entry.Cost!.Evaluate(KernelBuild.F64, _ => 100));
        Assert.Equal(2, catalog.Modules.Count());
    }

    [Theory]
    [InlineData("// nothing\n", "no line 'Builds'")]
    [InlineData("// Builds   f16\n", "'f16' is no build")]
    [InlineData("// Builds   f32\n//          other: N bytes, 1 FLOPs\n", "other")]
    [InlineData("// Builds   f32\n//          k: M bytes, 1 FLOPs\n", "M")]
    [InlineData("// Builds   f32\n//          k: (N bytes, 1 FLOPs\n", "ends too early")]
    public void A_header_in_another_form_is_refused_with_its_file(string header, string reason)
    {
        Write("k.cu", header + "extern \"C\" __global__ void k(float* x, int N) {}\n");
        var error = Assert.Throws<FormatException>(() => new KernelCatalog(KernelSources.FromDirectory(_folder)));
        Assert.Contains("k.cu", error.Message);
        Assert.Contains(reason, error.Message);
    }

    [Fact]
    public void Two_kernels_of_one_name_are_refused()
    {
        foreach (string file in (string[])["a.cu", "b.cu"])
        {
            Write(file, "// Builds   f32\nextern \"C\" __global__ void same(float* x) {}\n");
        }

        var error = Assert.Throws<FormatException>(() => new KernelCatalog(KernelSources.FromDirectory(_folder)));
        Assert.Contains("a.cu", error.Message);
        Assert.Contains("same", error.Message);
    }

    [Fact]
    public void A_folder_without_kernels_is_refused()
    {
        Assert.Throws<DirectoryNotFoundException>(() => KernelSources.FromDirectory(_folder));
        Assert.Throws<DirectoryNotFoundException>(() => KernelSources.FromDirectory(Path.Combine(_folder, "none")));
    }

    // An edited header alone changes the built-in kernels that include it; each file is said to be where it is.
    [Fact]
    public void Missing_files_are_taken_from_other_sources()
    {
        var builtIn = KernelSources.BuiltIn();
        Directory.CreateDirectory(Path.Combine(_folder, "common"));
        File.WriteAllText(Path.Combine(_folder, "common", "scalar.cuh"), "// edited\n");

        KernelSources sources = KernelSources.FromDirectory(_folder).WithMissingFrom(builtIn);
        var catalog = new KernelCatalog(sources);
        KernelFile file = catalog.Files.First(file => file.Includes.ContainsKey("common/scalar.cuh"));

        Assert.Equal(builtIn.Names, sources.Names);
        Assert.Equal(builtIn.Names.Where(name => name != "common/scalar.cuh"), sources.Added);
        Assert.Equal("// edited\n", file.Includes["common/scalar.cuh"]);
        Assert.Equal(_folder, file.FolderOf("common/scalar.cuh"));
        Assert.Equal("/cudavit/kernels", file.Folder);
        Assert.Equal("/cudavit/kernels", file.FolderOf(file.Name));
        Assert.NotEqual(
            KernelCache.Key(new KernelModule(file, file.Builds[0]), [], new Version(13, 0)),
            KernelCache.Key(
                new KernelModule(KernelFile.Read(file.Name, builtIn), file.Builds[0]), [], new Version(13, 0)));
    }

    [Theory]
    [InlineData("2*N*D*sizeof(scalar_t) + N*sizeof(acc_t)", 2 * 3 * 5 * 2 + (3 * 4))]
    [InlineData("(N + D) * 2", 16)]
    [InlineData("N - D - 1", -3)]
    [InlineData("D / 2 / 5", 0.5)]
    [InlineData("7", 7)]
    public void Formulas_follow_the_rules_of_arithmetic(string text, double expected)
    {
        var cost = new KernelCost(CostFormula.Parse(text), CostFormula.Parse("0"));
        Assert.Equal(expected, cost.Evaluate(KernelBuild.BF16, name => name == "N" ? 3 : 5).Bytes);
    }

    [Theory]
    [InlineData("")]
    [InlineData("N N")]
    [InlineData("N +")]
    [InlineData("N ^ 2")]
    [InlineData("sizeof N")]
    public void What_is_no_formula_is_refused(string text) =>
        Assert.Throws<FormatException>(() => CostFormula.Parse(text));

    private void Write(string name, string text)
    {
        string path = Path.Combine(_folder, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
    }
}
