using CudaViT.Core;
using CudaViT.Training.Nn;

namespace CudaViT.Training.MoCo;

/// <summary>Euclidean lengths of gradients, for watching and for tests.</summary>
public sealed class GradientNorms
{
    private readonly int[] _counts; // gradients of each set

    private GradientNorms(int[] counts, NdArray? squares) => (_counts, Squares) = (counts, squares);

    /// <summary>
    /// Squared length of each gradient, F64 [n], one set after the other, still being computed; null if there is none. The
    /// step scope owns it.
    /// </summary>
    public NdArray? Squares { get; }

    /// <summary>Asks for the squared lengths, in one call for all sets, and does not wait for them.</summary>
    /// <param name="sets">Parts of a network, after a backward pass.</param>
    public static GradientNorms Begin(IReadOnlyList<ParameterSet> sets)
    {
        ArgumentNullException.ThrowIfNull(sets);
        NdArray[][] gradients = [.. sets.Select(set => set.Parameters
            .Where(parameter => parameter.IsTrainable && parameter.Value.Grad is not null)
            .Select(parameter => parameter.Value.Grad!).ToArray())];
        NdArray[] all = [.. gradients.SelectMany(list => list)];
        return new GradientNorms(
            Array.ConvertAll(gradients, list => list.Length), all.Length == 0 ? null : SumsOfSquares.Apply(all));
    }

    /// <summary>Length of the gradients of each set of parameters together, read at once.</summary>
    /// <param name="sets">Parts of a network, after a backward pass.</param>
    /// <returns>One length per set; null where no parameter has a gradient, such as in a frozen part.</returns>
    public static IReadOnlyList<double?> Of(IReadOnlyList<ParameterSet> sets)
    {
        using var scope = new StepScope();
        var norms = Begin(sets);
        return norms.Lengths(norms.Squares?.ToArray<double>());
    }

    /// <summary>Lengths by set from the values of <see cref="Squares"/>.</summary>
    /// <returns>One length per set; null where no parameter has a gradient, such as in a frozen part.</returns>
    public IReadOnlyList<double?> Lengths(ReadOnlySpan<double> squares)
    {
        var norms = new List<double?>();
        foreach (int count in _counts)
        {
            norms.Add(count == 0 ? null : Math.Sqrt(squares[..count].ToArray().Sum()));
            squares = squares[count..];
        }

        return norms;
    }
}
