using System.Numerics;

namespace CudaViT.Cpu;

/// <summary>The innermost loop of a matrix product: one block of C that stays in registers while k runs.</summary>
internal interface IMicroKernel<T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Rows of the block.</summary>
    static abstract int Rows { get; }

    /// <summary>Columns of the block.</summary>
    static abstract int Columns { get; }

    /// <summary>
    /// c[i, j] = alpha * s[i, j] + (accumulate ? c[i, j] : 0), where s[i, j] sums a[i, p] * b[p, j] by fused
    /// multiply-adds in the order of p, starting from 0. Every kernel therefore gives the same bits.
    /// </summary>
    /// <param name="depth">Number of terms of each sum.</param>
    /// <param name="a">a[0, 0]; a[i, p] is at <c>i * aRow + p * aColumn</c>.</param>
    /// <param name="aRow">Distance between rows of a.</param>
    /// <param name="aColumn">Distance between columns of a.</param>
    /// <param name="rows">
    /// Rows that a has, 1 to <see cref="Rows"/>. The block is computed and written in full; rows that a lacks repeat
    /// its last one.
    /// </param>
    /// <param name="b">b[0, 0]; b[p, j] is at <c>p * Columns + j</c>.</param>
    /// <param name="c">c[0, 0]; c[i, j] is at <c>i * cRow + j</c>.</param>
    /// <param name="cRow">Distance between rows of c.</param>
    /// <param name="alpha">Factor of the sums.</param>
    /// <param name="accumulate">Whether to add to c rather than to overwrite it.</param>
    static abstract void Run(
        nint depth, ref readonly T a, nint aRow, nint aColumn, int rows, ref readonly T b, ref T c, nint cRow, T alpha,
        bool accumulate);
}
