using System.Globalization;
using System.Runtime.InteropServices;
using CudaViT.Core;
using CudaViT.TestKit;
using CudaViT.Training.Checkpoints;
using CudaViT.Training.Evaluation.Knn;

namespace CudaViT.Training.Tests.Evaluation;

[Trait("Category", "Fixtures")]
public sealed class KnnFixtureTests
{
    public static TheoryData<string, string, DType> Cases
    {
        get
        {
            var cases = new TheoryData<string, string, DType>();
            using SafetensorsFile file = Open();
            foreach (string name in file.Tensors.Select(tensor => tensor.Name))
            {
                if (name.EndsWith(".predictions", StringComparison.Ordinal))
                {
                    foreach (string backend in Backends.ModelNames)
                    {
                        cases.Add(backend, name.Split('.')[0], DType.F64);
                        cases.Add(backend, name.Split('.')[0], DType.F32);
                    }
                }
            }

            return cases;
        }
    }

    [Theory, MemberData(nameof(Cases))]
    public void Neighbours_scores_predictions_and_accuracy_are_the_recorded_ones(
        string backend, string name, DType dtype)
    {
        using var run = Backends.Open(backend);
        using SafetensorsFile file = Open();
        int k = int.Parse(name.AsSpan(1), CultureInfo.InvariantCulture);
        int[] trainLabels = Array.ConvertAll(Read<long>(file, "train.labels"), label => (int)label);
        int[] testLabels = Array.ConvertAll(Read<long>(file, "test.labels"), label => (int)label);
        int classes = (int)file[$"{name}.scores"].Shape[1];

        var classifier = new KnnClassifier(Features(run, file, "train.features", dtype), trainLabels, classes);
        KnnResult result = classifier.Classify(Features(run, file, "test.features", dtype), k);

        // The README's tolerances.
        double relative = dtype == DType.F64 ? 1e-9 : 1e-4;
        double[] scores = Read<double>(file, $"{name}.scores");
        long[] predictions = Read<long>(file, $"{name}.predictions");
        for (int query = 0; query < testLabels.Length; query++)
        {
            Assert.Equal(predictions[query], result.Prediction(query));
            double[] row = result.Scores(query);
            for (int c = 0; c < classes; c++)
            {
                double expected = scores[(query * classes) + c];
                Assert.True(
                    Math.Abs(row[c] - expected) <= relative * expected,
                    $"query {query}, class {c}: {row[c]}, expected {expected}");
            }
        }

        Assert.Equal(Read<double>(file, $"{name}.top1")[0], result.Accuracy(testLabels), precision: 12);
        if (file.Contains($"{name}.neighbours"))
        {
            long[] neighbours = Read<long>(file, $"{name}.neighbours");
            for (int query = 0; query < testLabels.Length; query++)
            {
                Assert.Equal(
                    neighbours.AsSpan(query * k, k).ToArray(),
                    result.Neighbours[query].Select(neighbour => (long)neighbour.Index).Order());
            }
        }
    }

    private static SafetensorsFile Open() => SafetensorsFile.Open(TestKit.Fixtures.File("knn", "knn.safetensors"));

    private static NdArray Features(TestRun run, SafetensorsFile file, string name, DType dtype)
    {
        double[] values = Array.ConvertAll(Read<float>(file, name), value => (double)value);
        return run.Array(values, [(int)file[name].Shape[0], (int)file[name].Shape[1]], dtype);
    }

    private static T[] Read<T>(SafetensorsFile file, string name)
        where T : unmanaged => MemoryMarshal.Cast<byte, T>(file.ReadBytes(name)).ToArray();
}
