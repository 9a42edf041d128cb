using CudaViT.Core;
using CudaViT.Training.Nn;

namespace CudaViT.Training.MoCo;

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
