using System.Reflection;
using CudaViT.Cuda;

namespace CudaViT.Backend.Tests.Cuda;

public sealed class CudaDriverTests
{
    [SkippableFact]
    public void Without_a_driver_the_error_is_one_line_that_says_so()
    {
        FoundLibrary driver = CudaLibraries.Probe(CudaLibrary.Driver);
        Skip.If(driver.IsFound, "this machine has a driver");

        var error = Assert.Throws<GpuException>(() => new CudaDriver());

        Assert.StartsWith(driver.Problem!, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
        Assert.Contains("libcuda.so.1", error.Message, StringComparison.Ordinal);
    }

    // With a pool of memory on the device, and without.
    [SkippableTheory, InlineData("1"), InlineData("0")]
    public void The_driver_keeps_its_promises_on_libraries_that_stand_in(string pools)
    {
        if (StandIns.AreLoaded)
        {
            RunScenarios();
        }
        else
        {
            RunOnStandIns(
                $"{nameof(The_driver_keeps_its_promises_on_libraries_that_stand_in)}(pools: \"{pools}\"",
                ("STAND_IN_POOLS", pools));
        }
    }

    [SkippableTheory, InlineData(false), InlineData(true)]
    public void After_a_fault_every_call_says_the_same_and_the_process_ends(bool synchronous)
    {
        if (StandIns.AreLoaded)
        {
            CudaDriverScenarios.A_fault(synchronous);
        }
        else
        {
            RunOnStandIns(
                $"{nameof(After_a_fault_every_call_says_the_same_and_the_process_ends)}(synchronous: {synchronous})");
        }
    }

    [SkippableTheory]
    [InlineData("STAND_IN_VERSION", "11080",
        "cuda: the driver is made for CUDA 11.8, but CUDA 12.0 or newer is needed.")]
    [InlineData("STAND_IN_DEVICES", "0", "cuda: cuInit failed: CUDA_ERROR_NO_DEVICE (100). No NVIDIA GPU is visible")]
    [InlineData(
        "STAND_IN_CAPABILITY", "75",
        "cuda: device 0 (Stand-in 0) has compute capability 7.5, but 8.0 or newer is needed")]
    public void A_machine_that_will_not_do_is_told_in_one_line(string variable, string value, string expected)
    {
        if (StandIns.AreLoaded)
        {
            var error = Assert.Throws<GpuException>(() => new CudaDriver());
            Assert.StartsWith(expected, error.Message, StringComparison.Ordinal);
            Assert.DoesNotContain('\n', error.Message);
        }
        else
        {
            RunOnStandIns(
                $"{nameof(A_machine_that_will_not_do_is_told_in_one_line)}(variable: \"{variable}\"",
                (variable, value));
        }
    }

    // The library is optional, and one of its name may come without the functions.
    [SkippableTheory, InlineData(false), InlineData(true)]
    public void Ranges_reach_a_profiler_if_its_library_takes_them(bool whole)
    {
        if (StandIns.AreLoaded)
        {
            CudaDriverScenarios.Ranges(whole);
        }
        else
        {
            StandIns libraries = StandIns.Get();
            RunOnStandIns(
                $"{nameof(Ranges_reach_a_profiler_if_its_library_takes_them)}(whole: {whole})",
                ("CUDAVIT_CUDA_LIB", whole ? libraries.FoldersWithNvtx : libraries.Folders));
        }
    }

    // The one that stands in lies where the system's loader does not look, and the other needs it.
    [SkippableFact]
    public void What_cuBLASLt_needs_of_NVRTC_is_loaded_before_it()
    {
        if (StandIns.AreLoaded)
        {
            Assert.Null(CudaLibraries.Probe(CudaLibrary.CublasLt).Problem);
        }
        else
        {
            // Without a device, so that nothing has asked for NVRTC before.
            RunOnStandIns(nameof(What_cuBLASLt_needs_of_NVRTC_is_loaded_before_it), ("STAND_IN_DEVICES", "0"));
        }
    }

    private static void RunOnStandIns(string test, params (string Name, string Value)[] settings)
    {
        (int status, string output) = StandIns.Get().Run(test, settings);
        Assert.True(status == 0, output);
    }

    private static void RunScenarios()
    {
        MethodInfo[] scenarios = typeof(CudaDriverScenarios).GetMethods(BindingFlags.Public | BindingFlags.Static);
        var failures = new List<string>();
        foreach (MethodInfo scenario in scenarios)
        {
            try
            {
                scenario.CreateDelegate<Action>()();
            }
            catch (Exception error)
            {
                failures.Add($"{scenario.Name}: {error}"); // those after a fault fail with it
            }
        }

        Assert.True(failures.Count == 0, string.Join('\n', failures));
    }
}
