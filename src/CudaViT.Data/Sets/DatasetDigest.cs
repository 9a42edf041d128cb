using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace CudaViT.Data.Sets;

/// <summary>
/// Which images a run was made with: names, sizes and classes of the files of both parts, not their contents, which
/// would take as long to read as an epoch. Small enough for a checkpoint (about 10 KB), it serializes to JSON as it is;
/// <see cref="Difference"/> says whether a run may go on with what lies there now.
/// </summary>
/// <remarks>
/// Beside one hash of everything there is one for each of at most <see cref="MaxBlocks"/> runs of neighbouring files,
/// so that <see cref="Difference"/> can name the first file that differs, or in large sets the few among which it is.
/// For IDX and CIFAR files, which have no names for images, it goes by their own names and sizes.
/// </remarks>
public sealed record DatasetDigest
{
    private const int MaxBlocks = 512;
    private const int HashLength = 8; // of a block: a difference is known from the whole hash, this only finds it

    /// <summary>Images to train on.</summary>
    public required int TrainImages { get; init; }

    /// <summary>Images held out; 0 without any.</summary>
    public required int HeldOutImages { get; init; }

    /// <summary>SHA-256 of all names, sizes and classes, in hexadecimal.</summary>
    public required string Sha256 { get; init; }

    /// <summary>Files in a block, of which the last may have fewer.</summary>
    public required int BlockSize { get; init; }

    /// <summary>A short hash of each block, in hexadecimal.</summary>
    public required IReadOnlyList<string> Blocks { get; init; }

    /// <summary>The digest of a data set.</summary>
    public static DatasetDigest Of(DatasetSplits data)
    {
        ArgumentNullException.ThrowIfNull(data);
        DatasetFile[] files = FilesOf(data);
        return Of(data, files, Math.Max(1, (files.Length + MaxBlocks - 1) / MaxBlocks));
    }

    /// <summary>What is different in a data set now, as the rest of a sentence; null if nothing is.</summary>
    /// <param name="now">The data set as it is found now.</param>
    public string? Difference(DatasetSplits now)
    {
        ArgumentNullException.ThrowIfNull(now);
        DatasetFile[] files = FilesOf(now);
        DatasetDigest other = Of(now, files, BlockSize);
        if (other.Sha256 == Sha256 && (other.TrainImages, other.HeldOutImages) == (TrainImages, HeldOutImages))
        {
            return null;
        }

        string counts = (other.TrainImages, other.HeldOutImages) == (TrainImages, HeldOutImages)
            ? $"as many images as before, {Count(" images")}, but not the same"
            : $"{Count(" images")} before, {other.Count("")} now";
        int common = Blocks.Zip(other.Blocks).TakeWhile(pair => pair.First == pair.Second).Count();
        int first = common * BlockSize;
        int end = Math.Min(first + BlockSize, files.Length);
        string place = first >= files.Length ? "files at the end are missing"
            : end == first + 1 ? $"the first that differs is {files[first].Name}"
            : $"the first that differs is among those from {files[first].Name} to {files[end - 1].Name}";
        return $"{counts}; {place}";
    }

    private static DatasetFile[] FilesOf(DatasetSplits data) => [.. data.Train.Files, .. data.HeldOut?.Files ?? []];

    private static DatasetDigest Of(DatasetSplits data, DatasetFile[] files, int blockSize)
    {
        using var all = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        using var block = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Span<byte> numbers = stackalloc byte[sizeof(long) + sizeof(int)];
        var blocks = new List<string>();
        for (int i = 0; i < files.Length; i++)
        {
            byte[] name = Encoding.UTF8.GetBytes(files[i].Name + "\0");
            BinaryPrimitives.WriteInt64LittleEndian(numbers, files[i].SizeInBytes);
            BinaryPrimitives.WriteInt32LittleEndian(numbers[sizeof(long)..], files[i].Label);
            foreach (IncrementalHash hash in new[] { all, block })
            {
                hash.AppendData(name);
                hash.AppendData(numbers);
            }

            if ((i + 1) % blockSize == 0 || i + 1 == files.Length)
            {
                blocks.Add(Convert.ToHexStringLower(block.GetHashAndReset().AsSpan(0, HashLength)));
            }
        }

        return new DatasetDigest
        {
            TrainImages = data.Train.Count,
            HeldOutImages = data.HeldOut?.Count ?? 0,
            Sha256 = Convert.ToHexStringLower(all.GetHashAndReset()),
            BlockSize = blockSize,
            Blocks = blocks,
        };
    }

    private string Count(string unit) => HeldOutImages == 0
        ? FormattableString.Invariant($"{TrainImages:n0}{unit}")
        : FormattableString.Invariant($"{TrainImages:n0}{unit} and {HeldOutImages:n0} held out");
}
