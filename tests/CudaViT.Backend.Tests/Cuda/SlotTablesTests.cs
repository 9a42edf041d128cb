using CudaViT.Core;
using CudaViT.Cuda;

namespace CudaViT.Backend.Tests.Cuda;

public sealed class SlotTablesTests : IDisposable
{
    private readonly FakeGpu _gpu = new();
    private readonly CudaBackend _backend;

    public SlotTablesTests() => _backend = new CudaBackend(_gpu);

    public void Dispose() => _backend.Dispose();

    [Fact]
    public void Steps_on_the_same_addresses_upload_once_and_launch_once()
    {
        using var scope = new StepScope();
        OptimizerSlot[] slots = [Slot(100), Slot(7)];

        SgdStep.Apply(slots, learningRate: 0.1, momentum: 0.9, weightDecay: 0);
        SgdStep.Apply(slots, learningRate: 0.2, momentum: 0.9, weightDecay: 0);
        LarsStep.Apply(slots, learningRate: 0.2, momentum: 0.9, weightDecay: 0, trustCoefficient: 1);

        Assert.Equal(1, _gpu.Uploads);
        Assert.Equal(1 + 1 + 3, _gpu.Launches);
    }

    [Fact]
    public void Other_groups_of_parameters_have_tables_of_their_own()
    {
        using var scope = new StepScope();
        OptimizerSlot[] first = [Slot(10)];
        OptimizerSlot[] second = [Slot(10)];

        for (int step = 0; step < 3; step++)
        {
            SgdStep.Apply(first, 0.1, 0.9, 0);
            SgdStep.Apply(second, 0.1, 0.9, 0);
        }

        Assert.Equal(2, _gpu.Uploads);
    }

    [Fact]
    public void Addresses_that_never_repeat_take_a_bounded_number_of_tables()
    {
        using var scope = new StepScope();
        for (int step = 0; step < 100; step++)
        {
            SgdStep.Apply([Slot(1)], 0.1, 0.9, 0);
        }

        Assert.Equal(100, _gpu.Uploads);
        Assert.Equal(32 * 64, _gpu.AllocatedBytes - _backend.Memory.LiveBytes);
    }

    [Fact]
    public void Lists_without_elements_launch_nothing()
    {
        using var scope = new StepScope();
        SgdStep.Apply([Slot(0)], 0.1, 0.9, 0);
        Assert.Equal(0, _gpu.Launches);
    }

    private OptimizerSlot Slot(int count) => new(Array(count), Array(count), Array(count));

    private NdArray Array(int count) => NdArray.Empty(_backend, [count], DType.F32);
}
