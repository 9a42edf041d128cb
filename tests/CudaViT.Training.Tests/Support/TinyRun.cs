using CudaViT.Data.Sets;
using CudaViT.Training.Settings;

namespace CudaViT.Training.Tests.Support;

/// <summary>A run small enough to be made many times: 8 × 8 images of three classes, 6 steps an epoch.</summary>
internal static class TinyRun
{
    public const int StepsPerEpoch = 6;

    private const int Size = 8;
    private const int Batch = 8;

    /// <summary>The model and the recipe, with everything else at its default.</summary>
    public static TrainSettings Settings { get; } = new()
    {
        Preset = "quick",
        Model = new ModelSettings
        {
            ImageSize = Size,
            Channels = 1,
            Patch = 4,
            Width = 16,
            Depth = 2,
            Heads = 2,
            FreezePatch = true,
            HeadHidden = 24,
            HeadOutput = 12,
        },
        Recipe = new RecipeSettings
        {
            Batch = Batch,
            Epochs = 3,
            WarmupEpochs = 1,
            BaseLearningRate = 0.1,
            CropMinimum = 0.6,
        },
        Views = new ViewSettings
        {
            JitterProbability = 0,
            GrayscaleProbability = 0,
            BlurProbabilityA = 0,
            BlurProbabilityB = 0,
            SolarizeProbabilityB = 0,
            FlipProbability = 0,
        },
        Evaluation = new EvaluationSettings { Neighbours = 5, Batch = 7 }, // 7 divides neither part
    };

    /// <summary>Writes the images as IDX files; each image has four quarters, and each class a brighter one.</summary>
    /// <param name="folder">Where they go.</param>
    /// <param name="more">Training images more than usual.</param>
    public static void WriteData(string folder, int more = 0)
    {
        Directory.CreateDirectory(folder);
        Write(folder, "train", (StepsPerEpoch * Batch) + 3 + more, seed: 1); // three images too many for whole batches
        Write(folder, "t10k", 20, seed: 2);
    }

    /// <summary>Writes data and a settings file into a folder and returns the file's path.</summary>
    public static string WriteSettings(TemporaryFolder folder, int epochs)
    {
        WriteData(folder["data"]);
        TrainSettings settings = Settings.WithEpochs(epochs) with { Data = new DataSettings { Path = folder["data"] } };
        File.WriteAllText(folder["tiny.json"], SettingsJson.Write(settings));
        return folder["tiny.json"];
    }

    private static void Write(string folder, string part, int count, int seed)
    {
        var random = new Random(seed);
        byte[] pixels = new byte[count * Size * Size];
        byte[] labels = new byte[count];
        for (int image = 0; image < count; image++)
        {
            labels[image] = (byte)(image % 3);
            int[] quarters = [random.Next(130), random.Next(130), random.Next(130), random.Next(130)];
            quarters[labels[image]] += 100;
            for (int pixel = 0; pixel < Size * Size; pixel++)
            {
                (int row, int column) = Math.DivRem(pixel, Size);
                int quarter = (row / (Size / 2) * 2) + (column / (Size / 2));
                pixels[(image * Size * Size) + pixel] = (byte)(quarters[quarter] + random.Next(25));
            }
        }

        using (FileStream images = File.Create(Path.Combine(folder, $"{part}-images-idx3-ubyte")))
        {
            IdxFile.WriteImages(images, new IdxImages(pixels, count, Size, Size));
        }

        using FileStream labelFile = File.Create(Path.Combine(folder, $"{part}-labels-idx1-ubyte"));
        IdxFile.WriteLabels(labelFile, labels);
    }
}
