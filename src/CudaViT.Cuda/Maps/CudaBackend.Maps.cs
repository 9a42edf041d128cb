using CudaViT.Core;

namespace CudaViT.Cuda;

// Geometry that elementwise kernels share. Each has an entry that moves 16 bytes at a time, and a sibling, named
// ..._scalar, for arrays that start elsewhere than at a multiple of 16 bytes.
public sealed partial class CudaBackend
{
    private const int PackBytes = 16;

    // Threads of a block in kernels without shared work: eight blocks fill a multiprocessor.
    private const int BlockSize = 256;

    /// <summary>Elements that one 16-byte access moves.</summary>
    private static int PackWidth(DType dtype) => PackBytes / dtype.SizeInBytes();

    /// <summary>Whether every array starts at a multiple of 16 bytes, whatever its length.</summary>
    private static bool IsAligned(params ReadOnlySpan<NdArray?> arrays) => IsPacked(PackBytes, arrays);

    /// <summary>Whether every one of some numbers of elements is a whole number of packs.</summary>
    private static bool ArePacks(DType dtype, params ReadOnlySpan<long> counts)
    {
        foreach (long count in counts)
        {
            if (count % PackWidth(dtype) != 0)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Blocks that cover <paramref name="count"/> elements, <paramref name="width"/> to a thread.</summary>
    private static Dim3 ElementBlocks(long count, int width) => BlocksFor(count, (long)BlockSize * width);

    /// <summary>y = f(x), launched as (y, x, N).</summary>
    private NdArray Map(string packed, string scalar, NdArray x)
    {
        NdArray y = Empty(x.Shape, x.DType);
        if (x.Count > 0)
        {
            bool isAligned = IsAligned(x, y);
            Launch(
                isAligned ? packed : scalar, x.DType,
                ElementBlocks(x.Count, isAligned ? PackWidth(x.DType) : 1), BlockSize,
                new() { y, x, x.Count });
        }

        return y;
    }

    /// <summary>y = f(a, b) for operands of one shape, launched as (y, a, b, N).</summary>
    private NdArray Map(string packed, string scalar, NdArray a, NdArray b)
    {
        NdArray y = Empty(a.Shape, a.DType);
        if (a.Count > 0)
        {
            bool isAligned = IsAligned(a, b, y);
            Launch(
                isAligned ? packed : scalar, a.DType,
                ElementBlocks(a.Count, isAligned ? PackWidth(a.DType) : 1), BlockSize,
                new() { y, a, b, a.Count });
        }

        return y;
    }

    /// <summary>y = f(a, b) under broadcasting, launched as (y, a, b, outer, aMoves, bMoves, R, N, A, B).</summary>
    private NdArray MapBroadcast(string packed, string scalar, NdArray a, NdArray b)
    {
        NdArray y = Empty(Shape.Broadcast(a.Shape, b.Shape), a.DType);
        if (y.Count > 0)
        {
            var rows = new BroadcastRows(a.Shape, b.Shape, y.Shape);
            bool isPacked = IsPacked(rows.PackedLength, y, rows.AMoves ? a : null, rows.BMoves ? b : null);
            KernelArguments arguments = new() { y, a, b };
            arguments.AddStructure(rows.Outer);
            arguments.Add(rows.AMoves);
            arguments.Add(rows.BMoves);
            arguments.Add(rows.Length);
            arguments.Add(y.Count);
            arguments.Add(a.Count);
            arguments.Add(b.Count);
            Launch(
                isPacked ? packed : scalar, y.DType, rows.Blocks(y.Count, isPacked ? PackWidth(y.DType) : 1), BlockSize,
                arguments);
        }

        return y;
    }

    /// <summary>How <c>kernels/common/broadcast.cuh</c> walks two operands: a row, and the axes around it.</summary>
    private readonly struct BroadcastRows
    {
        public BroadcastRows(Shape a, Shape b, Shape y)
        {
            Outer = Axes.Broadcast(a, b, y);
            (Length, long strideA, long strideB) = Outer.Rank > 0 ? Outer.Remove(0) : (1, 1, 1);
            (AMoves, BMoves) = (strideA != 0, strideB != 0);
        }

        /// <summary>Axes outside of the row.</summary>
        public readonly Axes Outer;

        /// <summary>Elements of a row.</summary>
        public long Length { get; }

        /// <summary>Whether <c>a</c> has an element for each of a row, or one for all.</summary>
        public bool AMoves { get; }

        /// <summary>Whether <c>b</c> has an element for each of a row, or one for all.</summary>
        public bool BMoves { get; }

        /// <summary>
        /// What must be a whole number of packs: every row, except that a single one may have a rest.
        /// </summary>
        public long PackedLength => Outer.Rank > 0 ? Length : PackBytes;

        /// <summary>
        /// Blocks for a result of <paramref name="count"/> elements, packs of <paramref name="width"/>.
        /// </summary>
        public Dim3 Blocks(long count, int width) =>
            BlocksFor(count / Length * ((Length + width - 1) / width), BlockSize);
    }
}
