namespace CudaViT.Core;

/// <summary>Puts images together from their patches: the inverse of <see cref="Patchify"/>.</summary>
public sealed class Unpatchify : Operation
{
    private readonly int _patch;

    private Unpatchify(Tensor x, int patch)
        : base(inputs: [x], saved: []) => _patch = patch;

    /// <summary>Puts the patches of <paramref name="x"/> together and records the step on the tape.</summary>
    /// <param name="x">[B, (H/P)·(W/P), C·P·P]; F64, F32 or BF16.</param>
    /// <param name="channels">Channels C of the images.</param>
    /// <param name="height">Height H in pixels.</param>
    /// <param name="width">Width W in pixels.</param>
    /// <param name="patch">Side P of a patch in pixels; divides H and W.</param>
    /// <returns>[B, C, H, W].</returns>
    /// <exception cref="ArgumentException">
    /// The patches do not tile the image, or <paramref name="x"/> has another shape.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">A size is not positive.</exception>
    public static Tensor Apply(Tensor x, int channels, int height, int width, int patch)
    {
        Require.Float(x, nameof(Unpatchify));
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(channels);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(height);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(width);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(patch);
        Patchify.CheckTiling(nameof(Unpatchify), height, width, patch);
        int patches = height / patch * (width / patch);
        int length = channels * patch * patch;
        if (x.Shape.Rank != 3 || x.Shape[1] != patches || x.Shape[2] != length)
        {
            throw new ArgumentException(
                $"Unpatchify: images of {channels} x {height} x {width} have patches [B, {patches}, {length}], but the "
                + $"shape of x is {x.Shape}. Leave out tokens that are no patches, such as the class token.");
        }

        return Tape.Record(x.Backend.Unpatchify(x.Data, channels, height, width, patch), new Unpatchify(x, patch));
    }

    /// <inheritdoc/>
    protected internal override NdArray?[] Backward(NdArray dy) => [dy.Backend.Patchify(dy, _patch)];
}

public partial interface IBackend
{
    /// <summary>Returns images [B, C, H, W] from their patches [B, (H/P)·(W/P), C·P·P].</summary>
    NdArray Unpatchify(NdArray x, int channels, int height, int width, int patch);
}
