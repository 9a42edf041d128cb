using CudaViT.Training.Nn;

namespace CudaViT.Training.Optim;

/// <summary>Parameters that an optimizer treats alike.</summary>
/// <param name="Parameters">
/// Trainable parameters; those that are not trainable when a step is taken are passed over.
/// </param>
/// <param name="WeightDecay">Weight decay of all of them.</param>
public sealed record ParameterGroup(IReadOnlyList<Parameter> Parameters, double WeightDecay)
{
    /// <summary>Groups the trainable ones among <paramref name="parameters"/>.</summary>
    /// <param name="parameters">Parameters of a model.</param>
    /// <param name="weightDecay">
    /// Weight decay of those that <paramref name="scope"/> includes; the others get none.
    /// </param>
    /// <param name="scope">Which parameters decay.</param>
    public static IReadOnlyList<ParameterGroup> Of(
        IEnumerable<Parameter> parameters, double weightDecay, DecayScope scope = DecayScope.All)
    {
        Parameter[] trainable = [.. parameters.Where(parameter => parameter.IsTrainable)];
        if (scope == DecayScope.All)
        {
            return [new ParameterGroup(trainable, weightDecay)];
        }

        ILookup<bool, Parameter> byDecay = trainable.ToLookup(parameter => parameter.Shape.Count(size => size > 1) > 1);
        return [new([.. byDecay[true]], weightDecay), new([.. byDecay[false]], 0)];
    }
}
