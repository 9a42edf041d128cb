using System.CommandLine;
using CudaViT.Cli.Output;
using CudaViT.Core;
using CudaViT.Training.Checkpoints;
using CudaViT.Training.Reports.Runs;
using CudaViT.Training.Runs.Shared;

namespace CudaViT.Cli.Commands;

/// <summary><c>cudavit report</c></summary>
internal static class ReportCommand
{
    public const string Name = "report";

    public static (string Command, string Meaning)[] Examples { get; } =
    [
        ("cudavit report --run runs/a", "draw runs/a/report.html again, also of a run that was cut off"),
        ("cudavit report --run runs/a --data /mnt/photos", "the same where the images have moved"),
    ];

    public static Command Create(TextWriter output)
    {
        Option<string?> run = Options.RequiredPath("--run", "DIR", "Folder of a run, as cudavit train leaves it.");
        Option<string?> data = Options.Path(
            "--data", "PATH", "Where the images are now (default: where the run found them).");
        Option<string?> decoder = Options.Decoder();
        Option<string?> device = Options.Device();
        Option<int?> threads = Options.Threads();
        Option<string?> kernels = Options.KernelsDirectory();
        var command = new Command(
            Name, "Draws the report of a training run from its files: curves, views, neighbours, attention.")
        {
            run, data, decoder, device, threads, kernels,
        };
        command.SetAction(parsed =>
        {
            using IBackend backend = Devices.Open(
                parsed.GetValue(device), parsed.GetValue(threads), parsed.GetValue(kernels));
            // A run may be at work there: its files are left alone, and its own report may be in the making.
            var folder = new RunFolder(parsed.GetValue(run)!, new DurableFiles { Suffix = ".redraw.tmp" });
            string path = WorkProgress.Show(output, isSilent: false, progress =>
                RunRedraw.Write(
                    folder,
                    parsed.GetValue(data),
                    backend,
                    settings => Datasets.Decoder(
                        settings with { Decoder = Datasets.DecoderOf(parsed.GetValue(decoder)) ?? settings.Decoder },
                        settings.Decoder),
                    progress));
            output.WriteLine($"report in {path}");
            return CommandLine.Success;
        });
        return command;
    }
}
