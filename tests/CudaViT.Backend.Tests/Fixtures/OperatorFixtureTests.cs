using CudaViT.Core;
using CudaViT.TestKit;

namespace CudaViT.Backend.Tests;

/// <summary>
/// Every case of the recording, whatever its name, sizes and attributes are: only what an <c>op</c> means is written
/// here.
/// </summary>
[Trait("Category", "Fixtures")]
public sealed class OperatorFixtureTests
{
    public static TheoryData<string, DType, string> Cases
    {
        get
        {
            var data = new TheoryData<string, DType, string>();
            foreach (string name in OperatorRecording.Shared.Cases)
            {
                foreach (string backend in Backends.Names)
                {
                    data.Add(backend, DType.F64, name);
                    data.Add(backend, DType.F32, name);
                }
            }

            return data;
        }
    }

    [Theory, MemberData(nameof(Cases))]
    public void Recorded_results_and_gradients_are_met(string backend, DType dtype, string name)
    {
        using TestRun run = Backends.Open(backend);
        var recorded = new OperatorCase(OperatorRecording.Shared, name, run.Backend, dtype);

        OperatorKinds.Build(recorded);

        recorded.Check();
    }

    [Fact]
    public void Every_tensor_belongs_to_a_case_of_the_manifest()
    {
        OperatorRecording recording = OperatorRecording.Shared;
        string[] strangers =
        [
            .. recording.Tensors.Names.Select(tensor => tensor.Split('/')[0]).Distinct().Except(recording.Cases),
        ];
        Assert.NotEmpty(recording.Cases);
        Assert.Empty(strangers);
    }

    [Fact]
    public void An_unknown_kind_of_operation_is_named()
    {
        string error = Assert.Throws<InvalidOperationException>(() => OperatorKinds.Find("fused_everything")).Message;
        Assert.Contains("fused_everything", error, StringComparison.Ordinal);
    }
}
