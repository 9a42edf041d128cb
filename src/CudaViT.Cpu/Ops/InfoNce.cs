using System.Numerics;
using System.Numerics.Tensors;
using CudaViT.Core;

namespace CudaViT.Cpu;

public sealed partial class CpuBackend
{
    // Similarities are formed in tiles of this size at most: 2 MiB in F32, whatever the batch.
    private const int InfoNceQueries = 512;
    private const int InfoNceKeys = 1024;

    /// <inheritdoc/>
    public (NdArray Loss, NdArray LogSumExp) InfoNce(NdArray q, NdArray k, double temperature, int positiveOffset)
    {
        if (q.DType == DType.BF16)
        {
            return InfoNce(Widen(q), Widen(k), temperature, positiveOffset);
        }

        (NdArray unitQ, NdArray lengthQ) = L2Normalize(q, Core.InfoNce.Epsilon);
        (NdArray unitK, NdArray lengthK) = L2Normalize(k, Core.InfoNce.Epsilon);
        (NdArray, NdArray) result = q.DType == DType.F64
            ? InfoNce<double>(unitQ, unitK, temperature, positiveOffset)
            : InfoNce<float>(unitQ, unitK, (float)temperature, positiveOffset);
        ReleaseAll(unitQ, lengthQ, unitK, lengthK);
        return result;
    }

    /// <inheritdoc/>
    public NdArray InfoNceBackward(
        NdArray dy, NdArray q, NdArray k, NdArray logSumExp, double temperature, int positiveOffset)
    {
        if (q.DType == DType.BF16)
        {
            return Narrow(InfoNceBackward(dy, Widen(q), Widen(k), logSumExp, temperature, positiveOffset));
        }

        (NdArray unitQ, NdArray lengthQ) = L2Normalize(q, Core.InfoNce.Epsilon);
        (NdArray unitK, NdArray lengthK) = L2Normalize(k, Core.InfoNce.Epsilon);
        NdArray dUnit = q.DType == DType.F64
            ? InfoNceBackward<double>(dy, unitQ, unitK, logSumExp, temperature, positiveOffset)
            : InfoNceBackward<float>(dy, unitQ, unitK, logSumExp, (float)temperature, positiveOffset);
        NdArray dq = L2NormalizeBackward(dUnit, unitQ, lengthQ, Core.InfoNce.Epsilon);
        ReleaseAll(unitQ, lengthQ, unitK, lengthK, dUnit);
        return dq;
    }

    private static void ReleaseAll(params ReadOnlySpan<NdArray> arrays)
    {
        foreach (NdArray array in arrays)
        {
            array.Storage.Release();
        }
    }

    private (NdArray Loss, NdArray LogSumExp) InfoNce<T>(NdArray q, NdArray k, T temperature, int positiveOffset)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        int queries = q.Shape[0];
        NdArray largest = NdArray.Full(this, [queries], q.DType, double.NegativeInfinity);
        NdArray sum = NdArray.Zeros(this, [queries], q.DType); // Σ exp(s − largest) over the keys seen so far
        NdArray positive = Empty([queries], q.DType);
        ForEachSimilarityTile(q, k, temperature, (tile, query, key) =>
            ForEachChunk(tile.Shape[0], (long)SoftmaxWork * tile.Shape[1], (start, end) =>
            {
                for (int row = (int)start; row < end; row++)
                {
                    ReadOnlySpan<T> logits = tile.Rows(row, row + 1).ReadSpan<T>();
                    int i = query + row;
                    T before = largest.ReadSpan<T>()[i];
                    T now = T.Max(before, TensorPrimitives.Max(logits));
                    largest.Span<T>()[i] = now;
                    sum.Span<T>()[i] = (sum.ReadSpan<T>()[i] * T.Exp(before - now)) + SumOfExponentials(logits, now);
                    int own = i + positiveOffset - key;
                    if (own >= 0 && own < logits.Length)
                    {
                        positive.Span<T>()[i] = logits[own];
                    }
                }
            }));

