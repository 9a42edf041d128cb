using System.Reflection;
using CudaViT.TestKit;

namespace CudaViT.Tests;

/// <summary>
/// Says in the test results what this machine could not test. Compiled into every project that has such rows.
/// </summary>
public sealed class BackendRowsTests
{
    [SkippableFact]
    public void Cases_on_the_emulator_ran() =>
        Backends.RequireRows(Backends.Emulator, "CUDAVIT_REQUIRE_EMULATOR", Assembly.GetExecutingAssembly());

    [SkippableFact]
    public void Cases_on_a_gpu_ran() =>
        Backends.RequireRows(Backends.Cuda, "CUDAVIT_REQUIRE_GPU", Assembly.GetExecutingAssembly());
}
