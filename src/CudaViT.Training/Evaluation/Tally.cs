namespace CudaViT.Training.Evaluation;

/// <summary>Counts right and wrong answers of a classifier.</summary>
internal sealed class Tally
{
    private const int Many = 5;

    private int _images;
    private int _first;
    private int _amongFive;

    public Tally(int classes) => Confusion = [.. Enumerable.Range(0, classes).Select(_ => new int[classes])];

    /// <summary>Images by true class (row) and predicted class (column).</summary>
    public IReadOnlyList<int[]> Confusion { get; }

    public double Top1 => _images == 0 ? 0 : (double)_first / _images;

    public double Top5 => _images == 0 ? 0 : (double)_amongFive / _images;

    /// <summary>Counts one image. Among equal logits the class with the smaller number comes first.</summary>
    /// <param name="logits">One per class; those of a classifier that diverged are no numbers, and no answer.</param>
    /// <param name="label">The true class.</param>
    public void Add(ReadOnlySpan<double> logits, int label)
    {
        int best = 0;
        int before = 0;
        for (int i = 0; i < logits.Length; i++)
        {
            best = logits[i] > logits[best] ? i : best;
            before += logits[i] > logits[label] || (logits[i] == logits[label] && i < label) ? 1 : 0;
        }

        bool isNumber = double.IsFinite(logits[label]);
        _images++;
        _first += isNumber && best == label ? 1 : 0;
        _amongFive += isNumber && before < Many ? 1 : 0;
        Confusion[label][best]++;
    }

    /// <summary>Every class on its own.</summary>
    public IEnumerable<ClassScore> Classes(IReadOnlyList<string>? names)
    {
        for (int i = 0; i < Confusion.Count; i++)
        {
            int images = Confusion[i].Sum();
            int predicted = Confusion.Sum(row => row[i]);
            int right = Confusion[i][i];
            yield return new ClassScore(
                i,
                names?[i],
                images,
                images == 0 ? null : (double)right / images,
                predicted == 0 ? null : (double)right / predicted);
        }
    }
}

/// <summary>How one class did.</summary>
/// <param name="Class">Its number.</param>
/// <param name="Name">Its name, if known.</param>
/// <param name="Images">Held-out images of it.</param>
/// <param name="Top1">Share of them that were recognized, 0 to 1; null without any.</param>
/// <param name="Precision">Share of images taken for this class that are of it; null if there were none.</param>
public sealed record ClassScore(int Class, string? Name, int Images, double? Top1, double? Precision);
