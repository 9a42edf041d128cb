using CudaViT.Core;

namespace CudaViT.Cuda;

public sealed partial class CudaBackend
{
    private const int BiasRows = 128;      // of one partial sum, as in linear.cu
    private const int BiasThreadRows = 8;

    /// <inheritdoc/>
    public (NdArray Y, NdArray? PreActivation) Linear(
        NdArray x, NdArray weight, NdArray? bias, NdArray? residual, bool gelu, bool keepsPreActivation)
    {
        using ProfilerRange range = Range();
        (int outputs, int inputs) = (weight.Shape[0], weight.Shape[1]);
        NdArray z = Empty(x.Shape.With(-1, outputs), x.DType);
        Multiply(
            new GpuMatMul
            {
                DType = x.DType,
                M = x.Count / inputs,
                N = outputs,
                K = inputs,
                A = GpuStorage.AddressOf(x),
                B = GpuStorage.AddressOf(weight),
                D = GpuStorage.AddressOf(z),
                TransposeB = true,
                Bias = bias is null ? 0 : GpuStorage.AddressOf(bias),
                C = residual is null ? 0 : GpuStorage.AddressOf(residual),
                Beta = residual is null ? 0 : 1,
            },
            x, weight, z, bias, residual);
        if (!gelu)
        {
            return (z, null);
        }

        // One kernel reads z and writes y. With the bias in it as well, z would have to be written a second time.
        NdArray y = Gelu(z);
        if (keepsPreActivation)
        {
            return (y, z);
        }

        z.Storage.Release();
        return (y, null);
    }

    /// <inheritdoc/>
    public (NdArray? Dx, NdArray? DWeight, NdArray? DBias) LinearBackward(
        NdArray dy, NdArray x, NdArray weight, NdArray? preActivation, bool needsDx, bool needsDWeight, bool needsDBias)
    {
        using ProfilerRange range = Range();
        (int outputs, int inputs) = (weight.Shape[0], weight.Shape[1]);
        long rows = x.Count / inputs;
        NdArray dz = preActivation is null ? dy : Empty(dy.Shape, dy.DType);
        NdArray? dBias = needsDBias ? Empty([outputs], dy.DType) : null;
        GeluBackwardAndColumnSums(dy, preActivation, dz, dBias, rows, outputs);

        NdArray? dx = null;
        if (needsDx)
        {
            dx = Empty(x.Shape, x.DType);
            Multiply(
                new GpuMatMul
                {
                    DType = dy.DType,
                    M = rows,
                    N = inputs,
                    K = outputs,
                    A = GpuStorage.AddressOf(dz),
                    B = GpuStorage.AddressOf(weight),
                    D = GpuStorage.AddressOf(dx),
                },
                dz, weight, dx);
        }

        NdArray? dWeight = null;
        if (needsDWeight)
        {
            dWeight = Empty(weight.Shape, weight.DType);
            Multiply(
                new GpuMatMul
                {
                    DType = dy.DType,
                    M = outputs,
                    N = inputs,
                    K = rows,
                    A = GpuStorage.AddressOf(dz),
                    B = GpuStorage.AddressOf(x),
                    D = GpuStorage.AddressOf(dWeight),
                    TransposeA = true,
                },
                dz, x, dWeight);
        }

        if (dz != dy)
        {
            dz.Storage.Release();
        }

        return (dx, dWeight, dBias);
    }

    /// <summary>
    /// Where there was a GELU, dz = dy times its slope; where dbias is wanted, the sums of the columns of dz, in the
    /// same pass.
    /// </summary>
    private void GeluBackwardAndColumnSums(
        NdArray dy, NdArray? preActivation, NdArray dz, NdArray? dBias, long rows, int width)
    {
        if (width == 0 || (preActivation is null && dBias is null))
        {
            return;
        }

        int blocks = BlocksFor(rows, BiasRows);
        NdArray? partials = dBias is null ? null : Empty([blocks, width], dy.DType.Accumulator());
        bool packed = IsPacked(width, dy, preActivation, dz);
        int columns = WarpSize * (packed ? 16 / dy.DType.SizeInBytes() : 1);
        int grid = BlocksFor((long)blocks * BlocksFor(width, columns), 1);
        if (grid > 0 && preActivation is not null)
        {
            Launch(
                packed ? "linear_gelu_backward_packed" : "linear_gelu_backward",
                dy.DType, grid, (WarpSize, BiasThreadRows),
                new() { dz, partials, dy, preActivation, rows, width });
        }
        else if (grid > 0)
        {
            Launch(
                packed ? "linear_column_sums_packed" : "linear_column_sums", dy.DType, grid, (WarpSize, BiasThreadRows),
                new() { partials, dy, rows, width });
        }

        if (partials is not null && dBias is not null)
        {
            Launch(
                "linear_bias_reduce", dy.DType, BlocksFor(width, WarpSize), (WarpSize, BiasThreadRows),
                new() { dBias, partials, blocks, width });
            partials.Storage.Release();
        }
    }
}
