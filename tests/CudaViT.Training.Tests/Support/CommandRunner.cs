using CudaViT.Cli;

namespace CudaViT.Training.Tests.Support;

/// <summary>The program in this process.</summary>
internal static class CommandRunner
{
    /// <summary>Runs a command line and collects what it prints.</summary>
    public static (int Status, string Output, string Error) Run(params string[] args)
    {
        var output = new StringWriter();
        var error = new StringWriter();
        int status = CommandLine.Run(args, output, error);
        return (status, output.ToString(), error.ToString());
    }

    /// <summary>What every error is: one line, with no stack trace.</summary>
    public static void AssertOneLine(string error)
    {
        Assert.StartsWith("cudavit: ", error);
        Assert.Equal(1, error.Count(c => c == '\n'));
        Assert.DoesNotContain("   at ", error);
    }
}
