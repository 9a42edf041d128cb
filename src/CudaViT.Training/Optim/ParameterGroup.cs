using CudaViT.Training.Models.Nn;
using CudaViT.Training.Settings;

namespace CudaViT.Training.Optim;

/// <summary>Parameters that an optimizer treats alike.</summary>
/// <param name="Parameters">
/// Trainable parameters; those that are not trainable when a step is taken are passed over.
/// </param>
/// <param name="WeightDecay">Weight decay of all of them.</param>
/// <param name="RateScale">What the learning rate is multiplied with for them.</param>
public sealed record ParameterGroup(IReadOnlyList<Parameter> Parameters, double WeightDecay, double RateScale = 1)
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

    /// <summary>Groups the trainable parameters of an encoder as fine-tuning treats them.</summary>
    /// <remarks>
    /// Weights decay; biases, norms and what else has one axis, the class token and the position table do not (DeiT,
    /// arXiv:2012.12877). The learning rate of a layer is the one above it times <paramref name="layerDecay"/> (BEiT,
    /// arXiv:2106.08254, section 3.2), counting the input and the output with the head as layers.
    /// </remarks>
    /// <param name="layers">Parameters by depth; see <see cref="Encoder.Layers"/>.</param>
    /// <param name="weightDecay">Weight decay of those that decay.</param>
    /// <param name="layerDecay">From 0 to 1; 1 for one learning rate.</param>
    public static IReadOnlyList<ParameterGroup> ByLayer(
        IReadOnlyList<IReadOnlyList<Parameter>> layers, double weightDecay, double layerDecay)
    {
        ArgumentNullException.ThrowIfNull(layers);
        var groups = new List<ParameterGroup>();
        for (int i = 0; i < layers.Count; i++)
        {
            double scale = Math.Pow(layerDecay, layers.Count - 1 - i);
            ILookup<bool, Parameter> byDecay = layers[i]
                .Where(parameter => parameter.IsTrainable)
                .ToLookup(parameter => parameter.Shape.Rank > 1 && !IsTable(parameter));
            groups.Add(new ParameterGroup([.. byDecay[true]], weightDecay, scale));
            groups.Add(new ParameterGroup([.. byDecay[false]], 0, scale));
        }

        return layerDecay == 1 ? Merge(groups) : groups;
    }

    private static bool IsTable(Parameter parameter) => parameter.LocalName is "pos_embed" or "cls_token";

    // Equal groups in one: an optimizer makes a launch for each.
    private static ParameterGroup[] Merge(IReadOnlyList<ParameterGroup> groups) =>
    [
        .. groups.GroupBy(group => group.WeightDecay)
            .Select(equal => new ParameterGroup([.. equal.SelectMany(group => group.Parameters)], equal.Key)),
    ];
}
