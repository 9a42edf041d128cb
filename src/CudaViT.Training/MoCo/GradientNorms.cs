using CudaViT.Core;
using CudaViT.Training.Nn;

namespace CudaViT.Training.MoCo;

/// <summary>Euclidean lengths of gradients, for watching and for tests.</summary>
public static class GradientNorms
{
    /// <summary>Length of the gradients of each set of parameters together.</summary>
    /// <param name="sets">Parts of a network, after a backward pass.</param>
    /// <returns>One length per set; null where no parameter has a gradient, such as in a frozen part.</returns>
    public static IReadOnlyList<double?> Of(IReadOnlyList<ParameterSet> sets)
    {
        ArgumentNullException.ThrowIfNull(sets);
        NdArray[][] gradients = [.. sets.Select(set => set.Parameters
            .Where(parameter => parameter.IsTrainable && parameter.Value.Grad is not null)
            .Select(parameter => parameter.Value.Grad!).ToArray())];
        NdArray[] all = [.. gradients.SelectMany(list => list)];
        if (all.Length == 0)
        {
            return [.. sets.Select(_ => (double?)null)];
        }

        // One call and one transfer for all sets.
        using var scope = new StepScope();
        double[] squares = SumsOfSquares.Apply(all).ToArray<double>();
        var norms = new List<double?>();
        int first = 0;
        foreach (NdArray[] list in gradients)
        {
            norms.Add(list.Length == 0 ? null : Math.Sqrt(squares.AsSpan(first, list.Length).ToArray().Sum()));
            first += list.Length;
        }

        return norms;
    }
}
