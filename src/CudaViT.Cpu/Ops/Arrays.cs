using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using CudaViT.Core;

namespace CudaViT.Cpu;

// What IBackend asks for outside of operations: conversion, filling, adding in place, the search for NaN.
public sealed partial class CpuBackend
{
    // Elements (times work per element) that make a chunk worth handing to another thread. Chunks depend on this and on
    // shapes alone, never on the number of threads, and with them the order of every sum.
    private const long ChunkWork = 16 * 1024;

    /// <inheritdoc/>
    public NdArray Cast(NdArray x, DType dtype)
    {
        NdArray y = Empty(x.Shape, dtype);
        ForEachChunk(x.Count, 1, (start, end) => CastRange(x, y, (int)start, (int)(end - start)));
        return y;
    }

    /// <inheritdoc/>
    public void Fill(NdArray x, double value)
    {
        switch (x.DType)
        {
            case DType.F64: x.Span<double>().Fill(value); break;
            case DType.F32: x.Span<float>().Fill((float)value); break;
            case DType.BF16: x.Span<BFloat16>().Fill((BFloat16)value); break;
            case DType.I64: x.Span<long>().Fill((long)value); break;
            case DType.I32: x.Span<int>().Fill((int)value); break;
            default: x.Span<byte>().Fill((byte)value); break;
        }
    }

    /// <inheritdoc/>
    public void AddInPlace(NdArray sum, NdArray term) => ForEachChunk(sum.Count, 1, (start, end) =>
    {
        var range = new Range((int)start, (int)end);
        switch (sum.DType)
        {
            case DType.F64:
                TensorPrimitives.Add(sum.Span<double>()[range], term.Span<double>()[range], sum.Span<double>()[range]);
                break;
            case DType.F32:
                TensorPrimitives.Add(sum.Span<float>()[range], term.Span<float>()[range], sum.Span<float>()[range]);
                break;
            case DType.BF16: AddBFloat16(sum.Span<BFloat16>()[range], term.Span<BFloat16>()[range]); break;
            default:
                throw new NotSupportedException(
                    $"AddInPlace adds gradients, which are floating point, not {sum.DType}.");
        }
    });

    /// <inheritdoc/>
    public long IndexOfNonFinite(NdArray x) => x.DType switch
    {
        DType.F64 => IndexOfNonFinite<double>(x.Span<double>()),
        DType.F32 => IndexOfNonFinite<float>(x.Span<float>()),
        DType.BF16 => IndexOfNonFinite<float>(Widen(x).Span<float>()),
        _ => -1,
    };

    /// <summary>
    /// Splits [0, <paramref name="count"/>) into chunks of about equal work and runs them on all threads.
    /// </summary>
    /// <param name="count">Number of items, for example rows.</param>
    /// <param name="workPerItem">Elements that one item reads; transcendental functions count some tens.</param>
    /// <param name="body">Gets the first item and the one after the last.</param>
    private void ForEachChunk(long count, long workPerItem, Action<long, long> body) =>
        _team.For(count, Math.Max(1, ChunkWork / Math.Max(1, workPerItem)), body);

    private static void CastRange(NdArray x, NdArray y, int start, int length)
    {
        var range = new Range(start, start + length);
        switch (x.DType, y.DType)
        {
            case (DType.F64, DType.F32):
                TensorPrimitives.ConvertTruncating(x.ReadSpan<double>()[range], y.Span<float>()[range]);
                break;
            case (DType.F32, DType.F64):
                TensorPrimitives.ConvertTruncating(x.ReadSpan<float>()[range], y.Span<double>()[range]);
                break;
            case (DType.U8, DType.F32):
                TensorPrimitives.ConvertTruncating(x.ReadSpan<byte>()[range], y.Span<float>()[range]);
                break;
            case (DType.F32, DType.BF16): Round(x.ReadSpan<float>()[range], y.Span<BFloat16>()[range]); break;
            case (DType.BF16, DType.F32): Widen(x.ReadSpan<BFloat16>()[range], y.Span<float>()[range]); break;
            default:
                // Pairs that no training step needs: one element at a time, through double.
                for (int i = start; i < start + length; i++)
                {
                    Write(y, i, Read(x, i));
                }

                break;
        }
    }

