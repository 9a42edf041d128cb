namespace CudaViT.Core;

/// <summary>What the broadcasting operations share: checks on the way in, sums on the way back.</summary>
internal static class Broadcasting
{
    /// <summary>Two floating-point operands of one kind whose shapes broadcast.</summary>
    /// <exception cref="ArgumentException">They do not go together.</exception>
    public static void Require(Tensor a, Tensor b, string operation)
    {
        Core.Require.Float(a, operation, nameof(a));
        Core.Require.SameKind(b, a, operation, nameof(b));
        _ = Shape.Broadcast(a.Shape, b.Shape);
    }

    /// <summary>The gradient of a stretched operand: summed over what it was stretched along, times a factor.</summary>
    public static NdArray Reduce(NdArray gradient, Shape shape, double factor = 1) =>
        gradient.Shape != shape ? gradient.Backend.SumTo(gradient, shape, factor)
        : factor == 1 ? gradient
        : gradient.Backend.Scale(gradient, factor);

    /// <summary><see cref="Reduce"/> for a gradient that nobody else refers to: its memory goes back at once.</summary>
    public static NdArray ReduceOwn(NdArray gradient, Shape shape, double factor = 1)
    {
        NdArray result = Reduce(gradient, shape, factor);
        if (result != gradient)
        {
            gradient.Storage.Release();
        }

        return result;
    }
}
