using System.CommandLine;
using CudaViT.Cli.Output;
using CudaViT.Core;
using CudaViT.Images;
using CudaViT.Training.Evaluation;
using CudaViT.Training.Reports.Evaluations;
using CudaViT.Training.Runs.FineTuning;
using CudaViT.Training.Runs.Shared;
using CudaViT.Training.Settings.FineTuning;

namespace CudaViT.Cli.Commands;

/// <summary><c>cudavit finetune</c></summary>
internal static class FineTuneCommand
{
    public const string Name = "finetune";

    public static (string Command, string Meaning)[] Examples { get; } =
    [
        (
            "cudavit finetune --checkpoint runs/a/final.safetensors --recipe quick --out tuned",
            "train all of an encoder to name the images shipped with the program, in minutes"),
        (
            "cudavit finetune --checkpoint moco-vit-b.safetensors --data ~/imagenet --workers 16 --out tuned-b",
            "DeiT's recipe with the length published for the model; tuned-b/finetune.json has every class"),
        (
            "cudavit finetune --checkpoint moco-vit-b.safetensors --data ~/flowers --recipe flowers --out flowers",
            "the published recipe for a small data set"),
        (
            "cudavit finetune --checkpoint moco-vit-b.safetensors --data ~/photos --layer-decay 0.65 --out photos",
            "let early layers change less than late ones"),
        (
            "cudavit finetune --checkpoint moco-vit-b.safetensors --data ~/photos --set recipe.mixup=0.2 --out photos",
            "change any setting; cudavit settings lists them"),
        ("cudavit finetune --out tuned-b --resume", "go on after a Ctrl-C or a power cut, with the same bits"),
        (
            "cudavit export --checkpoint tuned-b/final-ema.safetensors --out tuned.safetensors",
            "afterwards: the averaged weights with the classifier, under the names of timm"),
    ];

    public static Command Create(TextWriter output)
    {
        Option<string?> checkpoint = Options.Path(
            "--checkpoint",
            "FILE",
            "Encoder to start from: a final.safetensors or checkpoint of cudavit train, or a file of cudavit import.");
        Option<string?> recipe = Options.OneOf(
            "--recipe",
            $"Recipe to begin with: {string.Join(", ", FineTunePresets.All.Select(preset => preset.Name))} "
                + $"(default {FineTunePresets.All[0].Name}).",
            [.. FineTunePresets.All.Select(preset => preset.Name)]);
        Option<string?> settings = Options.Path(
            "--settings", "FILE", "JSON file with settings, some or all, as a run writes it; options given here win.");
        Option<string?> data = Options.Data();
        Option<string?> folder = Options.RequiredPath("--out", "DIR", "Folder for the results.");
        Option<int?> epochs = Options.Integer(
            "--epochs", "Passes over the images (default: as published); the warm-up keeps its share.", 1);
        Option<int?> batch = Options.Integer(
            "--batch", "Images per step (default 1024); the learning rate follows in proportion.", 1);
        Option<double?> rate = Options.Real("--lr", "Peak learning rate for a batch of 512.");
        Option<double?> layerDecay = Options.Real(
            "--layer-decay", "Learning rate of a layer over that of the next one, up to 1 (default 1).");
        Option<double?> dropPath = Options.Real("--drop-path", "How often the last block is left out, below 1.");
        Option<SettingsOption[]> set = Options.Set(typeof(FineTuneSettings), "recipe.mixup=0.2");
        Option<ulong?> seed = Options.Number<ulong>("--seed", "Seed of every random number (default 0).", 0);
        Option<string?> device = Options.Device();
        Option<string?> dtype = Options.DType();
        Option<int?> threads = Options.Threads();
        Option<string?> kernels = Options.KernelsDirectory();
        Option<int?> workers = Options.Integer(
            "--workers", "Threads that prepare images (default: one on each processor that computing leaves).", 1);
        Option<int?> every = Options.Integer(
            "--checkpoint-every", "Steps between checkpoints (default: one after each epoch only).", 1);
        Option<int?> limit = Options.Integer("--limit", "Train on at most this many images, spread over the data.", 1);
        Option<string?> labels = Options.Labels();
        Option<double?> holdOut = Options.HoldOut();
        Option<bool> exif = Options.ExifOrientation();
        Option<string?> decoder = Options.Decoder();
        Option<bool> resume = new("--resume")
        {
            Description = "Go on from the newest whole checkpoint in --out; from the beginning if there is none.",
        };
        Option<int?> extend = Options.Extend();
        Option<bool> changed = Options.AcceptChangedData();
        Option<bool> beginAnew = Options.BeginAnew();
        Option<bool> anomaly = new("--anomaly")
        {
            Description = "Name the operation that makes the first NaN or infinity. Slow.",
        };
        Option<bool> json = Options.Json();
        var command = new Command(
            Name,
            "Trains an encoder with a classifier on top, and judges the weights and their average after each epoch.")
        {
            checkpoint, recipe, settings, set, data, folder, epochs, batch, rate, layerDecay, dropPath, seed, device,
            dtype, threads, kernels, workers, every, limit, labels, holdOut, exif, decoder, resume, extend, changed,
            beginAnew, anomaly, json,
        };
        command.SetAction(parsed =>
        {
            var request = new FineTuneRequest
            {
                Checkpoint = parsed.GetValue(checkpoint),
                Preset = parsed.GetValue(recipe),
                File = parsed.GetValue(settings),
                Epochs = parsed.GetValue(epochs),
                Extend = parsed.GetValue(extend),
                Options =
                [
                    .. parsed.Given(data, "data.path", Datasets.FullPath(parsed.GetValue(data))),
                    .. parsed.Given(batch, "recipe.batch", parsed.GetValue(batch)),
                    .. parsed.Given(rate, "recipe.baseLearningRate", parsed.GetValue(rate)),
                    .. parsed.Given(layerDecay, "recipe.layerDecay", parsed.GetValue(layerDecay)),
                    .. parsed.Given(dropPath, "recipe.dropPath", parsed.GetValue(dropPath)),
                    .. parsed.Given(seed, "seed", parsed.GetValue(seed)),
                    .. parsed.Given(dtype, "dtype", parsed.GetValue(dtype)),
                    .. parsed.Given(limit, "data.limit", parsed.GetValue(limit)),
                    .. parsed.Given(labels, "data.labels", Datasets.FullLabels(parsed.GetValue(labels))),
                    .. parsed.Given(holdOut, "data.holdOut", parsed.GetValue(holdOut)),
                    .. parsed.Given(exif, "data.exifOrientation", parsed.GetValue(exif)),
                    .. parsed.Given(decoder, "data.decoder", parsed.GetValue(decoder)),
                    .. parsed.Given(device, "run.device", parsed.GetValue(device)),
                    .. parsed.Given(threads, "run.threads", parsed.GetValue(threads)),
                    .. parsed.Given(workers, "run.workers", parsed.GetValue(workers)),
                    .. parsed.Given(every, "run.checkpointEvery", parsed.GetValue(every)),
                    .. parsed.Given(anomaly, "run.anomaly", parsed.GetValue(anomaly)),
                    .. parsed.GetValue(set) ?? [],
                ],
            };
            var run = new RunFolder(parsed.GetValue(folder)!)
            {
                AcceptsChangedData = parsed.GetValue(changed),
                MayBeginAnew = parsed.GetValue(beginAnew),
            };
            Options.RequireRunToExtend(request.Extend, run);
            bool isResumed = parsed.GetValue(resume) || request.Extend is not null;
            Options.RequireResume(
                isResumed,
                ("--begin-anew", parsed.GetValue(beginAnew)),
                ("--accept-changed-data", parsed.GetValue(changed)));
            using IDisposable owner = run.Own(); // before the settings of the run are read
            FineTuneSettings? stored = isResumed && run.HasRun ? FineTuneRequest.Read(run) : null;
            FineTuneSettings wanted = stored is null ? request.Resolve() : request.ResolveOver(stored);
            ImageDecoder images = Datasets.Decoder(wanted.Data, (stored?.Data ?? wanted.Pretraining.Data).Decoder);
            wanted = wanted with { Data = Datasets.WithDecoder(wanted.Data) };
            return Run(wanted, images, run, isResumed, parsed.GetValue(kernels), output, parsed.GetValue(json));
        });
        return command;
    }

