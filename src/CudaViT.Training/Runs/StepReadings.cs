using CudaViT.Core;
using CudaViT.Training.MoCo;

namespace CudaViT.Training.Runs;

/// <summary>
/// The numbers of a step that the host needs, gathered on the device so that it waits for them once, not once for each.
/// </summary>
internal sealed class StepReadings
{
    private readonly GradientNorms _norms;
    private readonly NdArray _all; // F64: loss, spread of both views, then the squared gradients

    /// <summary>Asks for them, after the backward pass. The step scope of the caller owns what is allocated.</summary>
    public StepReadings(MoCoOutput output, GradientNorms norms)
    {
        _norms = norms;
        NdArray[] scalars = [output.Loss.Data, OutputSpread.Of(output.Q1.Data), OutputSpread.Of(output.Q2.Data)];
        IEnumerable<NdArray> wide = scalars.Select(scalar => scalar.Cast(DType.F64).Reshape(1));
        NdArray[] parts = [.. wide, .. norms.Squares is { } squares ? [squares] : Array.Empty<NdArray>()];
        _all = output.Loss.Backend.Concat(parts, axis: 0);
    }

    /// <summary>Waits for the values.</summary>
    public (double Loss, PartNorms Norms, double OutputStd) Read()
    {
        double[] values = _all.ToArray<double>();
        double?[] norms = [.. _norms.Lengths(values.AsSpan(3))]; // input, every block, heads, everything
        double?[] blocks = norms[1..^2];
        return (
            values[0],
            new PartNorms(norms[0], blocks[0], blocks[^1], norms[^2], norms[^1], blocks),
            (values[1] + values[2]) / 2);
    }
}
