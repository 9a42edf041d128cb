using CudaViT.Core;
using CudaViT.Data.Pixels;
using CudaViT.TestKit;
using CudaViT.Training.Runs.FineTuning;
using CudaViT.Training.Settings.FineTuning;

namespace CudaViT.Training.Tests.FineTuning;

public sealed class BatchMixingTests
{
    private static readonly FineTuneRecipe Recipe = new();

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Blends_boxes_and_the_loss_are_those_of_plain_loops(string backend)
    {
        using TestRun run = Backends.Open(backend);
        Tensor images = run.Normal([5, 2, 4, 6], DType.F64, seed: 1); // an odd batch: the middle one meets itself
        double[] x = images.Data.ToDoubles();
        const int Image = 2 * 4 * 6;
        BatchMixing[] mixings = [new(0.3, null), new(1 - (6.0 / 24), new CropBox(1, 2, 2, 3)), new(1, null)];
        foreach (BatchMixing mixing in mixings)
        {
            double[] expected = [.. x.Select((value, i) =>
            {
                (int row, int column) = (i / 6 % 4, i % 6);
                double other = x[((4 - (i / Image)) * Image) + (i % Image)];
                return mixing.Box is { } box
                    ? row >= box.Top && row < box.Top + box.Height
                        && column >= box.Left && column < box.Left + box.Width
                        ? other
                        : value
                    : (mixing.Weight * value) + ((1 - mixing.Weight) * other);
            })];
            TensorAssert.Close(expected, mixing.Apply(images), Tolerance.For(DType.F64));

            // Cross entropy of soft targets, written down: −Σ t log softmax.
            Tensor logits = run.Normal([5, 3], DType.F64, seed: 2, scale: 2);
            int[] labels = [0, 1, 2, 2, 1];
            double loss = 0;
            for (int i = 0; i < 5; i++)
            {
                double[] row = logits.Data.ToDoubles()[(3 * i)..(3 * (i + 1))];
                double logSum = Math.Log(row.Sum(Math.Exp));
                for (int c = 0; c < 3; c++)
                {
                    double target = (mixing.Weight * Smooth(labels[i], c))
                        + ((1 - mixing.Weight) * Smooth(labels[4 - i], c));
                    loss += target * (logSum - row[c]) / 5;
                }
            }

            Tensor actual = mixing.Loss(logits, labels, labelSmoothing: 0.1);
            Assert.Equal(loss, actual.Data.Item(), 1e-12);
        }

        double Smooth(int label, int c) => (c == label ? 0.9 : 0) + (0.1 / 3);
    }

    // Of 20,000 batches half are cut and half are blended; weights have the mean and variance of their distributions.
    [Fact]
    public void Draws_have_the_published_distributions()
    {
        const int Draws = 20_000;
        BatchMixing[] all = [.. Enumerable.Range(0, Draws).Select(i => Draw(Recipe, i))];
        double[] blends = [.. all.Where(mixing => mixing.Box is null).Select(mixing => mixing.Weight)];
        BatchMixing[] cuts = [.. all.Where(mixing => mixing.Box is not null)];
        Assert.Equal(Draws / 2, cuts.Length, 5 * Math.Sqrt(Draws / 4.0));
        Assert.Equal(0.5, blends.Average(), 5 * Math.Sqrt(0.096 / blends.Length));
        Assert.Equal(1 / (4 * 2.6), blends.Average(weight => Math.Pow(weight - 0.5, 2)), 0.005);
        Assert.All(cuts, mixing =>
        {
            CropBox box = mixing.Box!.Value;
            Assert.Equal(1 - (box.Height * box.Width / (224.0 * 224)), mixing.Weight, 1e-12);
            Assert.InRange(box.Top + box.Height, 0, 224);
            Assert.InRange(box.Left + box.Width, 0, 224);
        });

        // Of a box of side s about a uniform middle an image keeps s (1 - s / 4) a side; s² is uniform. So its area is
        // on average 2 ∫ s³ (1 - s / 4)² ds = 1/2 - 1/5 + 1/48.
        Assert.Equal(0.5 - 0.2 + (1 / 48.0), 1 - cuts.Average(mixing => mixing.Weight), 0.01);
    }

    [Fact]
    public void One_without_the_other_and_neither()
    {
        Assert.All(Enumerable.Range(0, 50), i => Assert.Null(Draw(Recipe with { Cutmix = 0 }, i).Box));
        Assert.All(Enumerable.Range(0, 50), i => Assert.NotNull(Draw(Recipe with { Mixup = 0 }, i).Box));
        Assert.Equal(new BatchMixing(1, null), Draw(Recipe with { Mixup = 0, Cutmix = 0 }, 1));
    }

    private static BatchMixing Draw(FineTuneRecipe recipe, int iteration)
    {
        RandomSequence random = new RandomStream(3, 0, iteration, 0, RandomOperation.Mix).Sequence();
        return BatchMixing.Draw(ref random, recipe, 224);
    }
}
