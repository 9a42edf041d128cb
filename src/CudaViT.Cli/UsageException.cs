namespace CudaViT.Cli;

/// <summary>The command line asks for something that there is not. Ends the program with status 2.</summary>
internal sealed class UsageException(string message) : Exception(message);
