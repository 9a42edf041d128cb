using CudaViT.Cuda;

namespace CudaViT.Backend.Tests.Cuda;

/// <summary>The order of the search, on machines that are made up.</summary>
public sealed class LibrarySearchTests
{
    private static readonly Version Cuda12 = new(12, 4);
    private static readonly Version Cuda13 = new(13, 0);

    // The places of one Linux machine that has everything, from the first to the last.
    private static readonly string[] OnLinux =
    [
        "/own/libnvrtc.so.12",
        "/opt/cudavit/libnvrtc.so.12",
        "/cuda/path/lib64/libnvrtc.so.12",
        "/cuda/path/targets/x86_64-linux/lib/libnvrtc.so.12",
        "/cuda/path/lib/libnvrtc.so.12",
        "/cuda/home/lib64/libnvrtc.so.12",
        "/usr/local/cuda/lib64/libnvrtc.so.12",
        "/usr/local/cuda-13.1/lib64/libnvrtc.so.13",
        "/usr/local/cuda-13/lib64/libnvrtc.so.13",
        "/usr/local/cuda-12.10/lib64/libnvrtc.so.12", // ten is more than nine
        "/usr/local/cuda-12.9/lib64/libnvrtc.so.12",
        "/opt/cuda/lib64/libnvrtc.so.12",
        "/conda/lib/libnvrtc.so.12",
        "/conda/targets/x86_64-linux/lib/libnvrtc.so.12",
        "/venv/lib/python3.12/site-packages/nvidia/cu13/lib/libnvrtc.so.13",
        "/venv/lib/python3.12/site-packages/nvidia/cuda_nvrtc/lib/libnvrtc.so.12",
        "/venv/lib/python3.9/site-packages/nvidia/cuda_nvrtc/lib/libnvrtc.so.12",
        "/conda/lib/python3.11/site-packages/nvidia/cuda_nvrtc/lib/libnvrtc.so.12",
        "/pyenv/lib/python3.11/site-packages/nvidia/cuda_nvrtc/lib/libnvrtc.so.12",
        "/home/u/.local/lib/python3.11/site-packages/nvidia/cuda_nvrtc/lib/libnvrtc.so.12",
        "/usr/local/lib/python3.11/dist-packages/nvidia/cuda_nvrtc/lib/libnvrtc.so.12",
        "/usr/lib/python3/dist-packages/nvidia/cuda_nvrtc/lib/libnvrtc.so.12",
    ];

    private static readonly string[] OnWindows =
    [
        @"D:\own\nvrtc64_130_0.dll",
        @"C:\cudavit\nvrtc64_120_0.dll",
        @"C:\CUDA\v13.0\bin\x64\nvrtc64_130_0.dll",
        @"C:\CUDA\v13.0\bin\nvrtc64_120_0.dll",
        @"C:\CUDA\v12.9\bin\nvrtc64_120_0.dll",
        @"C:\CUDA\v12.1\bin\nvrtc64_120_0.dll",
        @"C:\conda\Library\bin\nvrtc64_120_0.dll",
        @"C:\conda\Library\bin\x64\nvrtc64_130_0.dll",
        @"C:\venv\Lib\site-packages\nvidia\cu13\bin\x86_64\nvrtc64_130_0.dll",
        @"C:\venv\Lib\site-packages\nvidia\cuda_nvrtc\bin\nvrtc64_120_0.dll",
        @"C:\conda\Lib\site-packages\nvidia\cuda_nvrtc\bin\nvrtc64_120_0.dll",
        @"C:\first\Lib\site-packages\nvidia\cuda_nvrtc\bin\nvrtc64_120_0.dll",
        @"C:\Users\u\AppData\Roaming\Python\Python312\site-packages\nvidia\cuda_nvrtc\bin\nvrtc64_120_0.dll",
        @"C:\Users\u\AppData\Local\Programs\Python\Python312\Lib\site-packages\nvidia\cuda_nvrtc\bin\nvrtc64_120_0.dll",
    ];

    [Fact]
    public void Places_are_searched_in_the_documented_order_on_Linux()
    {
        for (int first = 0; first < OnLinux.Length; first++)
        {
            (FoundLibrary found, nint handle) = LibrarySearch.Find(CudaLibrary.Nvrtc, Cuda13, Linux(OnLinux[first..]));
            Assert.Equal(OnLinux[first], found.Path);
            Assert.NotEqual(0, handle);
        }
    }

    [Fact]
    public void Places_are_searched_in_the_documented_order_on_Windows()
    {
        for (int first = 0; first < OnWindows.Length; first++)
        {
            (FoundLibrary found, _) = LibrarySearch.Find(CudaLibrary.Nvrtc, Cuda13, Windows(OnWindows[first..]));
            Assert.Equal(OnWindows[first], found.Path);
        }
    }

