using System.CommandLine;
using System.Globalization;
using CudaViT.Cli.Output;
using CudaViT.Core;
using CudaViT.Images;
using CudaViT.Training.Reports.Runs;
using CudaViT.Training.Reports.TensorBoard;
using CudaViT.Training.Runs.Pretraining;
using CudaViT.Training.Runs.Shared;
using CudaViT.Training.Settings;
using Spectre.Console;

namespace CudaViT.Cli.Commands;

/// <summary><c>cudavit train</c></summary>
internal static class TrainCommand
{
    public const string Name = "train";

    public static (string Command, string Meaning)[] Examples { get; } =
    [
        ("cudavit train", "learn from the images shipped with the program, in minutes"),
        (
            "cudavit train --data ~/cifar-10-batches-bin --epochs 20 --out runs/cifar",
            "images of your own: IDX or CIFAR files"),
        (
            "cudavit train --preset vit-s-300-1node --data ~/imagenet --workers 8 --out runs/vit-s",
            "JPEG or PNG files: train/CLASS/*.jpg and val/CLASS/*.jpg, or tar archives"),
        (
            "cudavit train --init vit-s.safetensors --preset vit-s-300-1node --data ~/photos --out runs/mine",
            "go on from published weights (see cudavit import) on images of your own"),
        (
            "cudavit train --image-size 56 --set recipe.temperature=0.1 --set views.hue=0.05 --out runs/b",
            "change any setting; cudavit settings lists them"),
        (
            "cudavit train --out runs/tb --tensorboard",
            "write event files as well; look at them with: tensorboard --logdir runs"),
        (
            "cudavit train --preset vit-s-300-1node --data ~/imagenet --workers 8 --device cuda --augment cuda",
            "the GPU makes the views; the processor only decodes"),
        ("cudavit train --out runs/cifar --resume", "go on after a Ctrl-C or a power cut, with the same bits"),
        (
            "cudavit train --out runs/cifar --extend 40",
            "train longer, also when it is complete: 40 epochs in all, along the schedules of a run of 40"),
        (
            "cudavit train --settings runs/cifar/settings.json --seed 1 --out runs/cifar-1",
            "the same again, with another seed"),
        (
            "cudavit train --preset small-64 --data ~/photos --labels none --hold-out 0.1 --out runs/photos",
            "a folder of photographs, however they are nested; a tenth of them is kept apart"),
    ];

    public static Command Create(TextWriter output)
    {
        Option<string?> preset = Options.Preset("--preset", "Model and recipe to begin with (default quick)");
        Option<string?> settings = Options.Path(
            "--settings", "FILE", "JSON file with settings, some or all, as a run writes it; options given here win.");
        Option<string?> init = Options.Path(
            "--init",
            "FILE",
            "Begin with the weights of a model of cudavit train or cudavit import: all parts it has; missing heads are "
            + "drawn, and a missing momentum encoder is a copy. The file also says what model it is; the optimizer "
            + "begins anew.");
        Option<string?> data = Options.Data();
        Option<string?> folder = Options.Path("--out", "DIR", "Folder for the results (default runs/TIME-PRESET).");
        Option<int?> epochs = Options.Integer("--epochs", "Passes over the images; the warm-up keeps its share.", 1);
        Option<int?> batch = Options.Integer("--batch", "Images per step; the learning rate follows in proportion.", 2);
        Option<double?> rate = Options.Real(
            "--lr", "Peak learning rate for a batch of 256 (default: as the preset says).");
        Option<int?> size = Options.Integer(
            "--image-size", "Height and width of what the model sees, in pixels; a multiple of its patch.", 1);
        Option<SettingsOption[]> set = Options.Set(typeof(TrainSettings), "recipe.temperature=0.1");
        Option<ulong?> seed = Options.Number<ulong>("--seed", "Seed of every random number (default 0).", 0);
        Option<string?> device = Options.Device();
        Option<string?> dtype = Options.DType();
        Option<int?> threads = Options.Threads();
        Option<string?> kernels = Options.KernelsDirectory();
        Option<string?> labels = Options.Labels();
        Option<double?> holdOut = Options.HoldOut();
        Option<bool> exif = Options.ExifOrientation();
        Option<string?> decoder = Options.Decoder();
        Option<int?> workers = Options.Integer(
            "--workers", "Threads that prepare images (default: one on each processor that computing leaves).", 1);
        Option<string?> augment = Options.OneOf(
            "--augment",
            "Who makes the views of an image: cpu, the --workers (default); or cuda, the device, which must run "
            + "kernels (cuda, emulator or emulator-strict). The same views either way.",
            "cpu",
            "cuda");
        Option<int?> every = Options.Integer(
            "--checkpoint-every", "Steps between checkpoints (default: one after each epoch only).", 1);
        Option<int?> monitor = Options.Integer(
            "--monitor", "Steps between readings of the kNN monitor (default: as the preset says).", 1);
        Option<int?> limit = Options.Integer("--limit", "Train on at most this many images, spread over the data.", 1);
        Option<string?> tensorBoard = Options.TensorBoard();
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
        var command = new Command(
            Name, "Trains an encoder with MoCo v3 and prints its kNN accuracy before, after each epoch and at the end.")
        {
            preset, settings, set, init, data, folder, epochs, batch, rate, size, seed, device, dtype, threads, kernels,
            workers, augment, every, monitor, limit, labels, holdOut, exif, decoder, tensorBoard, resume, extend,
            changed, beginAnew, anomaly,
        };
        command.SetAction(parsed =>
        {
            var request = new SettingsRequest
            {
                Preset = parsed.GetValue(preset),
                File = parsed.GetValue(settings),
                Init = parsed.GetValue(init) is { } weights ? Path.GetFullPath(weights) : null,
                Epochs = parsed.GetValue(epochs),
                Extend = parsed.GetValue(extend),
                Options =
                [
                    .. parsed.Given(data, "data.path", Datasets.FullPath(parsed.GetValue(data))),
                    .. parsed.Given(batch, "recipe.batch", parsed.GetValue(batch)),
                    .. parsed.Given(rate, "recipe.baseLearningRate", parsed.GetValue(rate)),
                    .. parsed.Given(size, "model.imageSize", parsed.GetValue(size)),
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
                    .. parsed.Given(augment, "views.augment", parsed.GetValue(augment)),
                    .. parsed.Given(every, "run.checkpointEvery", parsed.GetValue(every)),
                    .. parsed.Given(tensorBoard, "run.tensorBoard", parsed.GetValue(tensorBoard)),
                    .. parsed.Given(monitor, "evaluation.monitorEvery", parsed.GetValue(monitor)),
                    .. parsed.Given(anomaly, "run.anomaly", parsed.GetValue(anomaly)),
                    .. parsed.GetValue(set) ?? [],
                ],
            };
            RunFolder? named = parsed.GetValue(folder) is { } path
                ? new RunFolder(path)
                {
                    AcceptsChangedData = parsed.GetValue(changed),
                    MayBeginAnew = parsed.GetValue(beginAnew),
                }
                : null;
            Options.RequireRunToExtend(request.Extend, named);
            bool goesOn = parsed.GetValue(resume) || request.Extend is not null;
            Options.RequireResume(
                goesOn,
                ("--begin-anew", parsed.GetValue(beginAnew)),
                ("--accept-changed-data", parsed.GetValue(changed)));
            return Run(request, named, parsed.GetValue(kernels), goesOn, output);
        });
        return command;
    }

