namespace CudaViT.Core.Tests;

/// <summary>
/// An operation made of a name, a result and a gradient, computed on the host: what tests of the tape need.
/// </summary>
internal sealed class Custom : Operation
{
    private readonly Func<NdArray, NdArray?[]> _backward;

    private Custom(string name, Tensor[] inputs, NdArray[] saved, Func<NdArray, NdArray?[]> backward)
        : base(inputs, saved) =>
        (Name, _backward) = (name, backward);

    public override string Name { get; }

    /// <summary>Records <paramref name="y"/> as the result of an operation with the given gradient.</summary>
    public static Tensor Apply(
        string name, NdArray y, Tensor[] inputs, Func<NdArray, NdArray?[]> backward, params NdArray[] saved) =>
        Tape.Record(y, new Custom(name, inputs, saved, backward));

    /// <summary>y = f(x) and dx = dy·f′(x), element by element.</summary>
    public static Tensor Map(Tensor x, Func<double, double> f, Func<double, double> derivative, string name = "Map") =>
        Apply(
            name, Zip(x.Data, x.Data, (v, _) => f(v)), [x], dy => [Zip(dy, x.Data, (g, v) => g * derivative(v))],
            x.Data);

    /// <summary>y = x².</summary>
    public static Tensor Square(Tensor x) => Map(x, v => v * v, v => 2 * v, nameof(Square));

    /// <summary>y = a·b, element by element.</summary>
    public static Tensor Multiply(Tensor a, Tensor b) => Apply(
        nameof(Multiply), Zip(a.Data, b.Data, (x, y) => x * y), [a, b],
        dy => [Zip(dy, b.Data, (g, y) => g * y), Zip(dy, a.Data, (g, x) => g * x)], a.Data, b.Data);

    /// <summary>y = a + b. Both gradients are dy itself, so that several places share its memory.</summary>
    public static Tensor Add(Tensor a, Tensor b) =>
        Apply(nameof(Add), Zip(a.Data, b.Data, (x, y) => x + y), [a, b], dy => [dy, dy]);

    /// <summary>Combines two arrays of equal size; the result is like the first.</summary>
    public static NdArray Zip(NdArray a, NdArray b, Func<double, double, double> f) =>
        NdArray.FromDoubles(a.Backend, [.. a.ToDoubles().Zip(b.ToDoubles(), f)], a.Shape, a.DType);

    protected override NdArray?[] Backward(NdArray dy) => _backward(dy);
}
