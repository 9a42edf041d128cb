using CudaViT.Core;
using CudaViT.TestKit;
using CudaViT.Training.Models.Nn;

namespace CudaViT.Training.Tests.Optim;

/// <summary>A module of a matrix, a vector and a class token, whose gradients a test can choose.</summary>
internal sealed class TwoParameters : Module
{
    private TwoParameters()
    {
        // 7 x 19 and 13 elements: vectors of 4 and of 8 leave a rest.
        Matrix = AddParameter("matrix", [7, 19], Initializers.Normal(1));
        Vector = AddParameter("vector", [13], Initializers.Normal(1));
        Token = AddParameter("token", [1, 1, 5], Initializers.Normal(1));
    }

    public Parameter Matrix { get; }

    public Parameter Vector { get; }

    public Parameter Token { get; }

    public static TwoParameters Create(TestRun run, DType dtype)
    {
        var model = new TwoParameters();
        model.Initialize(run.Backend, dtype, seed: 3);
        return model;
    }

    /// <summary>Lets a backward pass leave a gradient; returns it as rounded to the parameter's type.</summary>
    public double[] SetGradient(Parameter parameter, int seed, double scale = 1)
    {
        Tensor value = parameter.Value;
        double[] gradient = Values.Normal(value.Data.Count, seed, scale);
        value.Reshape(value.Shape.Dimensions)
            .Backward(NdArray.FromDoubles(value.Backend, gradient, value.Shape, value.DType));
        return value.Grad!.ToDoubles();
    }
}