    private static int Run(
        SettingsRequest request, RunFolder? named, string? kernels, bool resume, TextWriter output)
    {
        if (resume && named is null)
        {
            throw new UsageException(
                "--resume needs to know which run; expected --out DIR as well; name the folder of the run");
        }

        using IDisposable? owner = named?.Own(); // before the settings of the run are read
        TrainSettings? stored = resume && named!.HasRun ? SettingsRequest.Read(named) : null;
        TrainSettings settings = stored is null ? request.Resolve() : request.ResolveOver(stored);
        ImageDecoder decoder = Datasets.Decoder(settings.Data, stored?.Data.Decoder);
        settings = settings with { Data = Datasets.WithDecoder(settings.Data) };
        RunFolder folder = named ?? new RunFolder(DefaultFolder(settings.Preset));
        using IBackend backend = Devices.Open(settings.Run.Device, settings.Run.Threads, kernels);
        using var signals = new StopSignals(Terminal.Lines(output, isJson: false));
        TrainingResult result = Show(output, progress =>
        {
            using TensorBoardProgress? events = settings.Run.TensorBoard is { } directory
                ? new TensorBoardProgress(progress, Path.Combine(folder.Path, directory))
                : null;
            ITrainingProgress reporter = new RunReporter(
                events ?? progress, folder, events is null ? null : events.OnPictures);
            return new Trainer(settings, folder, backend, reporter, decoder, signals.Token)
                .Run(resume, signals.Token);
        });
        output.WriteLine(result.IsComplete
            ? Summary(result, folder)
            : $"stopped after step {result.Step}; everything is saved; "
                + $"go on with: cudavit train --out {folder.Path} --resume");
        output.WriteLine($"report in {folder.ReportPath}");
        return CommandLine.Success;
    }

    private static TrainingResult Show(TextWriter output, Func<ITrainingProgress, TrainingResult> train) =>
        Terminal.Is(output) ? BarProgress.Show(AnsiConsole.Console, train) : train(new PlainProgress(output));

    private static string Summary(TrainingResult result, RunFolder folder)
    {
        string model = $"model in {folder.FinalPath}";
        if (result.Evaluations is not [EvaluationMetrics first, .., EvaluationMetrics last])
        {
            return $"done: {model}";
        }

        string gain = RunText.Text($"kNN accuracy {first.KnnAccuracy:f4} at first, {last.KnnAccuracy:f4} at the end");
        return RunText.Text($"done: {gain}, raw pixels {last.RawPixelAccuracy:f4}; {model}");
    }

    private static string DefaultFolder(string preset) => Path.Combine(
        "runs", string.Create(CultureInfo.InvariantCulture, $"{DateTime.Now:yyyyMMdd-HHmmss}-{preset}"));
}