        // log Σexp − s₊ = log(sum) + (largest − s₊): the large parts cancel before anything is added to them.
        Span<T> terms = sum.Span<T>();
        TensorPrimitives.Log(terms, terms);
        NdArray loss = Empty([], q.DType);
        T total = T.Zero;
        for (int i = 0; i < queries; i++)
        {
            total += terms[i] + (largest.ReadSpan<T>()[i] - positive.ReadSpan<T>()[i]);
        }

        loss.Span<T>()[0] = T.CreateChecked(2) * temperature * total / T.CreateChecked(queries);
        TensorPrimitives.Add(terms, largest.ReadSpan<T>(), terms);
        largest.Storage.Release();
        positive.Storage.Release();
        return (loss, sum);
    }

    private NdArray InfoNceBackward<T>(
        NdArray dy, NdArray q, NdArray k, NdArray logSumExp, T temperature, int positiveOffset)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        NdArray dq = Empty(q.Shape, q.DType);
        T scale = T.CreateChecked(2) * dy.ReadSpan<T>()[0] / T.CreateChecked(q.Shape[0]);
        ForEachSimilarityTile(q, k, temperature, (tile, query, key) =>
        {
            ForEachChunk(tile.Shape[0], (long)SoftmaxWork * tile.Shape[1], (start, end) =>
            {
                for (int row = (int)start; row < end; row++)
                {
                    Span<T> logits = tile.Rows(row, row + 1).Span<T>();
                    int i = query + row;
                    TensorPrimitives.Subtract(logits, logSumExp.ReadSpan<T>()[i], logits);
                    VectorMath.Exp<T>(logits, logits);
                    int own = i + positiveOffset - key;
                    if (own >= 0 && own < logits.Length)
                    {
                        logits[own] -= T.One;
                    }
                }
            });

            (int rows, int keys) = (tile.Shape[0], tile.Shape[1]);
            int width = k.Shape[1];
            Gemm.Multiply(
                _team, new GemmShape(rows, width, keys), new MatrixView<T>(tile.Memory<T>(), keys, 1),
                new MatrixView<T>(k.Rows(key, key + keys).Memory<T>(), width, 1),
                new MatrixTarget<T>(dq.Rows(query, query + rows).Memory<T>(), width), scale, accumulate: key > 0);
        });
        return dq;
    }

    /// <summary>
    /// Calls <paramref name="body"/> with q·kᵀ / τ, tile by tile, each query's keys in order; with the tile come the
    /// numbers of its first query and its first key. The tile may be overwritten.
    /// </summary>
    private void ForEachSimilarityTile<T>(NdArray q, NdArray k, T temperature, Action<NdArray, int, int> body)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        (int queries, int keys, int width) = (q.Shape[0], k.Shape[0], q.Shape[1]);
        NdArray buffer = Empty([Math.Min(queries, InfoNceQueries) * Math.Min(keys, InfoNceKeys)], q.DType);
        for (int query = 0; query < queries; query += InfoNceQueries)
        {
            int rows = Math.Min(InfoNceQueries, queries - query);
            for (int key = 0; key < keys; key += InfoNceKeys)
            {
                int columns = Math.Min(InfoNceKeys, keys - key);
                NdArray tile = buffer.Rows(0, rows * columns).Reshape(rows, columns);
                Gemm.Multiply(
                    _team, new GemmShape(rows, columns, width),
                    new MatrixView<T>(q.Rows(query, query + rows).Memory<T>(), width, 1),
                    new MatrixView<T>(k.Rows(key, key + columns).Memory<T>(), width, 1).Transposed,
                    new MatrixTarget<T>(tile.Memory<T>(), columns), T.One / temperature);
                body(tile, query, key);
            }
        }

        buffer.Storage.Release();
    }
}
