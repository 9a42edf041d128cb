using CudaViT.Core;
using CudaViT.TestKit;
using CudaViT.Training.Models.Nn;
using CudaViT.Training.Tests.Optim;

namespace CudaViT.Training.Tests.Nn;

public sealed class ModuleTests
{
    [Fact]
    public void Loading_lists_what_is_missing_left_over_and_of_another_shape_and_changes_nothing()
    {
        using TestRun run = Backends.Open("cpu");
        TwoParameters model = TwoParameters.Create(run, DType.F32);
        float[] before = model.Matrix.Value.Data.ToArray<float>();
        var state = new Dictionary<string, NdArray>
        {
            ["matrix"] = run.Array(new double[7 * 19], [7, 19], DType.F32),
            ["vector"] = run.Array(new double[12], [12], DType.F32),
            ["extra"] = run.Array(new double[1], [1], DType.F32),
        };

        StateException error = Assert.Throws<StateException>(() => model.Load(state));

        Assert.Contains("1 missing (token)", error.Message, StringComparison.Ordinal);
        Assert.Contains("1 not expected (extra)", error.Message, StringComparison.Ordinal);
        Assert.Contains("vector F32[12] instead of F32[13]", error.Message, StringComparison.Ordinal);
        Assert.Equal(before, model.Matrix.Value.Data.ToArray<float>());
    }

    [Fact]
    public void Floating_point_states_are_converted()
    {
        using TestRun run = Backends.Open("cpu");
        TwoParameters narrow = TwoParameters.Create(run, DType.F32);
        TwoParameters wide = TwoParameters.Create(run, DType.F64);
        wide.Matrix.Value.Data.CopyFrom<double>(new double[7 * 19]);

        wide.Load(narrow.State().ToDictionary(entry => entry.Name, entry => entry.Array));

        Assert.Equal(narrow.Matrix.Value.Data.ToDoubles(), wide.Matrix.Value.Data.ToDoubles());
    }

    [Fact]
    public void Values_depend_on_seed_and_name_alone()
    {
        using TestRun run = Backends.Open("cpu");
        TwoParameters first = TwoParameters.Create(run, DType.F32);
        TwoParameters second = TwoParameters.Create(run, DType.F32);
        TensorAssert.SameBits(first.Matrix.Value.Data, second.Matrix.Value.Data);

        second.Initialize(run.Backend, DType.F32, seed: 4);
        Assert.NotEqual(first.Matrix.Value.Data.ToArray<float>(), second.Matrix.Value.Data.ToArray<float>());
        Assert.NotEqual(
            first.Matrix.Value.Data.ToArray<float>()[..13], first.Vector.Value.Data.ToArray<float>());
    }

    [Fact]
    public void Parameters_can_be_counted_before_they_take_memory()
    {
        using TestRun run = Backends.Open("cpu");
        TwoParameters model = TwoParameters.Create(run, DType.F32);
        Assert.Equal((7 * 19) + 13 + 5, model.ParameterCount);
        model.Vector.IsTrainable = false;
        Assert.Equal((7 * 19) + 5, model.TrainableParameterCount);
    }

    [Fact]
    public void Narrow_master_weights_are_refused()
    {
        using TestRun run = Backends.Open("cpu");
        ArgumentException error = Assert.Throws<ArgumentException>(() => TwoParameters.Create(run, DType.BF16));
        Assert.Contains("BF16", error.Message, StringComparison.Ordinal);
    }
}
