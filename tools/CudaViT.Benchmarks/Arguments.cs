namespace CudaViT.Benchmarks;

/// <summary>Arguments of the form NAME=VALUE.</summary>
internal static class Arguments
{
    /// <summary>The value of an argument; null when it was not given.</summary>
    public static string? Option(string[] arguments, string name) =>
        Array.Find(arguments, x => x.StartsWith(name + "=", StringComparison.Ordinal))?[(name.Length + 1)..];
}
