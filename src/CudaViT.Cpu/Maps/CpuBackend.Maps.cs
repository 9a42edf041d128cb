using System.Numerics;
using CudaViT.Core;

namespace CudaViT.Cpu;

// Elementwise operations hand a map to one of these; threads, element types and broadcasting are dealt with here.
public sealed partial class CpuBackend
{
    // BF16 passes through F32 in blocks that stay in the first-level cache.
    private const int WideBlock = 512;

    /// <summary>y = map(x).</summary>
    /// <param name="map">What to compute.</param>
    /// <param name="x">F64, F32 or BF16.</param>
    /// <param name="work">Cost of one element, in multiplications.</param>
    private NdArray Map<TMap>(TMap map, NdArray x, int work = 1)
        where TMap : struct, IUnaryMap
    {
        NdArray y = Empty(x.Shape, x.DType);
        ForEachChunk(x.Count, work, (start, end) =>
        {
            var range = new Range((int)start, (int)end);
            switch (x.DType)
            {
                case DType.F64: map.Run(x.ReadSpan<double>()[range], y.Span<double>()[range]); break;
                case DType.F32: map.Run(x.ReadSpan<float>()[range], y.Span<float>()[range]); break;
                default: RunWide(map, x.ReadSpan<BFloat16>()[range], y.Span<BFloat16>()[range]); break;
            }
        });
        return y;
    }

    /// <summary>y = map(a, b), for operands of one shape.</summary>
    private NdArray Map<TMap>(TMap map, NdArray a, NdArray b, int work = 1)
        where TMap : struct, IBinaryMap
    {
        NdArray y = Empty(a.Shape, a.DType);
        ForEachChunk(a.Count, work, (start, end) =>
        {
            var range = new Range((int)start, (int)end);
            switch (a.DType)
            {
                case DType.F64:
                    map.Run(a.ReadSpan<double>()[range], b.ReadSpan<double>()[range], y.Span<double>()[range]);
                    break;
                case DType.F32:
                    map.Run(a.ReadSpan<float>()[range], b.ReadSpan<float>()[range], y.Span<float>()[range]);
                    break;
                default:
                    RunWide(
                        map, a.ReadSpan<BFloat16>()[range], b.ReadSpan<BFloat16>()[range], y.Span<BFloat16>()[range]);
                    break;
            }
        });
        return y;
    }

    /// <summary>y = map(a, b) under broadcasting.</summary>
    private NdArray MapBroadcast<TMap>(TMap map, NdArray a, NdArray b)
        where TMap : struct, IBroadcastMap
    {
        if (a.Shape == b.Shape)
        {
            return Map(map, a, b);
        }

        NdArray y = Empty(Shape.Broadcast(a.Shape, b.Shape), a.DType);
        var plan = new BroadcastPlan(a.Shape, b.Shape, y.Shape);
        ForEachRowPart(y, plan, (atY, atA, atB, length) =>
        {
            Range inA = Part(atA, plan.AMoves ? length : 1);
            Range inB = Part(atB, plan.BMoves ? length : 1);
            Range inY = Part(atY, length);
            switch (y.DType)
            {
                case DType.F64:
                    RunRow(map, plan, a.ReadSpan<double>()[inA], b.ReadSpan<double>()[inB], y.Span<double>()[inY]);
                    break;
                case DType.F32:
                    RunRow(map, plan, a.ReadSpan<float>()[inA], b.ReadSpan<float>()[inB], y.Span<float>()[inY]);
                    break;
                default:
                    RunWideRow(
                        map, plan, a.ReadSpan<BFloat16>()[inA], b.ReadSpan<BFloat16>()[inB], y.Span<BFloat16>()[inY]);
                    break;
            }
        });
        return y;

        static Range Part(long start, int length) => new((int)start, (int)start + length);
    }

