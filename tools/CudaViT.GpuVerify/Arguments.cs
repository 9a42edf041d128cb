namespace CudaViT.GpuVerify;

/// <summary>What the command line asks for.</summary>
/// <param name="Output">Folder of the results.</param>
/// <param name="Programs">Folder of the published programs; null to look where they usually are.</param>
/// <param name="Quick">Whether to leave out what takes longest.</param>
internal sealed record Arguments(string Output, string? Programs, bool Quick)
{
    public const string Usage = """
        usage: gpu-verify [--out DIR] [--quick] [--programs DIR]
          Verifies everything that runs on a GPU, on this machine's first one, within eight minutes, and writes
          DIR/verify.json and DIR/verify.log (default: artifacts/gpu).
          --quick          leave out compute-sanitizer and the long training comparison
          --programs DIR   where the published programs are (default: beside this one, beside its folder, in the
                           folder it is run in, or in artifacts/gpu-verify there)
          Exit status: 0 everything holds; 1 something does not, or was not reached; 2 wrong arguments, or no programs;
          3 there is no GPU that can be used.
        """;

    /// <summary>Reads a command line.</summary>
    /// <param name="args">Its words.</param>
    /// <param name="arguments">What they ask for.</param>
    /// <param name="problem">What is wrong with them, in one line, if the result is false.</param>
    public static bool TryParse(string[] args, out Arguments arguments, out string problem)
    {
        arguments = new Arguments(Path.Combine("artifacts", "gpu"), null, false);
        for (int i = 0; i < args.Length; i++)
        {
            switch (args[i])
            {
                case "--out" or "--programs" when i + 1 == args.Length || args[i + 1] is "" or ['-', '-', ..]:
                    problem = $"{args[i]} has no value; expected a folder";
                    return false;
                case "--out": arguments = arguments with { Output = args[++i] }; break;
                case "--programs": arguments = arguments with { Programs = args[++i] }; break;
                case "--quick": arguments = arguments with { Quick = true }; break;
                default:
                    problem = $"'{args[i]}' is unknown; expected --out DIR, --quick or --programs DIR";
                    return false;
            }
        }

        problem = "";
        return true;
    }
}

/// <summary>What the program ends with.</summary>
internal static class ExitStatus
{
    /// <summary>Every step passed, or needs what this machine lacks.</summary>
    public const int Holds = 0;

    /// <summary>A step failed, ran out of time, ran nothing or was cut by the budget.</summary>
    public const int Fails = 1;

    /// <summary>The command line is wrong, the programs are missing, or the results cannot be written.</summary>
    public const int Usage = 2;

    /// <summary>There is no GPU here that can be used.</summary>
    public const int NoGpu = 3;
}
