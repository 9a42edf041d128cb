using CudaViT.Core;
using CudaViT.TestKit;
using CudaViT.Training.Optim;
using CudaViT.Training.Settings;

namespace CudaViT.Training.Tests.Optim;

public sealed class OptimizerTests
{
    private const int Steps = 10;
    private const double Decay = 0.1;

    public static TheoryData<string, DType> Cases
    {
        get
        {
            var data = new TheoryData<string, DType>();
            foreach (string rule in (string[])["adamw", "lars", "lamb", "sgd"])
            {
                data.Add(rule, DType.F64);
                data.Add(rule, DType.F32);
            }

            return data;
        }
    }

    [Theory, MemberData(nameof(Cases))]
    public void Ten_steps_follow_the_double_reference(string rule, DType dtype)
    {
        using TestRun run = Backends.Open("cpu");
        TwoParameters model = TwoParameters.Create(run, dtype);
        Optimizer optimizer = Create(rule, ParameterGroup.Of(model.Parameters(), Decay));
        (double[] matrix, double[] vector) = (model.Matrix.Value.Data.ToDoubles(), model.Vector.Value.Data.ToDoubles());
        var matrixReference = new OptimizerReference(rule, matrix, isVector: false, Decay);
        var vectorReference = new OptimizerReference(rule, vector, isVector: true, Decay);

        for (int step = 0; step < Steps; step++)
        {
            // 0 in the first step, as in a warm-up: the state must move all the same.
            double learningRate = 0.01 * step;
            double[] matrixGradient = model.SetGradient(model.Matrix, seed: 100 + step);
            double[] vectorGradient = model.SetGradient(model.Vector, seed: 200 + step);
            optimizer.Step(learningRate);
            optimizer.ZeroGrad();
            matrixReference.Step(matrixGradient, learningRate);
            vectorReference.Step(vectorGradient, learningRate);
        }

        Tolerance tolerance = Tolerance.For(dtype, reduced: 64).Times(Steps);
        TensorAssert.Close(matrixReference.Parameter, model.Matrix.Value, tolerance, "matrix");
        TensorAssert.Close(vectorReference.Parameter, model.Vector.Value, tolerance, "vector");
        var state = optimizer.State().ToDictionary(entry => entry.Name, entry => entry.Array);
        string first = state.ContainsKey("opt.matrix.mu") ? "mu" : "m";
        TensorAssert.Close(matrixReference.First, state[$"opt.matrix.{first}"], tolerance, "first state");
        if (first == "m")
        {
            TensorAssert.Close(matrixReference.Second, state["opt.matrix.v"], tolerance, "second state");
        }

        Assert.Equal(Steps, state["opt.step"].Item());
    }

    [Theory]
    [InlineData("adamw")]
    [InlineData("lars")]
    [InlineData("lamb")]
    [InlineData("sgd")]
    public void A_zero_gradient_on_zero_parameters_stays_zero(string rule)
    {
        using TestRun run = Backends.Open("cpu");
        TwoParameters model = TwoParameters.Create(run, DType.F32);
        model.Matrix.Value.Data.CopyFrom<float>(new float[model.Matrix.Shape.Count]);
        Optimizer optimizer = Create(rule, ParameterGroup.Of([model.Matrix], Decay));

        model.SetGradient(model.Matrix, seed: 1, scale: 0);
        optimizer.Step(0.1);

        // Both norms are 0: the trust ratio is 1, not 0/0.
        Assert.All(model.Matrix.Value.Data.ToArray<float>(), value => Assert.Equal(0f, value));
    }

    [Fact]
    public void Matrices_only_spares_vectors_and_the_class_token()
    {
        using TestRun run = Backends.Open("cpu");
        TwoParameters model = TwoParameters.Create(run, DType.F32);
        IReadOnlyList<ParameterGroup> groups = ParameterGroup.Of(model.Parameters(), Decay, DecayScope.MatricesOnly);

        Assert.Equal([model.Matrix], groups[0].Parameters);
        Assert.Equal(Decay, groups[0].WeightDecay);
        Assert.Equal([model.Vector, model.Token], groups[1].Parameters);
        Assert.Equal(0, groups[1].WeightDecay);
    }

    [Fact]
    public void What_has_no_gradient_or_is_not_trainable_does_not_move()
    {
        using TestRun run = Backends.Open("cpu");
        TwoParameters model = TwoParameters.Create(run, DType.F32);
        float[] token = model.Token.Value.Data.ToArray<float>();
        float[] vector = model.Vector.Value.Data.ToArray<float>();
        Optimizer optimizer = Create("adamw", ParameterGroup.Of(model.Parameters(), Decay));

        model.SetGradient(model.Matrix, seed: 1);
        model.SetGradient(model.Vector, seed: 1);
        model.Vector.IsTrainable = false;
        optimizer.Step(0.1);

        Assert.Equal(token, model.Token.Value.Data.ToArray<float>());
        Assert.Equal(vector, model.Vector.Value.Data.ToArray<float>());
    }

    [Fact]
    public void A_loaded_state_goes_on_with_the_same_bits()
    {
        using TestRun run = Backends.Open("cpu");
        TwoParameters model = TwoParameters.Create(run, DType.F32);
        Optimizer optimizer = Create("adamw", ParameterGroup.Of(model.Parameters(), Decay));
        model.SetGradient(model.Matrix, seed: 1);
        optimizer.Step(0.1);

        TwoParameters copy = TwoParameters.Create(run, DType.F32);
        Optimizer resumed = Create("adamw", ParameterGroup.Of(copy.Parameters(), Decay));
        copy.Load(model.State().ToDictionary(entry => entry.Name, entry => entry.Array));
        resumed.Load(optimizer.State().ToDictionary(entry => entry.Name, entry => entry.Array));
        foreach ((TwoParameters each, Optimizer its) in new[] { (model, optimizer), (copy, resumed) })
        {
            each.Matrix.Value.ZeroGrad();
            each.SetGradient(each.Matrix, seed: 2);
            its.Step(0.1);
        }

        TensorAssert.SameBits(model.Matrix.Value.Data, copy.Matrix.Value.Data);
        Assert.Equal(2, resumed.StepCount);
    }

    [Fact]
    public void A_step_counts_as_a_change_in_place()
    {
        using TestRun run = Backends.Open("cpu");
        TwoParameters model = TwoParameters.Create(run, DType.F32);
        Optimizer optimizer = Create("sgd", ParameterGroup.Of(model.Parameters(), Decay));
        model.SetGradient(model.Matrix, seed: 1);
        int before = model.Matrix.Value.Data.Storage.Version;
        optimizer.Step(0.1);
        Assert.NotEqual(before, model.Matrix.Value.Data.Storage.Version);
    }

    private static Optimizer Create(string rule, IReadOnlyList<ParameterGroup> groups) => rule switch
    {
        "adamw" => new AdamW(groups),
        "lars" => new Lars(groups),
        "lamb" => new Lamb(groups),
        _ => new Sgd(groups),
    };
}