    /// <summary>
    /// Calls <paramref name="body"/> with pieces of rows: where they begin in y, a and b, and how long they are.
    /// </summary>
    private void ForEachRowPart(NdArray y, BroadcastPlan plan, Action<long, long, long, int> body) =>
        ForEachChunk(y.Count, 1, (start, end) =>
        {
            while (start < end)
            {
                (long row, long column) = Math.DivRem(start, plan.RowLength);
                (long atA, long atB) = plan.RowStart(row);
                long length = Math.Min(plan.RowLength - column, end - start);
                body(start, atA + (plan.AMoves ? column : 0), atB + (plan.BMoves ? column : 0), (int)length);
                start += length;
            }
        });

    private static void RunRow<T, TMap>(
        TMap map, BroadcastPlan plan, ReadOnlySpan<T> a, ReadOnlySpan<T> b, Span<T> y)
        where T : unmanaged, IFloatingPointIeee754<T>
        where TMap : struct, IBroadcastMap
    {
        if (!plan.BMoves)
        {
            map.Run(a, b[0], y);
        }
        else if (!plan.AMoves)
        {
            map.Run(a[0], b, y);
        }
        else
        {
            map.Run(a, b, y);
        }
    }

    private static void RunWide<TMap>(TMap map, ReadOnlySpan<BFloat16> x, Span<BFloat16> y)
        where TMap : struct, IUnaryMap
    {
        Span<float> wide = stackalloc float[Math.Min(WideBlock, x.Length)];
        for (int start = 0; start < x.Length; start += WideBlock)
        {
            int length = Math.Min(WideBlock, x.Length - start);
            Widen(x.Slice(start, length), wide);
            map.Run<float>(wide[..length], wide[..length]);
            Round(wide[..length], y.Slice(start, length));
        }
    }

    private static void RunWide<TMap>(TMap map, ReadOnlySpan<BFloat16> a, ReadOnlySpan<BFloat16> b, Span<BFloat16> y)
        where TMap : struct, IBinaryMap
    {
        int block = Math.Min(WideBlock, y.Length);
        Span<float> wideA = stackalloc float[block];
        Span<float> wideB = stackalloc float[block];
        Span<float> wideY = stackalloc float[block];
        for (int start = 0; start < y.Length; start += WideBlock)
        {
            int length = Math.Min(WideBlock, y.Length - start);
            Widen(a.Slice(start, length), wideA);
            Widen(b.Slice(start, length), wideB);
            map.Run<float>(wideA[..length], wideB[..length], wideY[..length]);
            Round(wideY[..length], y.Slice(start, length));
        }
    }

    private static void RunWideRow<TMap>(
        TMap map, BroadcastPlan plan, ReadOnlySpan<BFloat16> a, ReadOnlySpan<BFloat16> b, Span<BFloat16> y)
        where TMap : struct, IBroadcastMap
    {
        if (!plan.BMoves)
        {
            RunWide(new WithSecond<TMap>(map, b[0]), a, y);
        }
        else if (!plan.AMoves)
        {
            RunWide(new WithFirst<TMap>(map, a[0]), b, y);
        }
        else
        {
            RunWide(map, a, b, y);
        }
    }

    /// <summary>A map of two elements whose first stands still.</summary>
    private readonly struct WithFirst<TMap>(TMap map, float a) : IUnaryMap
        where TMap : struct, IBroadcastMap
    {
        public void Run<T>(ReadOnlySpan<T> x, Span<T> y)
            where T : unmanaged, IFloatingPointIeee754<T> => map.Run(T.CreateTruncating(a), x, y);
    }

    /// <summary>A map of two elements whose second stands still.</summary>
    private readonly struct WithSecond<TMap>(TMap map, float b) : IUnaryMap
        where TMap : struct, IBroadcastMap
    {
        public void Run<T>(ReadOnlySpan<T> x, Span<T> y)
            where T : unmanaged, IFloatingPointIeee754<T> => map.Run(x, T.CreateTruncating(b), y);
    }
}
