using CudaViT.Data.Loading;
using CudaViT.Data.Sets;
using CudaViT.Training.Evaluation;
using CudaViT.Training.Runs.Shared;
using CudaViT.Training.Settings;

namespace CudaViT.Training.Reports.Pictures;

/// <summary>Finds the training images whose features are nearest to those of others.</summary>
/// <param name="data">
/// Held-out images are looked up among training images; where there are none, training images among the others.
/// </param>
/// <param name="settings">Size of the images and of a batch.</param>
/// <param name="features">Features of images, one row after another.</param>
/// <param name="watch">Is told how far it is; null for nobody.</param>
internal sealed class NeighbourSearch(
    DatasetSplits data, TrainSettings settings, NeighbourSearch.Extractor features, WorkWatch? watch)
{
    /// <summary>Maps pixels [count, size, size, channels] to features.</summary>
    public delegate float[] Extractor(ReadOnlySpan<byte> pixels);

    private int Size => settings.Model.ImageSize;

    /// <summary>What is looked up where, in words.</summary>
    public string Describe(int candidates)
    {
        string queries = data.HeldOut is null ? "training images" : "held-out images";
        return data.Train.Count <= candidates
            ? FormattableString.Invariant($"{queries} among all {data.Train.Count:n0} training images")
            : FormattableString.Invariant(
                $"{queries} among {candidates:n0} of {data.Train.Count:n0} training images, spread evenly");
    }

    /// <summary>The nearest images of each query.</summary>
    /// <param name="queries">Numbers of images that can be read.</param>
    /// <param name="count">Neighbours of each.</param>
    /// <param name="candidates">Training images to look among.</param>
    /// <exception cref="RunException">Features are no numbers.</exception>
    public IReadOnlyList<NeighbourRow> Rows(IReadOnlyList<int> queries, int count, int candidates)
    {
        IImageDataset shown = data.HeldOut ?? data.Train;
        var source = new PictureSource(shown, Size);
        var training = new PictureSource(data.Train, Size);
        List<(int Index, double[] Unit)> all = Candidates(candidates);
        var rows = new List<NeighbourRow>();
        foreach (int query in queries)
        {
            double[] unit = Unit(features(source.Pixels(query)));
            IEnumerable<NeighbourPicture> nearest = all
                .Where(candidate => shown != data.Train || candidate.Index != query)
                .Select(candidate => (candidate.Index, Cosine: Dot(candidate.Unit, unit)))
                .OrderByDescending(candidate => candidate.Cosine)
                .ThenBy(candidate => candidate.Index)
                .Take(count)
                .Select(near => new NeighbourPicture(
                    training.Picture(near.Index), training.Label(near.Index), near.Cosine));
            rows.Add(new NeighbourRow(source.Picture(query), source.Label(query), [.. nearest]));
        }

        return rows;
    }

    private List<(int Index, double[] Unit)> Candidates(int count)
    {
        int chosen = Math.Min(count, data.Train.Count);
        var found = new List<(int, double[])>(chosen);
        var subset = new DatasetSubset(data.Train, chosen);
        foreach (ImageBatch batch in EvaluationBatches.Enumerate(subset, Size, settings.Evaluation.Batch))
        {
            float[] rows = features(batch.View(0));
            int width = rows.Length / batch.Count;
            for (int i = 0; i < batch.Count; i++)
            {
                found.Add((subset.Original(batch.Samples[i]), Unit(rows.AsSpan(i * width, width))));
            }

            watch?.Advance("images for pictures", found.Count, chosen);
        }

        return found;
    }

    private static double[] Unit(ReadOnlySpan<float> row)
    {
        double[] values = new double[row.Length];
        double squares = 0;
        for (int i = 0; i < row.Length; i++)
        {
            values[i] = row[i];
            squares += values[i] * values[i];
        }

        if (!double.IsFinite(squares))
        {
            throw new RunException("the encoder's features are not finite; expected numbers; use another checkpoint.");
        }

        double length = Math.Sqrt(squares);
        return Array.ConvertAll(values, value => length > 0 ? value / length : 0);
    }

    private static double Dot(double[] a, double[] b)
    {
        double sum = 0;
        for (int i = 0; i < a.Length; i++)
        {
            sum += a[i] * b[i];
        }

        return sum;
    }
}
