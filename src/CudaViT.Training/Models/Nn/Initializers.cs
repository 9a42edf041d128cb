using CudaViT.Core;

namespace CudaViT.Training.Models.Nn;

/// <summary>The distributions that parameters start from.</summary>
public static class Initializers
{
    /// <summary>All zeros.</summary>
    public static Initializer Zeros { get; } = Constant(0);

    /// <summary>All ones.</summary>
    public static Initializer Ones { get; } = Constant(1);

    /// <summary>One value everywhere.</summary>
    public static Initializer Constant(double value) => (values, _) => values.Fill(value);

    /// <summary>Uniform in [−<paramref name="bound"/>, <paramref name="bound"/>).</summary>
    public static Initializer Uniform(double bound) => (values, stream) =>
    {
        stream.FillUniform(values);
        foreach (ref double value in values)
        {
            value = ((2 * value) - 1) * bound;
        }
    };

    /// <summary>Normal with mean 0. Nothing lies further out than 8.6 standard deviations.</summary>
    public static Initializer Normal(double standardDeviation) => (values, stream) =>
    {
        stream.FillNormal(values);
        foreach (ref double value in values)
        {
            value *= standardDeviation;
        }
    };

    /// <summary>
    /// Uniform with variance 2 / (<paramref name="fanIn"/> + <paramref name="fanOut"/>): bound √(6 / (fan in + fan
    /// out)).
    /// </summary>
    /// <remarks>
    /// X. Glorot, Y. Bengio, "Understanding the difficulty of training deep feedforward networks", 2010.
    /// </remarks>
    public static Initializer XavierUniform(int fanIn, int fanOut) => Uniform(Math.Sqrt(6.0 / (fanIn + fanOut)));

    /// <summary>Uniform with bound 1 / √(fan in): what layers start from that no recipe initializes.</summary>
    public static Initializer FanInUniform(int fanIn) => Uniform(1 / Math.Sqrt(fanIn));

    /// <summary>Normal with variance 2 / (fan out), which keeps the size of gradients through ReLU layers.</summary>
    /// <remarks>K. He et al., "Delving deep into rectifiers", arXiv:1502.01852.</remarks>
    public static Initializer KaimingNormal(int fanOut) => Normal(Math.Sqrt(2.0 / fanOut));

    /// <summary>Given values.</summary>
    public static Initializer Values(Func<double[]> make) => (values, _) => make().CopyTo(values);
}

/// <summary>Writes the initial values of a parameter: all of its elements, in row-major order.</summary>
/// <param name="values">To be filled.</param>
/// <param name="stream">Random numbers that belong to this parameter alone.</param>
public delegate void Initializer(Span<double> values, RandomStream stream);
