using System.CommandLine;
using CudaViT.Cli.Output;
using CudaViT.Core;
using CudaViT.Data.Sets;
using CudaViT.Training.Checkpoints;
using CudaViT.Training.Evaluation.Knn;
using CudaViT.Training.Reports.Evaluations;
using CudaViT.Training.Runs.Shared;
using CudaViT.Training.Settings;

namespace CudaViT.Cli.Commands;

/// <summary><c>cudavit knn</c></summary>
internal static class KnnCommand
{
    public const string Name = "knn";

    // The numbers of neighbours usually reported (DINO, arXiv:2104.14294).
    private static readonly int[] Neighbours = [10, 20, 100, 200];

    public static (string Command, string Meaning)[] Examples { get; } =
    [
        ("cudavit knn --checkpoint runs/a/final.safetensors", "on the images shipped with the program"),
        ("cudavit knn --checkpoint runs/a/final.safetensors --data ~/mnist --json", "on others, for a script"),
        (
            "cudavit knn --checkpoint runs/a/final.safetensors --data ~/photos --out knn",
            "every class and the confusion matrix, as JSON and as a page"),
        (
            "cudavit knn --checkpoint runs/a/final.safetensors --data ~/photos --labels labels.csv --hold-out 0.2",
            "classes from lines NAME,CLASS, and a fifth of the images classified by the others"),
    ];

    public static Command Create(TextWriter output)
    {
        Option<string?> checkpoint = Options.Checkpoint();
        Option<string?> data = Options.Data();
        Option<string?> labels = Options.Labels();
        Option<double?> holdOut = Options.HoldOut();
        Option<bool> exif = Options.ExifOrientation();
        Option<string?> decoder = Options.Decoder();
        Option<string?> folder = Options.Path(
            "--out", "DIR", "Folder for knn.json and report.html, with every class (default: none are written).");
        Option<string?> device = Options.Device();
        Option<int?> threads = Options.Threads();
        Option<string?> kernels = Options.KernelsDirectory();
        Option<bool> json = Options.Json();
        var command = new Command(
            Name, "Classifies held-out images by their nearest training images in feature space, next to raw pixels.")
        {
            checkpoint, data, labels, holdOut, exif, decoder, folder, device, threads, kernels, json,
        };
        command.SetAction(parsed =>
        {
            using IDisposable? owner = parsed.GetValue(folder) is { } owned ? RunFolder.OwnWithoutRun(owned) : null;
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
            var report = KnnReport.Make(model, images, Neighbours);
            if (parsed.GetValue(folder) is { } path)
            {
                KnnFiles.Write(path, report);
            }

            if (parsed.GetValue(json))
            {
                JsonOutput.Write(output, report);
            }
            else
            {
                Print(output, report, parsed.GetValue(folder));
            }

            return CommandLine.Success;
        });
        return command;
    }

    private static void Print(TextWriter output, KnnReport report, string? folder)
    {
        output.WriteLine(
            $"{report.HeldOutImages} held-out images by their nearest of {report.TrainImages} training images, "
            + $"{report.Data}");
        output.WriteLine("    k   encoder    top-5   raw pixels");
        foreach (KnnScore score in report.Knn)
        {
            string encoder = RunText.Text($"{score.K,5}   {score.Accuracy,7:f4}   {score.Top5,6:f4}");
            output.WriteLine(RunText.Text($"{encoder}   {score.RawPixels,10:f4}"));
        }

        foreach (DamagedImage image in report.LeftOut)
        {
            output.WriteLine(RunText.Printable($"left out {image.Name}: {image.Reason}"));
        }

        if (folder is not null)
        {
            output.WriteLine($"written to {folder}: knn.json, report.html");
        }
    }
}