    private static int Run(
        FineTuneSettings settings,
        ImageDecoder images,
        RunFolder folder,
        bool resume,
        string? kernels,
        TextWriter output,
        bool isJson)
    {
        using IBackend backend = Devices.Open(settings.Run.Device, settings.Run.Threads, kernels);
        using var signals = new StopSignals(Terminal.Lines(output, isJson));
        FineTuneResult result = WorkProgress.Show(output, isJson, progress => new FineTuner(
            settings,
            folder,
            backend,
            new FineTuneReporter(new FineTuneProgress(progress), folder),
            images,
            signals.Token).Run(resume, signals.Token));
        if (result.Report is not { } report)
        {
            output.WriteLine($"stopped after step {result.Step}; everything is saved; "
                + $"go on with: cudavit finetune --out {folder.Path} --resume");
        }
        else if (isJson)
        {
            JsonOutput.Write(output, report);
        }
        else
        {
            Print(output, report, folder);
        }

        return CommandLine.Success;
    }

    private static void Print(TextWriter output, FineTuneReport report, RunFolder folder)
    {
        output.WriteLine("classes, after the last epoch:");
        foreach (ClassScore score in report.Weights.Classes)
        {
            output.WriteLine(RunText.Class(score));
        }

        output.WriteLine(Summary("weights", report.Weights));
        if (report.Average is { } average)
        {
            output.WriteLine(Summary("average", average));
        }

        output.WriteLine(
            $"done: model in {folder.FinalPath}; finetune.json and report.html beside it have all of this");
    }

    private static string Summary(string what, ClassifierResult result)
    {
        string best = RunText.Text($"best top-1 {result.Best.Top1:f4} after epoch {result.Best.Epoch}");
        return RunText.Text(
            $"{what}: top-1 {result.Last.Top1:f4}, top-5 {result.Last.Top5:f4} after the last epoch; {best}");
    }
}
