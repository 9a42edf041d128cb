using System.CommandLine;
using CudaViT.Cli.Output;
using CudaViT.Core;
using CudaViT.Data.Sets;
using CudaViT.Training.Checkpoints;
using CudaViT.Training.Evaluation;
using CudaViT.Training.Evaluation.Linear;
using CudaViT.Training.Reports.Evaluations;
using CudaViT.Training.Runs.LinearProbing;
using CudaViT.Training.Runs.Shared;
using CudaViT.Training.Settings;

namespace CudaViT.Cli.Commands;

/// <summary><c>cudavit linear</c></summary>
internal static class LinearCommand
{
    public const string Name = "linear";

    public static (string Command, string Meaning)[] Examples { get; } =
    [
        (
            "cudavit linear --checkpoint runs/a/final.safetensors --epochs 10",
            "classifiers for four learning rates, trained side by side on the images shipped with the program"),
        (
            "cudavit linear --checkpoint moco-vit-s.safetensors --data ~/photos --out linear",
            "the published protocol on others; linear.json has every epoch, class and the confusion matrix"),
        (
            "cudavit linear --checkpoint moco-vit-s.safetensors --data ~/photos --lr 3 --batch 256",
            "one learning rate, for a batch of 256 as they are quoted"),
        (
            "cudavit linear --checkpoint moco-vit-s.safetensors --data ~/photos --out linear --resume",
            "go on after a Ctrl-C or a power cut, with the same bits"),
    ];

    public static Command Create(TextWriter output)
    {
        Option<string?> checkpoint = Options.Checkpoint();
        Option<string?> data = Options.Data();
        Option<string?> labels = Options.Labels();
        Option<double?> holdOut = Options.HoldOut();
        Option<bool> exif = Options.ExifOrientation();
        Option<string?> decoder = Options.Decoder();
        Option<string?> path = Options.Path(
            "--out",
            "DIR",
            "Folder for linear.json, report.html, classifier.safetensors and, after every epoch, what is needed to go "
            + "on (default: nothing is written).");
        Option<bool> resume = new("--resume")
        {
            Description = "Go on with the probe in --out, given the same options; from the beginning if there is none.",
        };
        Option<bool> changed = Options.AcceptChangedData();
        Option<bool> beginAnew = Options.BeginAnew();
        Option<int?> epochs = Options.Integer("--epochs", "Passes over the images (default 90).", 1);
        Option<int?> batch = Options.Integer("--batch", "Images per step (default 1024, or all there are).", 1);
        Option<double[]> rates = Options.Numbers(
            "--lr", "Learning rates for a batch of 256, with commas (default 0.3,1,3,10; ResNet-50: a tenth).");
        Option<int?> resize = Options.Integer(
            "--test-resize", "Shorter side of a test image before its middle is cut out (default: 256 for 224).", 1);
        Option<ulong?> seed = Options.Number<ulong>("--seed", "Seed of every random number (default 0).", 0);
        Option<int?> workers = Options.Integer(
            "--workers", "Threads that prepare images (default: one on each processor that computing leaves).", 1);
        Option<string?> device = Options.Device();
        Option<int?> threads = Options.Threads();
        Option<string?> kernels = Options.KernelsDirectory();
        Option<bool> json = Options.Json();
        var command = new Command(
            Name, "Trains linear classifiers on the features of a frozen encoder: the usual measure of how good it is.")
        {
            checkpoint, data, labels, holdOut, exif, decoder, path, resume, changed, beginAnew, epochs, batch, rates,
            resize, seed, workers, device, threads, kernels, json,
        };
        command.SetAction(parsed =>
        {
            Options.RequireResume(
                parsed.GetValue(resume),
                ("--begin-anew", parsed.GetValue(beginAnew)),
                ("--accept-changed-data", parsed.GetValue(changed)));
            if (parsed.GetValue(resume) && parsed.GetValue(path) is null)
            {
                throw new UsageException(
                    "--resume needs to know which probe; expected --out DIR as well; name the folder of the probe");
            }

            RunFolder? folder = parsed.GetValue(path) is { } name
                ? new RunFolder(name)
                {
                    AcceptsChangedData = parsed.GetValue(changed),
                    MayBeginAnew = parsed.GetValue(beginAnew),
                }
                : null;
            using IDisposable? owner = folder?.Own();
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
            LinearSettings settings = LinearSettings.For(model.Settings.Model);
            int shortSide = parsed.GetValue(resize) ?? settings.TestShortSide;
            if (shortSide < model.Settings.Model.ImageSize)
            {
                throw new UsageException(
                    $"--test-resize is {shortSide}; expected at least {model.Settings.Model.ImageSize}, the size "
                    + "of the model's images");
            }

            settings = settings with
            {
                Epochs = parsed.GetValue(epochs) ?? settings.Epochs,
                Batch = Math.Min(parsed.GetValue(batch) ?? settings.Batch, images.Train.Count),
                BaseLearningRates = parsed.GetValue(rates) is { Length: > 0 } given
                    ? given
                    : settings.BaseLearningRates,
                TestShortSide = shortSide,
                Seed = parsed.GetValue(seed) ?? settings.Seed,
                ExifOrientation = parsed.GetValue(exif) || model.Settings.Data.ExifOrientation,
                Decoder = Datasets.DecoderOf(model.Settings.Data, parsed.GetValue(data), parsed.GetValue(decoder)),
                Workers = parsed.GetValue(workers) ?? settings.Workers,
            };
            Run(output, model, images, settings, folder, parsed.GetValue(resume), parsed.GetValue(json));
            return CommandLine.Success;
        });
        return command;
    }

