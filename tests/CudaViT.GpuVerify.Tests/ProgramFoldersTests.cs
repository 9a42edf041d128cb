namespace CudaViT.GpuVerify.Tests;

public sealed class ProgramFoldersTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("gpu-verify-tests-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    // (where this program is, where the other is, the folder it is run in): all published into one folder; each into
    // one of its own; the first kind carried beside one of the second; below the folder that it is run in, and in it.
    [Theory]
    [InlineData("a", "a", "elsewhere")]
    [InlineData("programs/Own", "programs/cudavit", "elsewhere")]
    [InlineData("programs/Own", "programs/artifacts/gpu-verify", "elsewhere")]
    [InlineData("a", "repository/artifacts/gpu-verify", "repository")]
    [InlineData("a", "run", "run")]
    [InlineData("a", "run/cudavit", "run")]
    public void Programs_are_found_wherever_they_were_unpacked(string own, string other, string current)
    {
        string expected = Publish(other, "cudavit");
        Directory.CreateDirectory(At(own));
        Directory.CreateDirectory(At(current));

        var programs = ProgramFolders.For(null, At(own) + Path.DirectorySeparatorChar, At(current));

        Assert.Equal(expected, programs.Find("cudavit"));
        Assert.Null(programs.Problem(["cudavit"]));
    }

    [Fact]
    public void A_folder_that_is_named_is_the_only_one()
    {
        Publish("own", "cudavit");
        string named = Publish("named/deeper", "CudaViT.X.Tests");

        var programs = ProgramFolders.For(Path.Combine("named", "deeper"), At("own"), _folder);

        Assert.Equal(named, programs.Find("CudaViT.X.Tests"));
        Assert.Equal(
            $"cudavit, other not found in {At("named/deeper")}; publish with tools/gpu-verify --publish-only where "
                + "there is a .NET SDK, carry artifacts/gpu-verify here, and name it with --programs",
            programs.Problem(["cudavit", "CudaViT.X.Tests", "other"]));
    }

    // A library that another program refers to has no settings for the host.
    [Fact]
    public void A_library_is_no_program()
    {
        File.Delete(Path.ChangeExtension(Publish("own", "cudavit"), ".runtimeconfig.json"));

        Assert.Null(ProgramFolders.For(null, At("own"), _folder).Find("cudavit"));
    }

    [Theory]
    [InlineData("repository", "repository/artifacts/gpu-verify", "repository")] // the checkout that it is run in
    [InlineData("programs", "programs/CudaViT.GpuVerify", "elsewhere")] // carried beside the programs
    [InlineData("a", "a", "elsewhere")] // published with them
    public void Recorded_results_are_found_in_or_above(string holder, string own, string current)
    {
        string expected = Directory.CreateDirectory(At($"{holder}/tests/fixtures")).FullName;
        Directory.CreateDirectory(At(current));

        Assert.Equal(expected, ProgramFolders.For(null, At(own), At(current)).Fixtures());
    }

    private string At(string path) => Path.Combine([_folder, .. path.Split('/')]);

    private string Publish(string folder, string program)
    {
        string path = Path.Combine(Directory.CreateDirectory(At(folder)).FullName, program + ".dll");
        File.WriteAllText(path, "");
        File.WriteAllText(Path.ChangeExtension(path, ".runtimeconfig.json"), "{}");
        return path;
    }
}
