using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace CudaViT.Cpu;

/// <summary>Attention of one head of one sample, by one thread.</summary>
/// <remarks>
/// Queries go through in blocks of rows, whose scores stay in the second-level cache. Keys and values are packed once into
/// the panels that the matrix product's micro-kernel reads, straight from where they lie among the other heads. The kernel
/// writes whole blocks, so scratch matrices are padded to multiples of its sides; what lies in the padding is never read.
/// </remarks>
/// <param name="sizes">Sizes of the whole operation.</param>
/// <param name="item">Index of the head, sample * heads + head.</param>
/// <param name="scale">Factor of the scores.</param>
internal readonly struct AttentionHead<T>(AttentionSizes sizes, int item, T scale)
    where T : unmanaged, IFloatingPointIeee754<T>
{
    // Rows of queries in a block: enough of them to make up for reading and writing dK and dV once a block.
    private const int MaxBlockRows = 48;

    [ThreadStatic]
    private static AlignedBuffer<T>? _scratch;

    private int Tokens => sizes.Tokens;

    private int HeadWidth => sizes.HeadWidth;

    /// <summary>Distance between tokens of queries, keys and values.</summary>
    private nint PackedRow => 3 * sizes.Width;

    /// <summary>Index of the first query; keys and values lie one and two widths further.</summary>
    private int FirstQuery => (int)(((item / sizes.Heads) * Tokens * PackedRow) + (item % sizes.Heads * HeadWidth));

    /// <summary>Index of the first element of the result.</summary>
    private int FirstResult => (item / sizes.Heads * Tokens * sizes.Width) + (item % sizes.Heads * HeadWidth);

    /// <summary>Computes the head's part of y and the logarithms of its rows' sums.</summary>
    /// <param name="qkv">[B, T, 3, H, Dh].</param>
    /// <param name="y">[B, T, H, Dh].</param>
    /// <param name="logSumExp">[B, H, T].</param>
    /// <param name="probabilities">This head's [T, T], or empty when not wanted.</param>
    public void Forward<TKernel>(ReadOnlySpan<T> qkv, Span<T> y, Span<T> logSumExp, Span<T> probabilities)
        where TKernel : struct, IMicroKernel<T>
    {
        int blockRows = Math.Min(MaxBlockRows, RoundUp(Tokens, TKernel.Rows));
        int paddedTokens = RoundUp(Tokens, TKernel.Columns);
        int paddedWidth = RoundUp(HeadWidth, TKernel.Columns);
        var scratch = new Carver(
            (paddedTokens * HeadWidth) + (Tokens * paddedWidth) + (blockRows * (paddedTokens + paddedWidth)));
        ref T keysTransposed = ref scratch.Take(paddedTokens * HeadWidth);
        ref T values = ref scratch.Take(Tokens * paddedWidth);
        Span<T> scores = scratch.TakeSpan(blockRows * paddedTokens);
        Span<T> results = scratch.TakeSpan(blockRows * paddedWidth);

        ref T query = ref At(qkv, FirstQuery);
        Pack<TKernel>(ref Unsafe.Add(ref query, sizes.Width), 1, PackedRow, HeadWidth, Tokens, ref keysTransposed);
        Pack<TKernel>(ref Unsafe.Add(ref query, 2 * sizes.Width), PackedRow, 1, Tokens, HeadWidth, ref values);
        for (int first = 0; first < Tokens; first += blockRows)
        {
            int rows = Math.Min(blockRows, Tokens - first);
            Multiply<TKernel>(
                rows, Tokens, HeadWidth, ref Unsafe.Add(ref query, first * PackedRow), PackedRow, 1, ref keysTransposed,
                ref scores[0], paddedTokens, scale);
            for (int i = 0; i < rows; i++)
            {
                Span<T> row = scores.Slice(i * paddedTokens, Tokens);
                T max = TensorPrimitives.Max<T>(row);
                TensorPrimitives.Subtract(row, max, row);
                TensorPrimitives.Exp(row, row);
                T sum = TensorPrimitives.Sum<T>(row);
                logSumExp[(item * Tokens) + first + i] = max + T.Log(sum);
                TensorPrimitives.Multiply(row, T.One / sum, row);
                if (!probabilities.IsEmpty)
                {
                    row.CopyTo(probabilities.Slice((first + i) * Tokens, Tokens));
                }
            }

            Multiply<TKernel>(
                rows, HeadWidth, Tokens, ref scores[0], paddedTokens, 1, ref values, ref results[0], paddedWidth, T.One);
            Scatter(results, paddedWidth, rows, y[(FirstResult + (first * sizes.Width))..], sizes.Width);
        }
    }

    /// <summary>Computes the head's part of dqkv.</summary>
    /// <param name="dy">[B, T, H, Dh].</param>
    /// <param name="qkv">[B, T, 3, H, Dh].</param>
    /// <param name="y">[B, T, H, Dh], as the forward pass left it.</param>
    /// <param name="logSumExp">[B, H, T], as the forward pass left it.</param>
    /// <param name="dqkv">[B, T, 3, H, Dh].</param>
    public void Backward<TKernel>(
        ReadOnlySpan<T> dy, ReadOnlySpan<T> qkv, ReadOnlySpan<T> y, ReadOnlySpan<T> logSumExp, Span<T> dqkv)
        where TKernel : struct, IMicroKernel<T>
    {
        int blockRows = Math.Min(MaxBlockRows, RoundUp(Tokens, TKernel.Rows));
        int paddedTokens = RoundUp(Tokens, TKernel.Columns);
        int paddedWidth = RoundUp(HeadWidth, TKernel.Columns);
        int tokenRows = RoundUp(Tokens, TKernel.Rows);
        var scratch = new Carver(
            (2 * paddedTokens * HeadWidth) + (Tokens * paddedWidth) + (2 * tokenRows * paddedWidth)
            + (blockRows * ((2 * paddedTokens) + (3 * paddedWidth))));
        ref T keysTransposed = ref scratch.Take(paddedTokens * HeadWidth);
        ref T valuesTransposed = ref scratch.Take(paddedTokens * HeadWidth);
        ref T keys = ref scratch.Take(Tokens * paddedWidth);
        Span<T> dKeys = scratch.TakeSpan(tokenRows * paddedWidth);
        Span<T> dValues = scratch.TakeSpan(tokenRows * paddedWidth);
        Span<T> probabilities = scratch.TakeSpan(blockRows * paddedTokens);
        Span<T> dScores = scratch.TakeSpan(blockRows * paddedTokens);
        ref T queries = ref scratch.Take(blockRows * paddedWidth);
        ref T dResults = ref scratch.Take(blockRows * paddedWidth);
        Span<T> dQueries = scratch.TakeSpan(blockRows * paddedWidth);

        int firstKey = FirstQuery + sizes.Width;
        int firstValue = firstKey + sizes.Width;
        Pack<TKernel>(ref At(qkv, firstKey), 1, PackedRow, HeadWidth, Tokens, ref keysTransposed);
        Pack<TKernel>(ref At(qkv, firstValue), 1, PackedRow, HeadWidth, Tokens, ref valuesTransposed);
        Pack<TKernel>(ref At(qkv, firstKey), PackedRow, 1, Tokens, HeadWidth, ref keys);
        for (int first = 0; first < Tokens; first += blockRows)
        {
            int rows = Math.Min(blockRows, Tokens - first);
            ref T query = ref At(qkv, FirstQuery + (first * (int)PackedRow));
            int firstResult = FirstResult + (first * sizes.Width);
            ref T upstream = ref At(dy, firstResult);
            Multiply<TKernel>(
                rows, Tokens, HeadWidth, ref query, PackedRow, 1, ref keysTransposed, ref probabilities[0], paddedTokens,
                scale);
            Multiply<TKernel>(
                rows, Tokens, HeadWidth, ref upstream, sizes.Width, 1, ref valuesTransposed, ref dScores[0], paddedTokens,
                T.One);
            for (int i = 0; i < rows; i++)
            {
                Span<T> p = probabilities.Slice(i * paddedTokens, Tokens);
                Span<T> dp = dScores.Slice(i * paddedTokens, Tokens);
                int at = firstResult + (i * sizes.Width);
                T along = TensorPrimitives.Dot(dy.Slice(at, HeadWidth), y.Slice(at, HeadWidth));
                TensorPrimitives.Subtract(p, logSumExp[(item * Tokens) + first + i], p);
                TensorPrimitives.Exp(p, p);
                TensorPrimitives.Subtract(dp, along, dp);
                TensorPrimitives.Multiply(p, dp, dp);
            }

            Pack<TKernel>(ref query, PackedRow, 1, rows, HeadWidth, ref queries);
            Pack<TKernel>(ref upstream, sizes.Width, 1, rows, HeadWidth, ref dResults);
            Multiply<TKernel>(
                rows, HeadWidth, Tokens, ref dScores[0], paddedTokens, 1, ref keys, ref dQueries[0], paddedWidth, scale);
            Multiply<TKernel>(
                Tokens, HeadWidth, rows, ref dScores[0], 1, paddedTokens, ref queries, ref dKeys[0], paddedWidth, scale,
                accumulate: first > 0);
            Multiply<TKernel>(
                Tokens, HeadWidth, rows, ref probabilities[0], 1, paddedTokens, ref dResults, ref dValues[0], paddedWidth,
                T.One, accumulate: first > 0);
            Scatter(dQueries, paddedWidth, rows, dqkv[(FirstQuery + (first * (int)PackedRow))..], (int)PackedRow);
        }

        Scatter(dKeys, paddedWidth, Tokens, dqkv[firstKey..], (int)PackedRow);
        Scatter(dValues, paddedWidth, Tokens, dqkv[firstValue..], (int)PackedRow);
    }

    private static int RoundUp(int count, int unit) => (count + unit - 1) / unit * unit;

    private static ref T At(ReadOnlySpan<T> data, int index) =>
        ref Unsafe.Add(ref MemoryMarshal.GetReference(data), index);

    /// <summary>Packs all columns of b [depth, columns], panel after panel.</summary>
    private static void Pack<TKernel>(
        ref T source, nint rowStride, nint columnStride, int depth, int columns, ref T target)
        where TKernel : struct, IMicroKernel<T>
    {
        for (int j = 0; j < columns; j += TKernel.Columns)
        {
            GemmPacking<T, TKernel>.PackB(
                ref Unsafe.Add(ref source, j * columnStride), rowStride, columnStride, depth,
                Math.Min(TKernel.Columns, columns - j), ref Unsafe.Add(ref target, j * (nint)depth));
        }
    }

    /// <summary>c = alpha * a * b, or c plus that, with b packed and c padded.</summary>
    private static void Multiply<TKernel>(
        int rows, int columns, int depth, ref T a, nint aRow, nint aColumn, ref T packed, ref T c, int cRow, T alpha,
        bool accumulate = false)
        where TKernel : struct, IMicroKernel<T>
    {
        for (int j = 0; j < columns; j += TKernel.Columns)
        {
            ref T panel = ref Unsafe.Add(ref packed, j * (nint)depth);
            for (int i = 0; i < rows; i += TKernel.Rows)
            {
                TKernel.Run(
                    depth, in Unsafe.Add(ref a, i * aRow), aRow, aColumn, Math.Min(TKernel.Rows, rows - i), in panel,
                    ref Unsafe.Add(ref c, (i * (nint)cRow) + j), cRow, alpha, accumulate);
            }
        }
    }

    /// <summary>Copies the rows of a padded matrix to where they belong.</summary>
    private void Scatter(ReadOnlySpan<T> source, int sourceRow, int rows, Span<T> target, int targetRow)
    {
        for (int i = 0; i < rows; i++)
        {
            source.Slice(i * sourceRow, HeadWidth).CopyTo(target.Slice(i * targetRow, HeadWidth));
        }
    }

    /// <summary>Cuts this thread's scratch memory into matrices.</summary>
    private ref struct Carver(int count)
    {
        private ref T _next = ref (_scratch ??= new AlignedBuffer<T>()).Reserve(count).Start;

        public ref T Take(int size)
        {
            ref T start = ref _next;
            _next = ref Unsafe.Add(ref _next, size);
            return ref start;
        }

        public Span<T> TakeSpan(int size) => MemoryMarshal.CreateSpan(ref Take(size), size);
    }
}
