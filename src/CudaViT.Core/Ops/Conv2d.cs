namespace CudaViT.Core;

/// <summary>Two-dimensional convolution (without flipping the kernel, as everywhere in deep learning).</summary>
/// <remarks>
/// y[n, o, i, j] = bias[o] + Σ_{c,r,s} weight[o, c, r, s] · x[n, c, i·stride − padding + r, j·stride − padding + s],
/// with zeros outside of x. With columns[(c,r,s), (i,j)] the values under the kernel, y = weight·columns, dweight = Σₙ
/// dy·columnsᵀ, and dx adds up weightᵀ·dy where the columns came from (Chellapilla, Puri and Simard, "High Performance
/// Convolutional Neural Networks for Document Processing", 2006).
/// </remarks>
public sealed class Conv2d : Operation
{
    private readonly NdArray _x;       // [N, C, H, W]
    private readonly NdArray _weight;  // [O, C, KH, KW]
    private readonly SlidingWindow _window;

    private Conv2d(Tensor x, Tensor weight, Tensor? bias, SlidingWindow window)
        : base(inputs: [x, weight, bias], saved: [x.Data, weight.Data]) =>
        (_x, _weight, _window) = (x.Data, weight.Data, window);

    /// <summary>Convolves <paramref name="x"/> and records the step on the tape.</summary>
    /// <param name="x">[N, C, H, W]; F64, F32 or BF16.</param>
    /// <param name="weight">[O, C, KH, KW].</param>
    /// <param name="bias">[O], or null for none.</param>
    /// <param name="stride">Distance between positions of the kernel.</param>
    /// <param name="padding">Zeros added on each side; less than the kernel.</param>
    /// <returns>[N, O, (H + 2·padding − KH) / stride + 1, (W + 2·padding − KW) / stride + 1].</returns>
    /// <exception cref="ArgumentException">Shapes, types or devices do not fit.</exception>
    /// <exception cref="ArgumentOutOfRangeException">Stride or padding is out of range.</exception>
    public static Tensor Apply(Tensor x, Tensor weight, Tensor? bias = null, int stride = 1, int padding = 0)
    {
        Require.Float(x, nameof(Conv2d));
        Require.SameKind(weight, x, nameof(Conv2d), nameof(weight));
        if (x.Shape.Rank != 4 || weight.Shape.Rank != 4 || weight.Shape[1] != x.Shape[1])
        {
            throw new ArgumentException(
                $"Conv2d: x must be [N, C, H, W] and weight [O, C, KH, KW] with the same C, but their shapes are "
                + $"{x.Shape} and {weight.Shape}.");
        }

        var window = SlidingWindow.On(x, weight.Shape[2], weight.Shape[3], stride, padding, nameof(Conv2d));
        if (bias is not null)
        {
            Require.Like(bias, [weight.Shape[0]], x, nameof(Conv2d), nameof(bias));
        }

        NdArray y = x.Backend.Conv2d(x.Data, weight.Data, bias?.Data, window);
        return Tape.Record(y, new Conv2d(x, weight, bias, window));
    }

    /// <inheritdoc/>
    protected internal override NdArray?[] Backward(NdArray dy)
    {
        (NdArray? dx, NdArray? dWeight, NdArray? dBias) = dy.Backend.Conv2dBackward(
            dy, _x, _weight, _window, NeedsGradient(0), NeedsGradient(1), NeedsGradient(2));
        return [dx, dWeight, dBias];
    }
}

public partial interface IBackend
{
    /// <summary>Returns y [N, O, OH, OW].</summary>
    NdArray Conv2d(NdArray x, NdArray weight, NdArray? bias, SlidingWindow window);

    /// <summary>Returns those of dx [N, C, H, W], dweight [O, C, KH, KW] and dbias [O] that are needed.</summary>
    (NdArray? Dx, NdArray? DWeight, NdArray? DBias) Conv2dBackward(
        NdArray dy, NdArray x, NdArray weight, SlidingWindow window, bool needsDx, bool needsDWeight, bool needsDBias);
}