    // The loader comes after what the user names and before what is merely installed.
    [Fact]
    public void The_loader_is_asked_by_versioned_names()
    {
        const string AfterLoader = "/usr/local/cuda";
        MadeUpMachine machine = Linux(
            [.. OnLinux.SkipWhile(path => !path.StartsWith(AfterLoader, StringComparison.Ordinal))]);
        machine.LoaderKnows.UnionWith(["libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so"]);
        Assert.Equal("/loader/libnvrtc.so.13", LibrarySearch.Find(CudaLibrary.Nvrtc, Cuda13, machine).Found.Path);
        Assert.Equal("/loader/libnvrtc.so.12", LibrarySearch.Find(CudaLibrary.Nvrtc, Cuda12, machine).Found.Path);

        MadeUpMachine named = Linux(OnLinux[2..]);
        named.LoaderKnows.Add("libnvrtc.so.13");
        Assert.Equal(OnLinux[2], LibrarySearch.Find(CudaLibrary.Nvrtc, Cuda13, named).Found.Path);

        MadeUpMachine windows = Windows();
        windows.LoaderKnows.UnionWith(["cublasLt64_12.dll", "cublasLt64_13.dll"]);
        Assert.Equal("/loader/cublasLt64_12.dll", LibrarySearch.Find(CudaLibrary.CublasLt, Cuda12, windows).Found.Path);
    }

    [Fact]
    public void Within_a_place_the_newest_comes_first_but_none_newer_than_the_driver()
    {
        string[] both = ["/own/libcublasLt.so.12", "/own/libcublasLt.so.13"];
        Assert.Equal(both[1], LibrarySearch.Find(CudaLibrary.CublasLt, driver: null, Linux(both)).Found.Path);
        Assert.Equal(both[1], LibrarySearch.Find(CudaLibrary.CublasLt, Cuda13, Linux(both)).Found.Path);
        Assert.Equal(both[0], LibrarySearch.Find(CudaLibrary.CublasLt, Cuda12, Linux(both)).Found.Path);
    }

    [Fact]
    public void A_driver_older_than_the_toolkit_is_said_to_be()
    {
        (FoundLibrary found, nint handle) = LibrarySearch.Find(
            CudaLibrary.Nvrtc, Cuda12, Linux("/usr/local/cuda-13.0/lib64/libnvrtc.so.13"));
        Assert.Equal((false, 0), (found.IsFound, handle));
        Assert.Contains("newer CUDA than the driver supports (12.4)", found.Problem, StringComparison.Ordinal);
        Assert.Contains("/usr/local/cuda-13.0/lib64/libnvrtc.so.13", found.Problem, StringComparison.Ordinal);
    }

    // NVRTC opens its builtins by bare name, which works only if they are loaded already: its own, none of another
    // major.
    [Fact]
    public void Builtins_are_loaded_before_NVRTC()
    {
        MadeUpMachine machine = Linux(
            "/own/libnvrtc.so.12", "/own/libnvrtc-builtins.so.12.4", "/own/libnvrtc-builtins.so.13.0",
            "/own/libx.so.12.1");
        LibrarySearch.Find(CudaLibrary.Nvrtc, Cuda12, machine);
        Assert.Equal(["/own/libnvrtc-builtins.so.12.4", "/own/libnvrtc.so.12"], machine.Loaded);

        MadeUpMachine windows = Windows(@"D:\own\nvrtc64_130_0.dll", @"D:\own\nvrtc-builtins64_130.dll");
        LibrarySearch.Find(CudaLibrary.Nvrtc, Cuda13, windows);
        Assert.Equal([@"D:\own\nvrtc-builtins64_130.dll", @"D:\own\nvrtc64_130_0.dll"], windows.Loaded);
    }

    [Fact]
    public void A_file_that_cannot_be_loaded_is_passed_over_and_named()
    {
        MadeUpMachine machine = Linux("/own/libcublasLt.so.12", "/cuda/home/lib64/libcublasLt.so.12");
        machine.Broken.Add("/own/libcublasLt.so.12");
        (FoundLibrary found, _) = LibrarySearch.Find(CudaLibrary.CublasLt, Cuda12, machine);
        Assert.Equal("/cuda/home/lib64/libcublasLt.so.12", found.Path);
        Assert.Contains(
            found.Tried, line => line.Contains("/own/libcublasLt.so.12 cannot be loaded", StringComparison.Ordinal));
    }

    [Fact]
    public void The_setting_takes_several_folders_and_a_file()
    {
        MadeUpMachine machine = Linux("/second/libnvrtc.so.12", "/third/libnvrtc.so.12")
            .With("CUDAVIT_CUDA_LIB", "/first:/second");
        Assert.Equal("/second/libnvrtc.so.12", LibrarySearch.Find(CudaLibrary.Nvrtc, null, machine).Found.Path);
        machine.With("CUDAVIT_CUDA_LIB", "/third/libnvrtc.so.12");
        Assert.Equal("/third/libnvrtc.so.12", LibrarySearch.Find(CudaLibrary.Nvrtc, null, machine).Found.Path);
    }

