using System.Numerics;
using System.Runtime.Intrinsics;

namespace CudaViT.Cpu;

/// <summary>Matrix products on the CPU: C = alpha · A · B, or C + alpha · A · B, for float and double.</summary>
/// <remarks>
/// Every element is the same sequence of fused multiply-adds wherever it lies and whatever computes it: the terms of a
/// sum are added in blocks of k, in order, and the blocks depend on K alone. Results hence repeat bit for bit with any
/// number of threads, any vector width, and any number of other rows, columns or items. NaN and infinity go through as
/// in plain loops. Blocking and packing follow Goto and van de Geijn, "Anatomy of High-Performance Matrix
/// Multiplication", ACM TOMS 34(3), 2008.
/// </remarks>
internal static class Gemm
{
    /// <summary>Computes C = alpha · A · B, or adds it to C.</summary>
    public static void Multiply<T>(
        WorkerTeam team, in GemmShape shape, in MatrixView<T> a, in MatrixView<T> b, in MatrixTarget<T> c, T alpha,
        bool accumulate = false)
        where T : unmanaged, IFloatingPointIeee754<T> =>
        Multiply(team, shape, a, b, c, alpha, accumulate, default(NoEpilogue<T>));

    /// <summary>Computes C = alpha · A · B, or adds it to C, and hands the finished elements on.</summary>
    /// <param name="team">The threads that compute.</param>
    /// <param name="shape">Sizes; any of them may be 0. With K = 0 the products are zeros.</param>
    /// <param name="a">[M, K], strided at will.</param>
    /// <param name="b">[K, N], strided at will.</param>
    /// <param name="c">[M, N]; shares no memory with <paramref name="a"/> or <paramref name="b"/>.</param>
    /// <param name="alpha">Factor of the product.</param>
    /// <param name="accumulate">Whether to add to C rather than to overwrite it.</param>
    /// <param name="epilogue">What becomes of the elements of C once they are finished.</param>
    /// <exception cref="ArgumentException">
    /// A size or stride is negative, or an operand reaches past its memory.
    /// </exception>
    public static void Multiply<T, TEpilogue>(
        WorkerTeam team, in GemmShape shape, in MatrixView<T> a, in MatrixView<T> b, in MatrixTarget<T> c, T alpha,
        bool accumulate, in TEpilogue epilogue)
        where T : unmanaged, IFloatingPointIeee754<T>
        where TEpilogue : struct, IGemmEpilogue<T>
    {
        var call = new GemmCall<T, TEpilogue>(shape, a, b, c, alpha, accumulate, epilogue);
        if (Vector512.IsHardwareAccelerated)
        {
            GemmEngine<T, MicroKernel512<T>, TEpilogue>.Run(team, call);
        }
        else
        {
            GemmEngine<T, MicroKernel256<T>, TEpilogue>.Run(team, call);
        }
    }

    private readonly struct NoEpilogue<T> : IGemmEpilogue<T>
    {
        public void Apply(long item, int row, int column, Span<T> segment)
        {
        }
    }
}
