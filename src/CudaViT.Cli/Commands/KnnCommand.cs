using System.CommandLine;
using CudaViT.Cli.Output;
using CudaViT.Core;
using CudaViT.Training.Data;
using CudaViT.Training.Evaluation;
using CudaViT.Training.Runs;

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
    ];

    public static Command Create(TextWriter output)
    {
        Option<string?> checkpoint = Options.Checkpoint();
        Option<string?> data = Options.Data();
        Option<bool> exif = Options.ExifOrientation();
        Option<string?> device = Options.Device();
        Option<int?> threads = Options.Threads();
        Option<string?> kernels = Options.KernelsDirectory();
        Option<bool> json = Options.Json();
        var command = new Command(
            Name, "Classifies held-out images by their nearest training images in feature space, next to raw pixels.")
        {
            checkpoint, data, exif, device, threads, kernels, json,
        };
        command.SetAction(parsed =>
        {
            using IBackend backend = Devices.Open(
                parsed.GetValue(device), parsed.GetValue(threads), parsed.GetValue(kernels));
            DatasetSplits images = Datasets.OpenFor(
                parsed.GetValue(checkpoint)!, parsed.GetValue(data), parsed.GetValue(exif));
            KnnReport report = Run(parsed.GetValue(checkpoint)!, images, backend);
            if (parsed.GetValue(json))
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

    private static KnnReport Run(string checkpoint, DatasetSplits data, IBackend backend)
    {
        TrainedModel trained = TrainedModel.Open(checkpoint, backend);
        KnnEvaluation.RequirePossible(data);
        trained.RequireFit(data.Train);
        var evaluation = new KnnEvaluation(
            data, backend, trained.Settings.Model.ImageSize, trained.Settings.Evaluation.Batch);
        double[] accuracies = evaluation.Accuracies(trained.Extractor(data.Train.Normalization), Neighbours);
        double[] rawPixels = evaluation.RawPixelAccuracies(Neighbours);
        return new KnnReport(
            checkpoint,
            data.Train.Name,
            data.Train.Count,
            data.HeldOut!.Count,
            [.. data.Train.Damaged, .. data.HeldOut.Damaged],
            [.. Neighbours.Select((k, i) => new KnnScore(k, accuracies[i], rawPixels[i]))]);
    }

    private static void Print(TextWriter output, KnnReport report)
    {
        output.WriteLine(
            $"{report.HeldOutImages} held-out images by their nearest of {report.TrainImages} training images, "
            + $"{report.Data}");
        output.WriteLine("    k   encoder   raw pixels");
        foreach (KnnScore score in report.Knn)
        {
            output.WriteLine(RunText.Text($"{score.K,5}   {score.Accuracy,7:f4}   {score.RawPixels,10:f4}"));
        }

        foreach (DamagedImage image in report.LeftOut)
        {
            output.WriteLine(RunText.Printable($"left out {image.Name}: {image.Reason}"));
        }
    }

    /// <summary>What <c>--json</c> prints.</summary>
    private sealed record KnnReport(
        string Checkpoint,
        string Data,
        int TrainImages,
        int HeldOutImages,
        IReadOnlyList<DamagedImage> LeftOut,
        IReadOnlyList<KnnScore> Knn);

    /// <summary>Accuracies with one number of neighbours, 0 to 1.</summary>
    private sealed record KnnScore(int K, double Accuracy, double RawPixels);
}