    [Theory]
    [InlineData(false, "libcuda.so.1")]
    [InlineData(true, "nvcuda.dll")]
    public void The_driver_comes_from_the_system(bool isWindows, string name)
    {
        MadeUpMachine machine = isWindows ? Windows(@"D:\own\nvcuda.dll") : Linux("/own/libcuda.so.1");

        // The setting is for toolkits.
        Assert.False(LibrarySearch.Find(CudaLibrary.Driver, null, machine).Found.IsFound);
        machine.LoaderKnows.Add(name);
        Assert.Equal($"/loader/{name}", LibrarySearch.Find(CudaLibrary.Driver, null, machine).Found.Path);
    }

    [Theory]
    [InlineData("/usr/lib/wsl/lib/libcuda.so.1")]
    [InlineData("/usr/local/nvidia/lib64/libcuda.so.1")]
    public void The_driver_of_WSL_and_of_containers_is_found(string path) =>
        Assert.Equal(path, LibrarySearch.Find(CudaLibrary.Driver, null, Linux(path)).Found.Path);

    [Theory]
    [InlineData("libnvToolsExt.so.1")] // up to CUDA 12.8
    [InlineData("libnvtx3interop.so.1")]
    public void NVTX_is_found_under_both_names(string name)
    {
        string path = $"/cuda/home/lib64/{name}";
        Assert.Equal(path, LibrarySearch.Find(CudaLibrary.Nvtx, Cuda13, Linux(path)).Found.Path);
    }

    [Theory]
    [InlineData(CudaLibrary.Driver, "install the vendor's driver")]
    [InlineData(CudaLibrary.Nvrtc, "CUDAVIT_CUDA_LIB")]
    [InlineData(CudaLibrary.CublasLt, "CUDAVIT_CUDA_LIB")]
    [InlineData(CudaLibrary.Nvtx, "install a CUDA toolkit")]
    public void On_a_machine_with_nothing_the_answer_says_what_to_do(CudaLibrary library, string advice)
    {
        foreach (MadeUpMachine machine in new[] { new MadeUpMachine(), new MadeUpMachine { IsWindows = true } })
        {
            (FoundLibrary found, nint handle) = LibrarySearch.Find(library, null, machine);
            Assert.Equal((false, 0, null), (found.IsFound, handle, found.Path));
            Assert.Contains(advice, found.Problem, StringComparison.Ordinal);
            Assert.DoesNotContain('\n', found.Problem!);
            Assert.NotEmpty(found.Tried);
        }
    }

    // On this machine, whatever it has: no exception, and an answer of one kind or the other.
    [Theory]
    [InlineData(CudaLibrary.Driver)]
    [InlineData(CudaLibrary.Nvrtc)]
    [InlineData(CudaLibrary.CublasLt)]
    [InlineData(CudaLibrary.Nvtx)]
    public void Probing_never_throws_and_loading_says_why(CudaLibrary library)
    {
        FoundLibrary found = CudaLibraries.Probe(library);
        if (found.IsFound)
        {
            Assert.NotEqual(0, CudaLibraries.Load(library));
            Assert.NotNull(found.Path);
        }
        else
        {
            var error = Assert.Throws<GpuException>(() => CudaLibraries.Load(library));
            Assert.StartsWith(found.Problem!, error.Message, StringComparison.Ordinal);
            Assert.DoesNotContain('\n', error.Message);
            Assert.Contains("the system's loader", error.Message, StringComparison.Ordinal);
        }
    }

    private static MadeUpMachine Linux(params string[] files) => new MadeUpMachine()
        .With("CUDAVIT_CUDA_LIB", "/own").With("CUDA_PATH", "/cuda/path").With("CUDA_HOME", "/cuda/home")
        .With("CONDA_PREFIX", "/conda").With("VIRTUAL_ENV", "/venv").With("HOME", "/home/u")
        .With("PATH", "/sbin:/pyenv/bin:/usr/bin")
        .WithFiles("/pyenv/bin/python3", "/usr/bin/python3", "/usr/local/cuda-11.8/lib64/libnvrtc.so.11.2")
        .WithFiles(files);

    private static MadeUpMachine Windows(params string[] files) =>
        new MadeUpMachine { IsWindows = true, ProgramFolder = @"C:\cudavit\" }
            .With("CUDAVIT_CUDA_LIB", @"D:\none;D:\own").With("CUDA_PATH", @"C:\CUDA\v13.0")
            .With("CUDA_PATH_V12_1", @"C:\CUDA\v12.1").With("CUDA_PATH_V12_9", @"C:\CUDA\v12.9")
            .With("CONDA_PREFIX", @"C:\conda").With("VIRTUAL_ENV", @"C:\venv")
            .With("PATH", @"C:\Windows;C:\first\Scripts")
            .With("APPDATA", @"C:\Users\u\AppData\Roaming").With("LOCALAPPDATA", @"C:\Users\u\AppData\Local")
            .WithFiles(@"C:\first\Scripts\python.exe")
            .WithFiles(files);
}
