using System.CommandLine;
using System.Diagnostics;
using CudaViT.Cli.Output;
using CudaViT.Core;
using CudaViT.Cpu;
using CudaViT.Data.Pixels;
using CudaViT.Training.Methods;
using CudaViT.Training.Models;
using CudaViT.Training.Runs.Pretraining;
using CudaViT.Training.Settings;

namespace CudaViT.Cli.Commands;

/// <summary><c>cudavit bench</c></summary>
internal static class BenchCommand
{
    public const string Name = "bench";

    private const int WarmUpSteps = 2; // the first compiles, the second fills the memory pool
    private const int FewestSteps = 5;
    private static readonly TimeSpan Enough = TimeSpan.FromSeconds(3);

    public static (string Command, string Meaning)[] Examples { get; } =
    [
        ("cudavit bench --step quick", "time of a training step of the quick-start preset"),
        ("cudavit bench --step vit-s-300 --batch 8 --json", "ViT-S/16 at 224 pixels, for a script"),
    ];

    public static Command Create(TextWriter output)
    {
        Option<string?> step = Options.Preset("--step", "Preset whose training step to time (default quick)");
        Option<int?> batch = Options.Integer("--batch", "Images per step (default: the preset's).", 2);
        Option<string?> device = Options.Device();
        Option<string?> dtype = Options.DType();
        Option<int?> threads = Options.Threads();
        Option<string?> kernels = Options.KernelsDirectory();
        Option<bool> json = Options.Json();
        var command = new Command(Name, "Times training steps on synthetic images, forward to update.")
        {
            step, batch, device, dtype, threads, kernels, json,
        };
        command.SetAction(parsed =>
        {
            TrainSettings settings = TrainSettings.Of(parsed.GetValue(step) ?? Presets.Quick.Name);
            settings = settings with
            {
                Dtype = Options.ToDType(parsed.GetValue(dtype)),
                Recipe = settings.Recipe with { Batch = parsed.GetValue(batch) ?? settings.Recipe.Batch },
            };
            using IBackend backend = Devices.Open(
                parsed.GetValue(device), parsed.GetValue(threads), parsed.GetValue(kernels));
            StepReport report = Run(settings, backend);
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

    private static void Print(TextWriter output, StepReport report)
    {
        string threads = report.Threads is { } count ? RunText.Text($" with {count} threads") : "";
        output.WriteLine(RunText.Text(
            $"{report.Preset}, batch {report.Batch}, {report.Dtype}, {report.Device}{threads}"));
        output.WriteLine(RunText.Text($"{report.MedianMilliseconds:f1} ms a step, median of {report.Steps}"));
        output.WriteLine(RunText.Text(
            $"{report.ImagesPerSecond:f1} images/s, {report.PeakBytes / 1048576.0:f0} MiB at most"));
    }

    private static StepReport Run(TrainSettings settings, IBackend backend)
    {
        ModelSettings model = settings.Model;
        var normalization = new Normalization([.. Repeat(0.5f)], [.. Repeat(0.25f)]);
        IMethodLearner learner = PretrainingMethods.Create(settings, backend, normalization);
        var input = new ImageInput(settings, backend, normalization);
        byte[] pixels = new byte[HostBuffer.SizeFor(
            settings.Recipe.Batch, (long)model.ImageSize * model.ImageSize * model.Channels)];
        new Random(1).NextBytes(pixels);
        for (int i = 0; i < WarmUpSteps; i++)
        {
            Step();
        }

        var times = new List<TimeSpan>();
        while (times.Count < FewestSteps || times.Aggregate(TimeSpan.Zero, (sum, time) => sum + time) < Enough)
        {
            long start = Stopwatch.GetTimestamp();
            Step();
            backend.Synchronize();
            times.Add(Stopwatch.GetElapsedTime(start));
        }

        TimeSpan median = times.Order().ElementAt(times.Count / 2);
        return new StepReport(
            settings.Preset,
            backend.Name,
            settings.Dtype,
            (backend as CpuBackend)?.Threads,
            settings.Recipe.Batch,
            model.ImageSize,
            times.Count,
            median.TotalMilliseconds,
            settings.Recipe.Batch / median.TotalSeconds,
            backend.Memory.PeakLiveBytes);

        void Step()
        {
            using var scope = new StepScope();
            learner.Step([input.ToTensor(pixels), input.ToTensor(pixels)], epoch: 0);
        }

        IEnumerable<float> Repeat(float value) => Enumerable.Repeat(value, model.Channels);
    }

    /// <summary>What <c>--json</c> prints.</summary>
    private sealed record StepReport(
        string Preset,
        string Device,
        DType Dtype,
        int? Threads,
        int Batch,
        int ImageSize,
        int Steps,
        double MedianMilliseconds,
        double ImagesPerSecond,
        long PeakBytes);
}
