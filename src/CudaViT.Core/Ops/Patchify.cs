namespace CudaViT.Core;

/// <summary>Cuts images into square patches and lays each out as a row; the gradient is put together again.</summary>
/// <remarks>
/// patches[b, (i·W/P) + j, (c·P + r)·P + s] = x[b, c, i·P + r, j·P + s]: the order in which a convolution's weight
/// [D, C, P, P] is stored, so that a patch embedding is a linear layer of it (Dosovitskiy et al.,
/// arXiv:2010.11929, section 3.1).
/// </remarks>
public sealed class Patchify : Operation
{
    private readonly Shape _from;
    private readonly int _patch;

    private Patchify(Tensor x, int patch)
        : base(inputs: [x], saved: []) => (_from, _patch) = (x.Shape, patch);

    /// <summary>Cuts <paramref name="x"/> into patches and records the step on the tape.</summary>
    /// <param name="x">[B, C, H, W]; F64, F32 or BF16.</param>
    /// <param name="patch">Side P of a patch in pixels; divides H and W.</param>
    /// <returns>[B, (H/P)·(W/P), C·P·P]: patches row by row, each ordered by channel, row and column.</returns>
    /// <exception cref="ArgumentException"><paramref name="x"/> is no batch of images that patches tile.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="patch"/> is not positive.</exception>
    public static Tensor Apply(Tensor x, int patch)
    {
        Require.Float(x, nameof(Patchify));
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(patch);
        if (x.Shape.Rank != 4)
        {
            throw new ArgumentException(
                $"Patchify: x must be images [B, C, H, W], but its shape is {x.Shape}. For one image: "
                + "x.Reshape(1, C, H, W).");
        }

        CheckTiling(nameof(Patchify), x.Shape[2], x.Shape[3], patch);
        return Tape.Record(x.Backend.Patchify(x.Data, patch), new Patchify(x, patch));
    }

    /// <summary>Throws unless patches tile the image.</summary>
    internal static void CheckTiling(string operation, int height, int width, int patch)
    {
        if (height % patch != 0 || width % patch != 0)
        {
            throw new ArgumentException(
                $"{operation}: patches of {patch} x {patch} pixels do not tile an image of {height} x {width}. "
                + "Resize or crop the image to multiples of the patch.");
        }
    }

    /// <inheritdoc/>
    protected internal override NdArray?[] Backward(NdArray dy) =>
        [dy.Backend.Unpatchify(dy, _from[1], _from[2], _from[3], _patch)];
}

public partial interface IBackend
{
    /// <summary>Returns the patches [B, (H/P)·(W/P), C·P·P] of images [B, C, H, W].</summary>
    NdArray Patchify(NdArray x, int patch);
}
