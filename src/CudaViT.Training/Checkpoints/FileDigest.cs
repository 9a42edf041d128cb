using System.Security.Cryptography;

namespace CudaViT.Training.Checkpoints;

/// <summary>Tells whether two files have one content.</summary>
internal static class FileDigest
{
    /// <summary>SHA-256 of a file, in lower-case hexadecimal.</summary>
    /// <exception cref="CheckpointException">It cannot be read.</exception>
    public static string Of(string path)
    {
        try
        {
            using FileStream stream = File.OpenRead(path);
            return Convert.ToHexStringLower(SHA256.HashData(stream));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException(
                $"{path}: the file cannot be read ({e.Message.ReplaceLineEndings(" ").TrimEnd('.')}); expected a "
                + "model; check the path.", e);
        }
    }
}
