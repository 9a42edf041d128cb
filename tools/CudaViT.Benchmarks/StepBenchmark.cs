using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using CudaViT.Training.Settings;

namespace CudaViT.Benchmarks;

/// <summary>
/// A whole training step, forward to update, on the CPU: <c>cudavit bench</c> and a peer program in turn, each in a
/// process of its own, so that neither finds the other's threads or memory in its way.
/// </summary>
internal static class StepBenchmark
{
    private static readonly Case[] Cases =
    [
        new("quick start", "quick", Batch: null, PeerSteps: 10),
        new("ViT-S/16, 224 pixels", "vit-s-300", Batch: 8, PeerSteps: 3),
    ];

    /// <summary>
    /// Arguments: any of threads=N (default: all processors), rounds=N (default 3), name=PART, and peer=COMMAND, a
    /// program and its first arguments. The peer is called with --arch WIDTH,DEPTH,HEADS --image-size N --patch N
    /// --hidden N --batch N --precision fp32 --device cpu --threads N --steps N --warmup 1, and the last line it prints
    /// is a JSON object with images_per_s.
    /// </summary>
    public static int Run(string[] arguments)
    {
        int threads = Number(arguments, "threads", Environment.ProcessorCount);
        int rounds = Number(arguments, "rounds", 3);
        string part = Arguments.Option(arguments, "name") ?? "";
        string[] peer = (Arguments.Option(arguments, "peer") ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries);
        Console.WriteLine(
            $"images/s with {threads} threads, median of {rounds} rounds (least to most); ratio of the medians");
        foreach (Case item in Cases.Where(x => x.Name.Contains(part, StringComparison.OrdinalIgnoreCase)))
        {
            var ours = new List<double>();
            var theirs = new List<double>();
            for (int round = 0; round < rounds; round++)
            {
                ours.Add(Ours(item, threads));
                if (peer.Length > 0)
                {
                    theirs.Add(Peer(item, peer, threads));
                }
            }

            string ratio = peer.Length > 0
                ? string.Create(
                    CultureInfo.InvariantCulture,
                    $"   peer {Text(theirs)}   ratio {Median(ours) / Median(theirs):f2}")
                : "";
            Console.WriteLine($"{item.Name,-24}batch {item.BatchSize,-5} ours {Text(ours)}{ratio}");
        }

        return 0;
    }

    private static double Ours(Case item, int threads)
    {
        string program = Path.Combine(AppContext.BaseDirectory, "cudavit.dll");
        string output = Output(
            [
                "dotnet", program, "bench", "--step", item.Preset, "--batch", $"{item.BatchSize}",
                "--threads", $"{threads}", "--json",
            ]);
        return JsonDocument.Parse(output).RootElement.GetProperty("imagesPerSecond").GetDouble();
    }

    private static double Peer(Case item, string[] peer, int threads)
    {
        ModelSettings model = Presets.Find(item.Preset).Model;
        string output = Output(
        [
            .. peer, "--arch", $"{model.Width},{model.Depth},{model.Heads}", "--image-size", $"{model.ImageSize}",
            "--patch", $"{model.Patch}", "--hidden", $"{model.HeadHidden}", "--batch", $"{item.BatchSize}",
            "--precision", "fp32", "--device", "cpu", "--threads", $"{threads}", "--steps", $"{item.PeerSteps}",
            "--warmup", "1",
        ]);
        string last = output.TrimEnd().Split('\n')[^1];
        return JsonDocument.Parse(last).RootElement.GetProperty("images_per_s").GetDouble();
    }

    private static string Output(string[] command)
    {
        var start = new ProcessStartInfo(command[0], command[1..]) { RedirectStandardOutput = true };
        using Process process = Process.Start(start)
            ?? throw new InvalidOperationException($"{command[0]} could not be started.");
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0
            ? output
            : throw new InvalidOperationException(
                $"'{string.Join(' ', command)}' ended with status {process.ExitCode}.");
    }

    private static int Number(string[] arguments, string name, int usual) =>
        Arguments.Option(arguments, name) is { } text ? int.Parse(text, CultureInfo.InvariantCulture) : usual;

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);

    private static string Text(List<double> values) => string.Create(
        CultureInfo.InvariantCulture, $"{Median(values):g4} ({values.Min():g4} to {values.Max():g4})");

    /// <summary>What to measure.</summary>
    /// <param name="Name">For the table.</param>
    /// <param name="Preset">Preset whose step it is.</param>
    /// <param name="Batch">Images a step; null for the preset's.</param>
    /// <param name="PeerSteps">Steps that the peer times in a round.</param>
    private sealed record Case(string Name, string Preset, int? Batch, int PeerSteps)
    {
        public int BatchSize => Batch ?? Presets.Find(Preset).Recipe.Batch;
    }
}