    private static double Read(NdArray x, int i) => x.DType switch
    {
        DType.F64 => x.Span<double>()[i],
        DType.F32 => x.Span<float>()[i],
        DType.BF16 => x.Span<BFloat16>()[i],
        DType.I64 => x.Span<long>()[i],
        DType.I32 => x.Span<int>()[i],
        _ => x.Span<byte>()[i],
    };

    private static void Write(NdArray y, int i, double value)
    {
        switch (y.DType)
        {
            case DType.F64: y.Span<double>()[i] = value; break;
            case DType.F32: y.Span<float>()[i] = (float)value; break;
            case DType.BF16: y.Span<BFloat16>()[i] = (BFloat16)value; break;
            case DType.I64: y.Span<long>()[i] = (long)value; break;
            case DType.I32: y.Span<int>()[i] = (int)value; break;
            default: y.Span<byte>()[i] = (byte)value; break;
        }
    }

    /// <summary>The conversion of <see cref="BFloat16"/>, sixteen at a time.</summary>
    private static void Round(ReadOnlySpan<float> x, Span<BFloat16> y)
    {
        int i = 0;
        ref float source = ref MemoryMarshal.GetReference(x);
        ref ushort target = ref MemoryMarshal.GetReference(MemoryMarshal.Cast<BFloat16, ushort>(y));
        for (; i <= x.Length - Vector256<ushort>.Count; i += Vector256<ushort>.Count)
        {
            Vector256<uint> low = UpperHalves(Vector256.LoadUnsafe(ref source, (nuint)i));
            Vector256<uint> high = UpperHalves(Vector256.LoadUnsafe(ref source, (nuint)(i + Vector256<float>.Count)));
            Vector256.Narrow(low, high).StoreUnsafe(ref target, (nuint)i);
        }

        for (; i < x.Length; i++)
        {
            y[i] = (BFloat16)x[i];
        }

        static Vector256<uint> UpperHalves(Vector256<float> values)
        {
            Vector256<uint> bits = values.AsUInt32();
            Vector256<uint> upper = bits >> 16;
            Vector256<uint> rounded =
                (bits + Vector256.Create(0x7FFFu) + (upper & Vector256<uint>.One)) >> 16;
            return Vector256.ConditionalSelect(
                Vector256.IsNaN(values).AsUInt32(), upper | Vector256.Create(0x0040u), rounded);
        }
    }

    private static void Widen(ReadOnlySpan<BFloat16> x, Span<float> y)
    {
        int i = 0;
        ref ushort source = ref MemoryMarshal.GetReference(MemoryMarshal.Cast<BFloat16, ushort>(x));
        ref uint target = ref MemoryMarshal.GetReference(MemoryMarshal.Cast<float, uint>(y));
        for (; i <= x.Length - Vector256<ushort>.Count; i += Vector256<ushort>.Count)
        {
            (Vector256<uint> low, Vector256<uint> high) = Vector256.Widen(Vector256.LoadUnsafe(ref source, (nuint)i));
            (low << 16).StoreUnsafe(ref target, (nuint)i);
            (high << 16).StoreUnsafe(ref target, (nuint)(i + Vector256<uint>.Count));
        }

        for (; i < x.Length; i++)
        {
            y[i] = x[i];
        }
    }

    private static void AddBFloat16(Span<BFloat16> sum, ReadOnlySpan<BFloat16> term)
    {
        for (int i = 0; i < sum.Length; i++)
        {
            sum[i] = (BFloat16)(sum[i] + (float)term[i]);
        }
    }

    private static long IndexOfNonFinite<T>(ReadOnlySpan<T> values)
        where T : IFloatingPointIeee754<T>
    {
        for (int i = 0; i < values.Length; i++)
        {
            if (!T.IsFinite(values[i]))
            {
                return i;
            }
        }

        return -1;
    }
}
