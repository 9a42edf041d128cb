using CudaViT.Core;
using CudaViT.Training.Models.Nn;

namespace CudaViT.Training.Optim;

/// <summary>Euclidean lengths of gradients, for watching and for tests.</summary>
public sealed class GradientNorms
{
    private readonly int[][] _places; // of each set, in Squares

    private GradientNorms(int[][] places, NdArray? squares) => (_places, Squares) = (places, squares);

    /// <summary>
    /// Squared length of each gradient, F64 [n], still being computed; null if there is none. The step scope owns it.
    /// </summary>
    public NdArray? Squares { get; }

    /// <summary>Asks for the squared lengths, in one call for all sets, and does not wait for them.</summary>
    /// <param name="sets">
    /// Parts of a network, after a backward pass. A gradient is read once, however many sets it is in.
    /// </param>
    public static GradientNorms Begin(IReadOnlyList<ParameterSet> sets)
    {
        ArgumentNullException.ThrowIfNull(sets);
        var places = new Dictionary<Parameter, int>();
        int[][] ofSets = [.. sets.Select(set => set.Parameters
            .Where(parameter => parameter.IsTrainable && parameter.Value.Grad is not null)
            .Select(PlaceOf).ToArray())];
        return new GradientNorms(
            ofSets,
            places.Count == 0
                ? null
                : SumsOfSquares.Apply(
                    [.. places.OrderBy(pair => pair.Value).Select(pair => pair.Key.Value.Grad!)]));

        int PlaceOf(Parameter parameter)
        {
            places.TryAdd(parameter, places.Count);
            return places[parameter];
        }
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
        var norms = new List<double?>(_places.Length);
        foreach (int[] places in _places)
        {
            double sum = 0;
            foreach (int place in places)
            {
                sum += squares[place];
            }

            norms.Add(places.Length == 0 ? null : Math.Sqrt(sum));
        }

        return norms;
    }
}

/// <summary>
/// Euclidean lengths of the gradients of a network's parts; null where nothing is trained. In unstable runs a spike
/// shows in the patch projection first and in the last layers tens of steps later (arXiv:2104.02057, section 4.2).
/// </summary>
/// <param name="PatchProjection">The layer that reads pixels.</param>
/// <param name="FirstBlock">First block, or first residual stage.</param>
/// <param name="LastBlock">Last block, or last residual stage.</param>
/// <param name="Heads">Projector and predictor.</param>
/// <param name="All">Everything that is trained.</param>
/// <param name="Blocks">Every block, first to last; null in files of older versions.</param>
public sealed record PartNorms(
    double? PatchProjection,
    double? FirstBlock,
    double? LastBlock,
    double? Heads,
    double? All,
    IReadOnlyList<double?>? Blocks = null)
{
    /// <summary>Sorts lengths in the order of the input layer, every block, the heads, and everything.</summary>
    internal static PartNorms Of(IReadOnlyList<double?> lengths)
    {
        double?[] blocks = [.. lengths.Skip(1).SkipLast(2)];
        return new PartNorms(lengths[0], blocks[0], blocks[^1], lengths[^2], lengths[^1], blocks);
    }
}
