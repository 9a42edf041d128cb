using CudaViT.Core;

namespace CudaViT.Cuda;

// What the operations on all parameters at once share. A list may hold both types; each gets a launch of its own.
public sealed partial class CudaBackend
{
    private const int SlotThreads = 256;

    private static readonly DType[] SlotTypes = [DType.F32, DType.F64];

    /// <summary>
    /// The slots of one type, on the device. The caller holds the tables' gate until it has launched.
    /// </summary>
    private SlotTable Table(IReadOnlyList<OptimizerSlot> slots, DType dtype)
    {
        _tables.Begin();
        for (int i = 0; i < slots.Count; i++)
        {
            if (slots[i].Parameter.DType == dtype)
            {
                _tables.Add(i, slots[i].Parameter, slots[i].Gradient, slots[i].First, slots[i].Second);
            }
        }

        return _tables.End();
    }

    /// <summary>The arrays of one type, each with its counterpart, if there are any, as its gradient.</summary>
    private SlotTable Table(IReadOnlyList<NdArray> arrays, IReadOnlyList<NdArray>? others, DType dtype)
    {
        _tables.Begin();
        for (int i = 0; i < arrays.Count; i++)
        {
            if (arrays[i].DType == dtype)
            {
                _tables.Add(i, arrays[i], others?[i]);
            }
        }

        return _tables.End();
    }
}
