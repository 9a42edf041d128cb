using CudaViT.Core;

namespace CudaViT.Cpu;

public sealed partial class CpuBackend
{
    /// <inheritdoc/>
    public NdArray Patchify(NdArray x, int patch)
    {
        var grid = new PatchGrid(x.Shape[1], x.Shape[2], x.Shape[3], patch);
        NdArray patches = Empty([x.Shape[0], grid.Patches, grid.PatchLength], x.DType);
        MovePatches(x, patches, grid, intoPatches: true);
        return patches;
    }

    /// <inheritdoc/>
    public NdArray Unpatchify(NdArray x, int channels, int height, int width, int patch)
    {
        NdArray images = Empty([x.Shape[0], channels, height, width], x.DType);
        MovePatches(images, x, new PatchGrid(channels, height, width, patch), intoPatches: false);
        return images;
    }

    // Bytes are moved, never read as numbers, so one loop serves every element type.
    private void MovePatches(NdArray images, NdArray patches, PatchGrid grid, bool intoPatches) =>
        ForEachChunk((long)images.Shape[0] * grid.Patches, grid.PatchLength, (start, end) =>
        {
            int size = images.DType.SizeInBytes();
            int run = grid.Patch * size;
            Span<byte> image = images.Bytes();
            Span<byte> patch = patches.Bytes().Slice((int)start * grid.PatchLength * size);
            for (int i = (int)start; i < end; i++)
            {
                for (int segment = 0; segment < grid.Channels * grid.Patch; segment++)
                {
                    Span<byte> pixels = image.Slice(grid.Offset(i, segment) * size, run);
                    if (intoPatches)
                    {
                        pixels.CopyTo(patch);
                    }
                    else
                    {
                        patch[..run].CopyTo(pixels);
                    }

                    patch = patch[run..];
                }
            }
        });

    /// <summary>Where the patches of images [B, C, H, W] lie.</summary>
    private readonly record struct PatchGrid(int Channels, int Height, int Width, int Patch)
    {
        public int Patches => Height / Patch * (Width / Patch);

        public int PatchLength => Channels * Patch * Patch;

        /// <summary>Index of the first pixel of a patch's row; rows are counted through all channels.</summary>
        public int Offset(int patch, int segment)
        {
            (int image, int place) = Math.DivRem(patch, Patches);
            (int down, int right) = Math.DivRem(place, Width / Patch);
            (int channel, int row) = Math.DivRem(segment, Patch);
            return (((((image * Channels) + channel) * Height) + (down * Patch) + row) * Width) + (right * Patch);
        }
    }
}
