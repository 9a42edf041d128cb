using System.Numerics;
using System.Numerics.Tensors;
using CudaViT.Core;

namespace CudaViT.Cpu;

public sealed partial class CpuBackend
{
    /// <inheritdoc/>
    public (NdArray Y, NdArray? PreActivation) Linear(
        NdArray x, NdArray weight, NdArray? bias, NdArray? residual, bool gelu, bool keepsPreActivation)
    {
        if (x.DType == DType.BF16)
        {
            (NdArray y, NdArray? preActivation) = Linear<float>(
                Widen(x), Widen(weight), WidenIfAny(bias), WidenIfAny(residual), gelu, keepsPreActivation);
            return (Narrow(y), preActivation is null ? null : Narrow(preActivation));
        }

        return x.DType == DType.F64
            ? Linear<double>(x, weight, bias, residual, gelu, keepsPreActivation)
            : Linear<float>(x, weight, bias, residual, gelu, keepsPreActivation);
    }

    /// <inheritdoc/>
    public (NdArray? Dx, NdArray? DWeight, NdArray? DBias) LinearBackward(
        NdArray dy, NdArray x, NdArray weight, NdArray? preActivation, bool needsDx, bool needsDWeight, bool needsDBias)
    {
        if (dy.DType == DType.BF16)
        {
            (NdArray? dx, NdArray? dWeight, NdArray? dBias) = LinearBackward<float>(
                Widen(dy), Widen(x), Widen(weight), WidenIfAny(preActivation), needsDx, needsDWeight, needsDBias);
            return (NarrowIfAny(dx), NarrowIfAny(dWeight), NarrowIfAny(dBias));
        }

        return dy.DType == DType.F64
            ? LinearBackward<double>(dy, x, weight, preActivation, needsDx, needsDWeight, needsDBias)
            : LinearBackward<float>(dy, x, weight, preActivation, needsDx, needsDWeight, needsDBias);
    }

    private (NdArray Y, NdArray? PreActivation) Linear<T>(
        NdArray x, NdArray weight, NdArray? bias, NdArray? residual, bool gelu, bool keepsPreActivation)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        (int outputs, int inputs) = (weight.Shape[0], weight.Shape[1]);
        int rows = (int)(x.Count / inputs);
        NdArray y = Empty(x.Shape.With(-1, outputs), x.DType);
        NdArray? preActivation = keepsPreActivation ? Empty(y.Shape, y.DType) : null;
        Gemm.Multiply(
            _team, new GemmShape(rows, outputs, inputs), Matrix<T>(x, inputs), Matrix<T>(weight, inputs).Transposed,
            new MatrixTarget<T>((preActivation ?? y).Memory<T>(), outputs), T.One, accumulate: false,
            new LinearEpilogue<T>(outputs, bias, residual, gelu ? y : null));
        return (y, preActivation);
    }

    private (NdArray? Dx, NdArray? DWeight, NdArray? DBias) LinearBackward<T>(
        NdArray dy, NdArray x, NdArray weight, NdArray? preActivation, bool needsDx, bool needsDWeight, bool needsDBias)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        (int outputs, int inputs) = (weight.Shape[0], weight.Shape[1]);
        int rows = (int)(x.Count / inputs);
        NdArray dz = preActivation is null ? dy : Empty(dy.Shape, dy.DType);
        NdArray? dBias = needsDBias ? Empty([outputs], dy.DType) : null;
        GeluBackwardAndColumnSums<T>(dy, preActivation, dz, dBias, rows, outputs);

        NdArray? dx = null;
        if (needsDx)
        {
            dx = Empty(x.Shape, x.DType);
            Gemm.Multiply(
                _team, new GemmShape(rows, inputs, outputs), Matrix<T>(dz, outputs), Matrix<T>(weight, inputs),
                new MatrixTarget<T>(dx.Memory<T>(), inputs), T.One);
        }

        NdArray? dWeight = null;
        if (needsDWeight)
        {
            dWeight = Empty(weight.Shape, weight.DType);
            Gemm.Multiply(
                _team, new GemmShape(outputs, inputs, rows), Matrix<T>(dz, outputs).Transposed, Matrix<T>(x, inputs),
                new MatrixTarget<T>(dWeight.Memory<T>(), inputs), T.One);
        }

        if (dz != dy)
        {
            dz.Storage.Release();
        }

        return (dx, dWeight, dBias);
    }

    /// <summary>
    /// Where there was a GELU, dz = dy times its derivative; where dbias is wanted, the sums of the columns of dz. One
    /// pass does both, so that dz is summed while it is in the first-level cache.
    /// </summary>
    private void GeluBackwardAndColumnSums<T>(
        NdArray dy, NdArray? preActivation, NdArray dz, NdArray? dBias, int rows, int width)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (preActivation is null && dBias is null)
        {
            return;
        }

        int blocks = (rows + RowsPerPartial - 1) / RowsPerPartial;
        NdArray? partials = dBias is null ? null : Empty([blocks, width], dy.DType);
        int workPerElement = preActivation is null ? 1 : 20;
        ForEachChunk(blocks, (long)RowsPerPartial * width * workPerElement, (start, end) =>
        {
            for (int block = (int)start; block < end; block++)
            {
                Span<T> sums = partials is null ? [] : partials.Span<T>().Slice(block * width, width);
                sums.Clear();
                int lastRow = Math.Min(rows, (block + 1) * RowsPerPartial);
                for (int i = block * RowsPerPartial; i < lastRow; i++)
                {
                    var row = new Range(i * width, (i + 1) * width);
                    if (preActivation is not null)
                    {
                        VectorMath.GeluBackward(
                            preActivation.ReadSpan<T>()[row], dy.ReadSpan<T>()[row], dz.Span<T>()[row]);
                    }

                    if (!sums.IsEmpty)
                    {
                        TensorPrimitives.Add(sums, dz.ReadSpan<T>()[row], sums);
                    }
                }
            }
        });

        if (partials is not null && dBias is not null)
        {
            AddPartials<T>(partials, dBias);
        }
    }

    /// <summary>The array's elements as rows of a given width.</summary>
    private static MatrixView<T> Matrix<T>(NdArray x, int width)
        where T : unmanaged, IFloatingPointIeee754<T> =>
        new(x.Memory<T>(), width, 1);

    /// <summary>
    /// Adds the bias and the residual to finished sums. With <paramref name="activated"/>, GELU of them goes there,
    /// which may be the place of the sums themselves.
    /// </summary>
    private readonly struct LinearEpilogue<T>(int width, NdArray? bias, NdArray? residual, NdArray? activated)
        : IGemmEpilogue<T>
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        public void Apply(long item, int row, int column, Span<T> segment)
        {
            int start = (row * width) + column;
            if (bias is not null)
            {
                TensorPrimitives.Add(segment, bias.ReadSpan<T>().Slice(column, segment.Length), segment);
            }

            if (residual is not null)
            {
                TensorPrimitives.Add(segment, residual.ReadSpan<T>().Slice(start, segment.Length), segment);
            }

            if (activated is not null)
            {
                VectorMath.Gelu<T>(segment, activated.Span<T>().Slice(start, segment.Length));
            }
        }
    }
}
