namespace CudaViT.TestKit;

public static partial class Reference
{
    /// <summary>For every element of the permuted array, the row-major index that it has in the original.</summary>
    public static int[] PermuteIndices(int[] shape, int[] order)
    {
        int[] strides = new int[shape.Length];
        int count = 1;
        for (int i = shape.Length - 1; i >= 0; i--)
        {
            strides[i] = count;
            count *= shape[i];
        }

        int[] indices = new int[count];
        for (int i = 0; i < count; i++)
        {
            int rest = i;
            for (int axis = shape.Length - 1; axis >= 0; axis--)
            {
                indices[i] += rest % shape[order[axis]] * strides[order[axis]];
                rest /= shape[order[axis]];
            }
        }

        return indices;
    }
}
