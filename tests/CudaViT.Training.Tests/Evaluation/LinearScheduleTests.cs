using CudaViT.Data.Sets;
using CudaViT.TestKit;
using CudaViT.Training.Checkpoints;
using CudaViT.Training.Evaluation.Linear;
using CudaViT.Training.Runs.LinearProbing;
using CudaViT.Training.Tests.Support;

namespace CudaViT.Training.Tests.Evaluation;

/// <summary>The learning rates that a linear probe really takes.</summary>
/// <remarks>
/// The encoder's features are zero, and an epoch is one step of all images. Then only the biases of the classifier
/// move, their gradient is softmax(b) minus the share of each class, and everything can be computed by hand.
/// </remarks>
public sealed class LinearScheduleTests : IDisposable
{
    private const int Size = 8;

    private readonly TemporaryFolder _folder = new();
    private readonly TestRun _run = Backends.Open("cpu");

    public void Dispose()
    {
        _run.Dispose();
        _folder.Dispose();
    }

    // Half a cosine, one value for each epoch: (1 + cos(π e / n)) / 2, written down.
    public static TheoryData<double[]> Tables =>
    [
        [1],
        [1, 0.5],
        [1, 0.8535533905932737, 0.5, 0.14644660940672624],
        [1, 0.9045084971874737, 0.6545084971874737, 0.34549150281252633, 0.09549150281252627],
    ];

    [Theory, MemberData(nameof(Tables))]
    public void Every_epoch_has_its_rate(double[] shares)
    {
        byte[] labels = [0, 0, 0, 1, 1, 2];
        byte[] pixels = new byte[labels.Length * Size * Size];
        new Random(1).NextBytes(pixels);
        var images = new InMemoryDataset("noise", pixels, Size, Size, 1, labels, classCount: 3);
        string file = ModelFile.Write(_folder["model"], _run.Backend, TinyRun.Settings.Model, edit: (name, values) =>
        {
            if (name is "base_encoder.norm.weight" or "base_encoder.norm.bias")
            {
                Array.Clear(values);
            }
        });
        TrainedModel model = TrainedModel.Open(file, _run.Backend);
        LinearSettings settings = LinearSettings.For(model.Settings.Model) with
        {
            Epochs = shares.Length,
            Batch = labels.Length,
            BaseLearningRates = [20],
        };
        LinearResult result = LinearProbe.Run(model, new DatasetSplits(images, images), settings, new SilentWork())!;

        double peak = 20 * labels.Length / 256.0; // the rate is for a batch of 256
        double[] classes = [3 / 6.0, 2 / 6.0, 1 / 6.0];
        double[] biases = new double[3];
        double[] velocity = new double[3];
        foreach (double share in shares)
        {
            double[] weights = Array.ConvertAll(biases, Math.Exp);
            for (int c = 0; c < biases.Length; c++)
            {
                velocity[c] = (0.9 * velocity[c]) + (weights[c] / weights.Sum()) - classes[c];
            }

            for (int c = 0; c < biases.Length; c++)
            {
                biases[c] -= share * peak * velocity[c];
            }
        }

        ModelAssert.Within(
            biases, result.Classifier.Single(named => named.Name == "head.bias").Array.ToDoubles(), "biases", 1e-5);
    }
}
