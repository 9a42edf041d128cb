using System.CommandLine;
using CudaViT.Cli.Output;
using CudaViT.Core;
using CudaViT.Data.Sets;
using CudaViT.Training.Checkpoints;
using CudaViT.Training.Evaluation.Features;
using CudaViT.Training.Runs.Shared;
using CudaViT.Training.Settings;

namespace CudaViT.Cli.Commands;

/// <summary><c>cudavit features</c></summary>
internal static class FeaturesCommand
{
    public const string Name = "features";

    public static (string Command, string Meaning)[] Examples { get; } =
    [
        (
            "cudavit features --checkpoint runs/a/final.safetensors --out features",
            "of the images shipped with the program: features.safetensors, .npy files for NumPy, and index.csv, which "
            + "says what image each row is of"),
        (
            "cudavit features --checkpoint moco-vit-s.safetensors --data ~/photos --out features --json",
            "of others, with an imported encoder; prints the names of the files for a script"),
    ];

    public static Command Create(TextWriter output)
    {
        Option<string?> checkpoint = Options.Checkpoint();
        Option<string?> data = Options.Data();
        Option<string?> labels = Options.Labels();
        Option<double?> holdOut = Options.HoldOut();
        Option<bool> exif = Options.ExifOrientation();
        Option<string?> decoder = Options.Decoder();
        Option<string?> folder = Options.RequiredPath("--out", "DIR", "Folder for the files.");
        Option<string?> device = Options.Device();
        Option<int?> threads = Options.Threads();
        Option<string?> kernels = Options.KernelsDirectory();
        Option<bool> json = Options.Json();
        var command = new Command(Name, "Writes the features and labels of all images, for other programs.")
        {
            checkpoint, data, labels, holdOut, exif, decoder, folder, device, threads, kernels, json,
        };
        command.SetAction(parsed =>
        {
            using IDisposable owner = RunFolder.OwnWithoutRun(parsed.GetValue(folder)!);
            using IBackend backend = Devices.Open(
                parsed.GetValue(device), parsed.GetValue(threads), parsed.GetValue(kernels));
            DatasetSplits images = Datasets.OpenFor(
                parsed.GetValue(checkpoint)!,
                new DataSettings
                {
                    Path = parsed.GetValue(data),
                    Labels = parsed.GetValue(labels),
                    HoldOut = parsed.GetValue(holdOut),
                    ExifOrientation = parsed.GetValue(exif),
                    Decoder = Datasets.DecoderOf(parsed.GetValue(decoder)),
                },
                parsed.GetValue(json) ? null : output);
            TrainedModel model = TrainedModel.Open(parsed.GetValue(checkpoint)!, backend);
            bool isJson = parsed.GetValue(json);
            FeatureReport report = WorkProgress.Show(output, isJson, progress =>
                FeatureFiles.Write(model, images, parsed.GetValue(folder)!, progress));
            if (isJson)
            {
                JsonOutput.Write(output, report);
            }
            else
            {
                Print(output, report);
            }

            return CommandLine.Success;
        });
        return command;
    }

    private static void Print(TextWriter output, FeatureReport report)
    {
        output.WriteLine(RunText.Text(
            $"{report.Width} features of {report.TrainImages} training and {report.HeldOutImages} held-out images, ")
            + report.Data);
        foreach (string file in report.Files)
        {
            output.WriteLine($"written: {file}");
        }
    }
}
