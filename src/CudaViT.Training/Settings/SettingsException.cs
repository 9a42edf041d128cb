namespace CudaViT.Training.Settings;

/// <summary>Settings that cannot be used, or the name of a preset that does not exist.</summary>
public sealed class SettingsException : InputException
{
    /// <summary>Creates the error.</summary>
    public SettingsException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }
}
