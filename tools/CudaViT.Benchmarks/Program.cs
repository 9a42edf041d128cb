
// One line a benchmark. Each takes the arguments after its name and returns the exit status.

using System.ComponentModel;
using CudaViT.Benchmarks;
using CudaViT.Core;
using CudaViT.Cuda;

var commands = new (string Name, string Purpose, Func<string[], int> Run)[]
{
    ("matmul", "our matrix products beside OpenBLAS's; [threads=N] [samples=N] [name=PART] [clock=wall|cpu]",
        MatmulBenchmark.Run),
    ("operations", "single operations of a ViT-S block, time and memory per call; arguments go to BenchmarkDotNet",
        OperationBenchmarks.Run),
    ("augment", "JPEG files to two views on one core, beside torchvision; [images=N] [rounds=N] [name=PART] "
        + "[clock=wall|cpu] [peer=PYTHON]", AugmentBenchmark.Run),
    ("views", "both views made by a device of images that are on it; [device=cuda|emulator] [batch=N] [size=N] "
        + "[dtype=T] [rounds=N]", ViewsBenchmark.Run),
    ("step", "a whole training step, beside a peer program's; [threads=N] [rounds=N] [name=PART] [peer=COMMAND]",
        StepBenchmark.Run),
};

string wanted = args.FirstOrDefault() ?? "";
int index = Array.FindIndex(commands, command => command.Name == wanted);
if (index >= 0)
{
    try
    {
        return commands[index].Run(args[1..]);
    }
    catch (Exception error)
        when (error is InputException or InvalidOperationException or Win32Exception or GpuException)
    {
        Console.Error.WriteLine(error.Message);
        return 1;
    }
}

Console.Error.WriteLine(wanted == "" ? "Which benchmark?" : $"There is no benchmark '{wanted}'.");
foreach ((string name, string purpose, _) in commands)
{
    Console.Error.WriteLine($"  {name,-12}{purpose}");
}

return 2;
