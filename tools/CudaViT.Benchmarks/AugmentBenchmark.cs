using System.Globalization;

namespace CudaViT.Benchmarks;

/// <summary>
/// From JPEG files to the two views of MoCo v3: decoding, each augmentation alone, and the whole pipeline, on one core,
/// beside torchvision and Pillow on the same files.
/// </summary>
internal static class AugmentBenchmark
{
    private const int Height = 375;
    private const int Width = 500;

    /// <summary>
    /// Arguments: any of images=N (default 64), rounds=N (default 7), name=PART, clock=wall|cpu, and peer=PYTHON, a
    /// Python with torch, torchvision and Pillow. The two sides take turns, each in a process of its own with one
    /// thread that works. Processor time is for machines that do other work.
    /// </summary>
    public static int Run(string[] arguments)
    {
        int images = Number(arguments, "images", 64);
        int rounds = Number(arguments, "rounds", 7);
        bool countsProcessorTime = Arguments.Option(arguments, "clock") == "cpu";
        string part = Arguments.Option(arguments, "name") ?? "";
        DirectoryInfo folder = Directory.CreateTempSubdirectory("cudavit-augment-");
        try
        {
            long bytes = SceneJpegs.Write(folder.FullName, images, Height, Width);
            using var ours = new AugmentStages(folder.FullName);
            using AugmentPeer? peer = Arguments.Option(arguments, "peer") is { } python
                ? AugmentPeer.Start(python, folder.FullName, ours.Plans)
                : null;
            Console.WriteLine(
                $"{images} JPEG files of {Width} x {Height} pixels, {bytes / images} bytes each on average; " +
                $".NET {Environment.Version}{(peer is null ? "" : $"; {peer.Versions}")}");
            Console.WriteLine(
                $"images/s of one core by {(countsProcessorTime ? "processor" : "wall")} time, median of {rounds} "
                + "rounds");
            Console.WriteLine();
            Console.WriteLine(peer is null ? "| stage | ours |" : "| stage | ours | torchvision | ratio |");
            Console.WriteLine(peer is null ? "| --- | ---: |" : "| --- | ---: | ---: | ---: |");
            foreach (AugmentStage stage in ours.All.Where(
                x => x.Name.Contains(part, StringComparison.OrdinalIgnoreCase)))
            {
                Measure(stage, peer, images, rounds, countsProcessorTime);
            }
        }
        finally
        {
            folder.Delete(recursive: true);
        }

        return 0;
    }

    private static void Measure(AugmentStage stage, AugmentPeer? peer, int images, int rounds, bool countsProcessorTime)
    {
        if (!stage.IsRandom)
        {
            peer?.Verify(stage);
        }

        var clock = new StageClock(countsProcessorTime);
        double[] ours = new double[rounds];
        double[] theirs = new double[rounds];
        clock.Seconds(stage, images, TimeSpan.FromSeconds(0.5)); // compiles the code, twice if it is worth it
        for (int round = 0; round < rounds; round++)
        {
            ours[round] = 1 / clock.Seconds(stage, images, TimeSpan.Zero);
            theirs[round] = 1 / (peer?.Seconds(stage.Name, countsProcessorTime) ?? double.NaN);
        }

        string comparison = peer is null
            ? ""
            : string.Create(
                CultureInfo.InvariantCulture,
                $" {Median(theirs):n0} | {Median([.. ours.Zip(theirs, (x, y) => x / y)]):f2} |");
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"| {stage.Name} | {Median(ours):n0} |{comparison}"));
    }

    private static double Median(double[] values)
    {
        double[] sorted = [.. values.Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }

    private static int Number(string[] arguments, string name, int usual) =>
        Arguments.Option(arguments, name) is { } text ? int.Parse(text, CultureInfo.InvariantCulture) : usual;
}
