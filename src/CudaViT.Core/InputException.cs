namespace CudaViT.Core;

/// <summary>
/// What the user gave (a file, a folder, a setting) cannot be used. The message is one line for the terminal: what was
/// wrong, what was expected, what to do.
/// </summary>
public abstract class InputException : Exception
{
    /// <summary>Creates the error; <paramref name="inner"/> is what the system reported, if anything.</summary>
    protected InputException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }
}
