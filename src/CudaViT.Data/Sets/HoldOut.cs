using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace CudaViT.Data.Sets;

/// <summary>Holds out a share of the images of a data set that has no part for that.</summary>
/// <remarks>
/// Which images these are is decided for each one by its name within the data alone: images that are added or removed
/// move no other from one side to the other, so that results stay comparable and nothing held out is ever trained on.
/// </remarks>
internal static class HoldOut
{
    /// <summary>Splits the training part.</summary>
    /// <param name="data">A data set without a held-out part.</param>
    /// <param name="share">How many to hold out, above 0 and below 1; met on average.</param>
    /// <exception cref="DatasetException">There is a held-out part, or one of both would be empty.</exception>
    public static DatasetSplits Split(DatasetSplits data, double share)
    {
        string given = share.ToString(CultureInfo.InvariantCulture);
        if (!(share > 0 && share < 1))
        {
            throw new DatasetException($"--hold-out is {given}; expected a share above 0 and below 1, like 0.1.");
        }

        IImageDataset all = data.Train;
        if (data.HeldOut is { } heldOut)
        {
            throw new DatasetException(
                $"{all.Name}: --hold-out is {given}, but {heldOut.Count} images are held out already: {heldOut.Name}. "
                + "Leave the option away, or name the folder of the training images alone.");
        }

        ILookup<bool, int> isHeldOut = Enumerable.Range(0, all.Count).ToLookup(i => Falls(all.NameOf(i), share));
        if (!isHeldOut[true].Any() || !isHeldOut[false].Any())
        {
            throw new DatasetException(
                $"{all.Name}: --hold-out {given} of {all.Count} images leaves {isHeldOut[false].Count()} to train on "
                + $"and {isHeldOut[true].Count()} held out; expected some of both. Choose another share, or use more "
                + "images.");
        }

        return data with
        {
            Train = all.Select([.. isHeldOut[false]], all.Name),
            HeldOut = all.Select([.. isHeldOut[true]], $"{all.Name}, held out"),
        };
    }

    private static bool Falls(string name, double share)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(Encoding.UTF8.GetBytes(name), hash);
        return BinaryPrimitives.ReadUInt64BigEndian(hash) < share * Math.Pow(2, 64);
    }
}
