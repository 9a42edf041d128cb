namespace CudaViT.Training.Checkpoints.Import;

/// <summary>Opens files by what is in them, whatever their names end in.</summary>
internal static class TensorSources
{
    /// <summary>Opens a PyTorch or safetensors file.</summary>
    /// <exception cref="InputException">It cannot be read or is neither.</exception>
    public static ITensorSource Open(string path)
    {
        Span<byte> start = stackalloc byte[9];
        try
        {
            using FileStream file = File.OpenRead(path);
            start = start[..file.ReadAtLeast(start, start.Length, throwOnEndOfStream: false)];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException(
                $"{path}: cannot be read ({e.Message.TrimEnd('.')}); expected a .pth.tar, .pth or .safetensors file; "
                + "check the path.",
                e);
        }

        // A safetensors file begins with the length of the JSON that follows.
        return start.Length == 9 && start[8] == '{' ? new SafetensorsSource(path) : new TorchSource(path);
    }
}
