using CudaViT.Emulator;
using CudaViT.Training.Tests.Support;

namespace CudaViT.Training.Tests.Cli;

public sealed class DeviceMemoryTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    // The parameters of the quick-start preset, base and momentum, take 6.1 MiB; then come two moments for each trained one.
    [SkippableFact]
    public void A_device_that_is_too_small_is_told_in_one_line_that_lists_the_holders()
    {
        Skip.If(EmulatorDriver.Unavailable is not null, EmulatorDriver.Unavailable);

        (int status, string error) = Train("8MiB");

        Assert.Equal(1, status);
        Assert.Matches(
            @"^cudavit: emulator: [\d.]+ KiB for optimizer state do not fit: 7\.\d MiB of 8\.0 MiB are in use "
            + @"\(parameters 6\.\d MiB, optimizer state 1\.\d MiB\)\. [^\n]* or raise CUDAVIT_MEMORY_LIMIT\.\s*$",
            error);
    }

    [SkippableFact]
    public void A_limit_that_is_no_size_is_told_in_one_line()
    {
        Skip.If(EmulatorDriver.Unavailable is not null, EmulatorDriver.Unavailable);

        (int status, string error) = Train("plenty");

        Assert.Equal(1, status);
        Assert.Matches(@"^cudavit: CUDAVIT_MEMORY_LIMIT: 'plenty' is no size of memory; [^\n]*\s*$", error);
    }

    private (int Status, string Error) Train(string limit)
    {
        (int status, _, string error) = CliProcess.Run(
            new Dictionary<string, string?> { ["CUDAVIT_MEMORY_LIMIT"] = limit },
            "train", "--device", "emulator", "--batch", "16", "--limit", "64", "--out", _folder["run"]);
        return (status, error);
    }
}