    private static void Run(
        TextWriter output,
        TrainedModel model,
        DatasetSplits data,
        LinearSettings settings,
        RunFolder? folder,
        bool resume,
        bool isJson)
    {
        // Without a folder there is nothing to save, and a signal has its usual effect.
        using StopSignals? signals = folder is null ? null : new StopSignals(Terminal.Lines(output, isJson));
        using var scope = new StepScope();
        LinearResult? result = WorkProgress.Show(
            output,
            isJson,
            progress => LinearProbe.Run(model, data, settings, progress, folder, resume, signals?.Token ?? default));
        if (folder is not null && result is not null)
        {
            LinearFiles.Write(folder.Path, result.Report, result.Classifier);
        }

        if (isJson)
        {
            JsonOutput.Write(output, result?.Report ?? (object)new Stopped(folder!.Path));
        }
        else if (result is null)
        {
            output.WriteLine(
                $"stopped; everything is saved in {folder!.Path}; go on with the same command and --resume");
        }
        else
        {
            Print(output, result.Report, folder?.Path);
        }
    }

    private static void Print(TextWriter output, LinearReport report, string? folder)
    {
        output.WriteLine("base lr   last top-1   top-5    best top-1 (epoch)");
        foreach (LinearRate rate in report.Rates)
        {
            string last = RunText.Text($"{rate.BaseLearningRate,7}   {rate.Last.Top1,10:f4}   {rate.Last.Top5:f4}");
            output.WriteLine(RunText.Text($"{last}   {rate.Best.Top1,10:f4} ({rate.Best.Epoch})"));
        }

        output.WriteLine(RunText.Text($"classes, with lr {report.ChosenBaseLearningRate} after the last epoch:"));
        foreach (ClassScore score in report.Classes)
        {
            output.WriteLine(RunText.Class(score));
        }

        string frozen = RunText.Text($"all {report.FrozenTensors} tensors of the encoder are bit-identical to");
        output.WriteLine(RunText.Text(
            $"top-1 {report.Top1:f4}, top-5 {report.Top5:f4}; {frozen} {report.Checkpoint}"));
        foreach (DamagedImage image in report.LeftOut)
        {
            output.WriteLine($"left out {image.Name}: {image.Reason}");
        }

        if (folder is not null)
        {
            output.WriteLine($"written to {folder}: linear.json, report.html, classifier.safetensors");
        }
    }

    /// <summary>What <c>--json</c> prints of a probe that was asked to stop.</summary>
    private sealed record Stopped(string Folder, bool IsComplete = false);
}
