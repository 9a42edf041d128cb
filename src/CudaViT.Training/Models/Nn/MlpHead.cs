using System.Globalization;
using CudaViT.Core;

namespace CudaViT.Training.Models.Nn;

/// <summary>
/// Projector or predictor: linear layers without bias, each but the last followed by batch normalization and ReLU, the
/// last by batch normalization without scale and shift, or by nothing.
/// </summary>
/// <remarks>
/// Children carry the numbers of the reference implementation's sequence, in which ReLU counts: 0, 1 (2), 3, 4 (5), 6,
/// 7. Without batch normalization the linear layers keep theirs. MoCo v3, arXiv:2104.02057, section 4.
/// </remarks>
public sealed class MlpHead : Module
{
    private readonly List<(LinearLayer Linear, BatchNormLayer? Norm)> _layers = [];

    /// <summary>Declares the layers.</summary>
    /// <param name="layers">Number of linear layers.</param>
    /// <param name="inputs">Width of the input.</param>
    /// <param name="hidden">Width between layers.</param>
    /// <param name="outputs">Width of the output.</param>
    /// <param name="hasNorm">Whether there is batch normalization at all.</param>
    /// <param name="lastNorm">Whether the output is normalized, too.</param>
    public MlpHead(int layers, int inputs, int hidden, int outputs, bool hasNorm = true, bool lastNorm = true)
    {
        for (int i = 0; i < layers; i++)
        {
            bool isLast = i == layers - 1;
            (int from, int to) = (i == 0 ? inputs : hidden, isLast ? outputs : hidden);
            var linear = new LinearLayer(from, to, Initializers.FanInUniform(from), bias: null);
            AddChild((3 * i).ToString(CultureInfo.InvariantCulture), linear);
            BatchNormLayer? norm = hasNorm && (!isLast || lastNorm)
                ? AddChild(
                    ((3 * i) + 1).ToString(CultureInfo.InvariantCulture),
                    new BatchNormLayer(to, isLast ? null : Initializers.Ones))
                : null;
            _layers.Add((linear, norm));
        }
    }

    /// <summary>Maps features to embeddings.</summary>
    /// <param name="x">[N, in].</param>
    /// <param name="groups">Number of equal runs of rows that are normalized on their own, such as views.</param>
    /// <returns>[N, out], in the type of <paramref name="x"/>.</returns>
    public Tensor Forward(Tensor x, int groups = 1)
    {
        for (int i = 0; i < _layers.Count; i++)
        {
            (LinearLayer linear, BatchNormLayer? norm) = _layers[i];
            x = linear.Forward(x);
            x = norm?.Forward(x, groups) ?? x;
            x = i < _layers.Count - 1 ? Relu.Apply(x) : x;
        }

        return x;
    }
}
