using CudaViT.Core;
using CudaViT.Data.Pixels;
using CudaViT.Training.Settings.FineTuning;

namespace CudaViT.Training.Runs.FineTuning;

/// <summary>
/// How a batch is mixed with itself in reverse order: blended (mixup), or with a box taken over (CutMix), the same for
/// all images of the batch.
/// </summary>
/// <remarks>
/// H. Zhang et al., arXiv:1710.09412; S. Yun et al., arXiv:1905.04899; chosen between for each batch as in DeiT,
/// arXiv:2012.12877.
/// </remarks>
/// <param name="Weight">Share of an image's own class in its target, 0 to 1; 1 when nothing is mixed.</param>
/// <param name="Box">What is taken over from the other image; null to blend all of it.</param>
public readonly record struct BatchMixing(double Weight, CropBox? Box)
{
    /// <summary>Draws how a batch is mixed.</summary>
    /// <param name="random">Where the numbers come from.</param>
    /// <param name="recipe">How strong, and which how often.</param>
    /// <param name="size">Height and width of the images.</param>
    internal static BatchMixing Draw(ref RandomSequence random, FineTuneRecipe recipe, int size)
    {
        bool cuts = recipe.Cutmix > 0 && (recipe.Mixup == 0 || random.NextBool(recipe.SwitchProbability));
        double alpha = cuts ? recipe.Cutmix : recipe.Mixup;
        if (alpha == 0)
        {
            return new BatchMixing(1, null);
        }

        double weight = random.NextBeta(alpha, alpha);
        if (!cuts)
        {
            return new BatchMixing(weight, null);
        }

        int half = (int)(size * Math.Sqrt(1 - weight)) / 2;
        (int y, int x) = (random.NextInt(size), random.NextInt(size));
        (int top, int left) = (Math.Max(y - half, 0), Math.Max(x - half, 0));
        int height = Math.Min(y + half, size) - top;
        int width = Math.Min(x + half, size) - left;
        double taken = (double)height * width / ((double)size * size);
        return new BatchMixing(1 - taken, new CropBox(top, left, height, width));
    }

    /// <summary>Mixes images, off the tape.</summary>
    /// <param name="images">[B, C, H, W].</param>
    public Tensor Apply(Tensor images)
    {
        ArgumentNullException.ThrowIfNull(images);
        if (Weight == 1)
        {
            return images;
        }

        using var scope = new StepScope();
        using var noGrad = new NoGrad();
        Tensor others = images.GatherRows(Reversed(images.Backend, images.Shape[0]));
        if (Box is not { } box)
        {
            return scope.Keep((images * Weight) + (others * (1 - Weight)));
        }

        (Tensor inside, Tensor outside) = Masks(images, box);
        return scope.Keep((images * outside) + (others * inside));
    }

    /// <summary>The loss under the mixed targets.</summary>
    /// <remarks>
    /// Cross entropy is linear in the target, so the loss of λt + (1 − λ)t′ is λ times that of t and (1 − λ) times that
    /// of t′.
    /// </remarks>
    /// <param name="logits">[B, classes].</param>
    /// <param name="labels">[B].</param>
    /// <param name="labelSmoothing">Share of the target that is spread over all classes.</param>
    public Tensor Loss(Tensor logits, ReadOnlySpan<int> labels, double labelSmoothing)
    {
        ArgumentNullException.ThrowIfNull(logits);
        int[] own = labels.ToArray();
        Tensor loss = CrossEntropy.Apply(logits, NdArray.From<int>(logits.Backend, own, [own.Length]), labelSmoothing);
        if (Weight == 1)
        {
            return loss;
        }

        Array.Reverse(own);
        NdArray others = NdArray.From<int>(logits.Backend, own, [own.Length]);
        return (loss * Weight) + (CrossEntropy.Apply(logits, others, labelSmoothing) * (1 - Weight));
    }

    private static NdArray Reversed(IBackend backend, int count)
    {
        int[] order = [.. Enumerable.Range(0, count)];
        Array.Reverse(order);
        return NdArray.From<int>(backend, order, [count]);
    }

    // 1 within the box and 0 elsewhere, and the other way round: products with them are exact.
    private static (Tensor Inside, Tensor Outside) Masks(Tensor images, CropBox box)
    {
        (int height, int width) = (images.Shape[2], images.Shape[3]);
        double[] inside = new double[height * width];
        for (int row = box.Top; row < box.Top + box.Height; row++)
        {
            inside.AsSpan((row * width) + box.Left, box.Width).Fill(1);
        }

        return (Mask(inside), Mask(Array.ConvertAll(inside, value => 1 - value)));

        Tensor Mask(double[] values) =>
            new(NdArray.FromDoubles(images.Backend, values, [1, 1, height, width], images.DType));
    }
}
