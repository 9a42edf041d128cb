using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using CudaViT.Core;

namespace CudaViT.Cpu;

/// <summary>Attention of one head of one sample, by one thread.</summary>
/// <remarks>
/// Queries go through in blocks of rows, whose scores stay in the second-level cache. Keys and values are packed once
/// into the panels that the matrix product's micro-kernel reads, straight from where they lie among the other heads.
/// The kernel writes whole blocks, so scratch matrices are padded to multiples of its sides; the padding never reaches
/// a result.
/// </remarks>
/// <param name="sizes">Sizes of the whole operation.</param>
/// <param name="item">Index of the head, sample * heads + head.</param>
/// <param name="scale">Factor of the scores.</param>
internal readonly struct AttentionHead<T>(AttentionSizes sizes, int item, T scale)
    where T : unmanaged, IFloatingPointIeee754<T>
{
    // Rows of queries in a block, a multiple of all kernels' rows: enough to make up for reading and writing dK and dV
    // once a block, few enough for the scores of a few hundred tokens to stay in the second-level cache.
    private const int MaxBlockRows = 72;

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
        int blockRows = BlockRows(TKernel.Rows);
        int paddedTokens = RoundUp(Tokens, TKernel.Columns);
        int paddedWidth = RoundUp(HeadWidth, TKernel.Columns);
        var scratch = new Carver(
            (paddedTokens * HeadWidth) + (Tokens * paddedWidth)
            + (blockRows * (HeadWidth + paddedTokens + paddedWidth)));
        ref T keysTransposed = ref scratch.Take(paddedTokens * HeadWidth);
        ref T values = ref scratch.Take(Tokens * paddedWidth);
        Span<T> queries = scratch.TakeSpan(blockRows * HeadWidth);
        Span<T> scores = scratch.TakeSpan(blockRows * paddedTokens);
        Span<T> results = scratch.TakeSpan(blockRows * paddedWidth);

        Span<T> shares = stackalloc T[MaxBlockRows];
        int firstKey = FirstQuery + sizes.Width;
        Pack<TKernel>(ref At(qkv, firstKey), 1, PackedRow, HeadWidth, Tokens, ref keysTransposed);
        Pack<TKernel>(ref At(qkv, firstKey + sizes.Width), PackedRow, 1, Tokens, HeadWidth, ref values);
        for (int first = 0; first < Tokens; first += blockRows)
        {
            int rows = Math.Min(blockRows, Tokens - first);
            Gather(qkv[(FirstQuery + (first * (int)PackedRow))..], (int)PackedRow, rows, queries);
            Multiply<TKernel>(
                rows, Tokens, HeadWidth, ref queries[0], HeadWidth, 1, ref keysTransposed, ref scores[0], paddedTokens,
                scale);
            for (int i = 0; i < rows; i++)
            {
                Span<T> row = scores.Slice(i * paddedTokens, paddedTokens);
                (T max, T sum) = Exponentials(row, Tokens);
                logSumExp[(item * Tokens) + first + i] = max + T.Log(sum);
                shares[i] = T.One / sum;
                if (!probabilities.IsEmpty)
                {
                    Span<T> shown = probabilities.Slice((first + i) * Tokens, Tokens);
                    TensorPrimitives.Multiply(row[..Tokens], shares[i], shown);
                }
            }

            Multiply<TKernel>(
                rows, HeadWidth, Tokens, ref scores[0], paddedTokens, 1, ref values, ref results[0], paddedWidth,
                T.One);
            for (int i = 0; i < rows; i++)
            {
                Span<T> result = y.Slice(FirstResult + ((first + i) * sizes.Width), HeadWidth);
                TensorPrimitives.Multiply(results.Slice(i * paddedWidth, HeadWidth), shares[i], result);
            }
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
        int blockRows = BlockRows(TKernel.Rows);
        int paddedTokens = RoundUp(Tokens, TKernel.Columns);
        int paddedWidth = RoundUp(HeadWidth, TKernel.Columns);
        int tokenRows = RoundUp(Tokens, TKernel.Rows);
        var scratch = new Carver(
            (2 * paddedTokens * HeadWidth) + (Tokens * paddedWidth) + (2 * tokenRows * paddedWidth)
            + (blockRows * ((2 * paddedTokens) + (2 * HeadWidth) + (3 * paddedWidth))));
        ref T keysTransposed = ref scratch.Take(paddedTokens * HeadWidth);
        ref T valuesTransposed = ref scratch.Take(paddedTokens * HeadWidth);
        ref T keys = ref scratch.Take(Tokens * paddedWidth);
        Span<T> dKeys = scratch.TakeSpan(tokenRows * paddedWidth);
        Span<T> dValues = scratch.TakeSpan(tokenRows * paddedWidth);
        Span<T> probabilities = scratch.TakeSpan(blockRows * paddedTokens);
        Span<T> dScores = scratch.TakeSpan(blockRows * paddedTokens);
        Span<T> queries = scratch.TakeSpan(blockRows * HeadWidth);
        Span<T> dResults = scratch.TakeSpan(blockRows * HeadWidth);
        ref T packedQueries = ref scratch.Take(blockRows * paddedWidth);
        ref T packedDResults = ref scratch.Take(blockRows * paddedWidth);
        Span<T> dQueries = scratch.TakeSpan(blockRows * paddedWidth);

        int firstKey = FirstQuery + sizes.Width;
        int firstValue = firstKey + sizes.Width;
        Pack<TKernel>(ref At(qkv, firstKey), 1, PackedRow, HeadWidth, Tokens, ref keysTransposed);
        Pack<TKernel>(ref At(qkv, firstValue), 1, PackedRow, HeadWidth, Tokens, ref valuesTransposed);
        Pack<TKernel>(ref At(qkv, firstKey), PackedRow, 1, Tokens, HeadWidth, ref keys);
        for (int first = 0; first < Tokens; first += blockRows)
        {
            int rows = Math.Min(blockRows, Tokens - first);
            int firstResult = FirstResult + (first * sizes.Width);
            Gather(qkv[(FirstQuery + (first * (int)PackedRow))..], (int)PackedRow, rows, queries);
            Gather(dy[firstResult..], sizes.Width, rows, dResults);
            Multiply<TKernel>(
                rows, Tokens, HeadWidth, ref queries[0], HeadWidth, 1, ref keysTransposed, ref probabilities[0],
                paddedTokens, scale);
            Multiply<TKernel>(
                rows, Tokens, HeadWidth, ref dResults[0], HeadWidth, 1, ref valuesTransposed, ref dScores[0],
                paddedTokens, T.One);
            for (int i = 0; i < rows; i++)
            {
                T along = TensorPrimitives.Dot(
                    dResults.Slice(i * HeadWidth, HeadWidth), y.Slice(firstResult + (i * sizes.Width), HeadWidth));
                SoftmaxBackward(
                    probabilities.Slice(i * paddedTokens, paddedTokens), logSumExp[(item * Tokens) + first + i],
                    dScores.Slice(i * paddedTokens, paddedTokens), along);
            }

            Pack<TKernel>(ref queries[0], HeadWidth, 1, rows, HeadWidth, ref packedQueries);
            Pack<TKernel>(ref dResults[0], HeadWidth, 1, rows, HeadWidth, ref packedDResults);
            Multiply<TKernel>(
                rows, HeadWidth, Tokens, ref dScores[0], paddedTokens, 1, ref keys, ref dQueries[0], paddedWidth,
                scale);
            Multiply<TKernel>(
                Tokens, HeadWidth, rows, ref dScores[0], 1, paddedTokens, ref packedQueries, ref dKeys[0], paddedWidth,
                scale, accumulate: first > 0);
            Multiply<TKernel>(
                Tokens, HeadWidth, rows, ref probabilities[0], 1, paddedTokens, ref packedDResults, ref dValues[0],
                paddedWidth, T.One, accumulate: first > 0);
            Scatter(dQueries, paddedWidth, rows, dqkv[(FirstQuery + (first * (int)PackedRow))..], (int)PackedRow);
        }

        Scatter(dKeys, paddedWidth, Tokens, dqkv[firstKey..], (int)PackedRow);
        Scatter(dValues, paddedWidth, Tokens, dqkv[firstValue..], (int)PackedRow);
    }

    /// <summary>Rows, a multiple of <paramref name="unit"/>, of the fewest and most even blocks.</summary>
    private int BlockRows(int unit)
    {
        int blocks = (Tokens + MaxBlockRows - 1) / MaxBlockRows;
        return RoundUp((Tokens + blocks - 1) / blocks, unit);
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

    /// <summary>
    /// Replaces scores by the exponentials of their distance to the largest, which is returned with their sum. Works in
    /// whole vectors: what pads the row becomes 0.
    /// </summary>
    private static (T Max, T Sum) Exponentials(Span<T> row, int count)
    {
        row[count..].Fill(T.NegativeInfinity);
        ref T at = ref MemoryMarshal.GetReference(row);

        // Panels are at least two vectors wide; two chains of comparisons hide each other's latency.
        var even = Vector256.LoadUnsafe(ref at);
        var odd = Vector256.LoadUnsafe(ref at, (nuint)Vector256<T>.Count);
        for (int j = 2 * Vector256<T>.Count; j < row.Length; j += 2 * Vector256<T>.Count)
        {
            even = Vector256.MaxNative(even, Vector256.LoadUnsafe(ref at, (nuint)j));
            odd = Vector256.MaxNative(odd, Vector256.LoadUnsafe(ref at, (nuint)(j + Vector256<T>.Count)));
        }

        even = Vector256.MaxNative(even, odd);
        var half = Vector128.MaxNative(even.GetLower(), even.GetUpper());
        T max = half[0];
        for (int lane = 1; lane < Vector128<T>.Count; lane++)
        {
            max = T.MaxNative(max, half[lane]);
        }

        var shift = Vector256.Create(max);
        Vector256<T> sums = Vector256<T>.Zero;
        for (int j = 0; j < row.Length; j += Vector256<T>.Count)
        {
            Vector256<T> e = VectorMath.Exp(Vector256.LoadUnsafe(ref at, (nuint)j) - shift);
            sums += e;
            e.StoreUnsafe(ref at, (nuint)j);
        }

        return (max, Vector256.Sum(sums)); // a NaN that the maximum missed is in the sum
    }

    /// <summary>
    /// Makes probabilities of scores, P = exp(S − L), and gradients by the scores of those by the probabilities,
    /// dS = P∘(dP − along).
    /// </summary>
    private static void SoftmaxBackward(Span<T> scores, T logSumExp, Span<T> gradients, T along)
    {
        ref T p = ref MemoryMarshal.GetReference(scores);
        ref T d = ref MemoryMarshal.GetReference(gradients);
        var shift = Vector256.Create(logSumExp);
        var mean = Vector256.Create(along);
        for (int j = 0; j < scores.Length; j += Vector256<T>.Count)
        {
            Vector256<T> e = VectorMath.Exp(Vector256.LoadUnsafe(ref p, (nuint)j) - shift);
            e.StoreUnsafe(ref p, (nuint)j);
            (e * (Vector256.LoadUnsafe(ref d, (nuint)j) - mean)).StoreUnsafe(ref d, (nuint)j);
        }
    }

    /// <summary>
    /// Copies this head's part of some rows together: rows of all heads are a power of two apart or nearly so, and
    /// would push each other out of the first-level cache.
    /// </summary>
    private void Gather(ReadOnlySpan<T> source, int sourceRow, int rows, Span<T> target)
    {
        for (int i = 0; i < rows; i++)
        {
            source.Slice(i * sourceRow, HeadWidth).CopyTo(target[(i * HeadWidth)..]);
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

/// <summary>Sizes of attention on packed queries, keys and values [Batch, Tokens, 3, Heads, HeadWidth].</summary>
internal readonly record struct AttentionSizes(int Batch, int Tokens, int Heads, int HeadWidth)
{
    /// <summary>Elements of one token's result.</summary>
    public int Width => Heads * HeadWidth;

    /// <summary>Heads of all samples; none when there are no tokens to attend to.</summary>
    public long Items => Tokens == 0 ? 0 : (long)Batch * Heads;

    /// <summary>Elements that pass through the softmax, which outweighs what the products read.</summary>
    public long WorkPerHead => (long)Tokens * (Tokens + HeadWidth);

    public static AttentionSizes Of(NdArray qkv, int heads) =>
        new(qkv.Shape[0], qkv.Shape[1], heads, qkv.Shape[2] / 3 / heads);
}
