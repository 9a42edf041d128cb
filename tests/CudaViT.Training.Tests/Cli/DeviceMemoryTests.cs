using CudaViT.Emulator;
using CudaViT.Training.Tests.Support;

namespace CudaViT.Training.Tests.Cli;

public sealed class DeviceMemoryTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    // The parameters of the quick-start preset, base and momentum, take 6.1 MiB; then come two moments for each trained
    // one.
    [SkippableTheory, InlineData("cpu"), InlineData("emulator")]
    public void A_device_that_is_too_small_is_told_in_one_line_that_lists_the_holders(string device)
    {
        SkipWithout(device);

        (int status, string error) = Train(device, "8MiB");

        Assert.Equal(1, status);
        Assert.Matches(
            $@"^cudavit: {device}: "
            + @"[\d.]+ KiB for optimizer state do not fit: (7\.\d|8\.0) MiB of 8\.0 MiB are in use "
            + @"\(parameters 6\.\d MiB, optimizer state 1\.\d MiB\)\. [^\n]* or raise CUDAVIT_MEMORY_LIMIT\.\s*$",
            error);
    }

    [SkippableTheory, InlineData("cpu"), InlineData("emulator")]
    public void A_limit_that_is_no_size_is_told_in_one_line(string device)
    {
        SkipWithout(device);

        (int status, string error) = Train(device, "plenty");

        Assert.Equal(1, status);
        Assert.Matches(@"^cudavit: CUDAVIT_MEMORY_LIMIT: 'plenty' is no size of memory; [^\n]*\s*$", error);
    }

    // What the runtime leaves to a process in a container is a limit, too: 256 MiB, and activations that need more.
    [Fact]
    public void A_process_without_memory_says_so_in_one_line()
    {
        (int status, _, string error) = CliProcess.Run(
            new Dictionary<string, string?> { ["DOTNET_GCHeapHardLimit"] = "0x10000000" },
            "train", "--device", "cpu", "--batch", "1024", "--limit", "1024", "--out", _folder["run"]);

        Assert.Equal(1, status);
        Assert.Matches(
            @"^cudavit: cpu: [\d.]+ MiB for activations do not fit: [\d.]+ MiB of 256\.0 MiB are in use "
            + @"\(activations [\d.]+ MiB, [^\n]*parameters 6\.\d MiB[^\n]*\)\. Use a smaller batch [^\n]*\n$",
            error);
    }

    private static void SkipWithout(string device) =>
        Skip.If(device != "cpu" && EmulatorDriver.Unavailable is not null, EmulatorDriver.Unavailable);

    private (int Status, string Error) Train(string device, string limit)
    {
        (int status, _, string error) = CliProcess.Run(
            new Dictionary<string, string?> { ["CUDAVIT_MEMORY_LIMIT"] = limit },
            "train", "--device", device, "--batch", "16", "--limit", "64", "--out", _folder["run"]);
        return (status, error);
    }
}
