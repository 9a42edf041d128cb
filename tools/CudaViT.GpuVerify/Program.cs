using CudaViT.GpuVerify;

// What has to hold on a real GPU, in one command and within eight minutes. `tools/gpu-verify` publishes what this runs.
if (args is ["--help"] or ["-h"])
{
    Console.WriteLine(Arguments.Usage);
    return ExitStatus.Holds;
}

if (!Arguments.TryParse(args, out Arguments arguments, out string problem))
{
    Console.Error.WriteLine($"gpu-verify: {problem}\n{Arguments.Usage}");
    return ExitStatus.Usage;
}

var programs = ProgramFolders.For(arguments.Programs, AppContext.BaseDirectory, Environment.CurrentDirectory);
if (programs.Problem(VerifySteps.Programs) is { } missing)
{
    Console.Error.WriteLine($"gpu-verify: {missing}");
    return ExitStatus.Usage;
}

try
{
    return Verification.Run(
        arguments, programs, new ProcessRunner(programs), TimeProvider.System, Console.Out,
        showsProgress: !Console.IsOutputRedirected);
}
catch (Exception error) when (error is IOException or UnauthorizedAccessException)
{
    Console.Error.WriteLine($"gpu-verify: {error.Message.TrimEnd('.')}; --out names a folder that can be written");
    return ExitStatus.Usage;
}
