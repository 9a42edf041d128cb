using CudaViT.Core;
using CudaViT.TestKit;

namespace CudaViT.Backend.Tests.Ops;

public sealed class UploadSlotTests
{
    // One buffer, written again as soon as it has been read: 5,000 bytes, which no small-copy path takes.
    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Values_arrive_in_turn(string backend)
    {
        using TestRun run = Backends.Open(backend);
        const int Size = 5000;
        using HostBuffer buffer = run.Backend.AllocateHost(Size);
        using UploadSlot slot = run.Backend.NewUploadSlot([Size], DType.U8);
        var results = new List<NdArray>();
        for (int round = 1; round <= 5; round++)
        {
            buffer.Bytes.Fill((byte)round);
            slot.Fill(buffer, Size);
            results.Add(slot.Acquire().Clone());
            slot.Release();
            slot.WaitUntilRead();
        }

        for (int round = 1; round <= 5; round++)
        {
            Assert.All(results[round - 1].ToArray<byte>(), value => Assert.Equal(round, value));
        }
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void A_part_may_be_filled_and_the_array_outlives_step_scopes(string backend)
    {
        using TestRun run = Backends.Open(backend);
        using HostBuffer buffer = run.Backend.AllocateHost(8);
        buffer.Bytes.Fill(1);
        UploadSlot slot;
        using (var scope = new StepScope())
        {
            slot = run.Backend.NewUploadSlot([8], DType.U8);
            slot.Fill(buffer, 8);
            slot.WaitUntilRead();
        }

        using (slot)
        {
            buffer.Bytes.Fill(2);
            slot.Fill(buffer, 3);
            Assert.Equal([2, 2, 2, 1, 1, 1, 1, 1], slot.Acquire().ToArray<byte>());
            Assert.Throws<ArgumentOutOfRangeException>(() => slot.Fill(buffer, 9));
        }
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void The_memory_goes_back_to_the_pool(string backend)
    {
        using IBackend device = Backends.New(backend);
        long live = device.Memory.LiveBytes;
        using HostBuffer buffer = device.AllocateHost(1000);
        buffer.Bytes.Clear();
        for (int i = 0; i < 3; i++)
        {
            UploadSlot slot = device.NewUploadSlot([1000], DType.U8);
            slot.Fill(buffer, 1000);
            Assert.NotEqual(live, device.Memory.LiveBytes);
            slot.Dispose();
            Assert.Equal(live, device.Memory.LiveBytes);
        }
    }
}
