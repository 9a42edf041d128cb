using CudaViT.Cuda;

namespace CudaViT.Cli.Doctor;

/// <summary>What to type for each thing that can be missing.</summary>
internal static class Remedies
{
    private const string NvrtcFolder = "artifacts/nvrtc";

    /// <summary>Whether something is of no use on a machine that has no NVIDIA device at all.</summary>
    public static bool NeedsDevice(string name) =>
        name is Examination.Gpu or Examination.Driver or Examination.CublasLt or Examination.Nvtx;

    /// <summary>The command that gets something.</summary>
    /// <param name="name">Name of a check.</param>
    /// <param name="machine">Where.</param>
    /// <returns>Null where no command gets it, or it would be of no use.</returns>
    public static string? For(string name, Machine machine)
    {
        ArgumentNullException.ThrowIfNull(machine);
        if (NeedsDevice(name) && machine.HasNvidiaDevice == false)
        {
            return null;
        }

        return name switch
        {
            Examination.Gpu or Examination.Driver => Driver(machine),
            Examination.Nvrtc => machine.NvrtcScript is { } script ? Fetch(script, "")
                : Toolkit(machine, conda: "cuda-nvrtc", wheel: "nvidia-cuda-nvrtc-cu12"),
            Examination.CublasLt => Toolkit(machine, conda: "libcublas", wheel: "nvidia-cublas-cu12"),
            Examination.Nvtx => Toolkit(machine, conda: "cuda-nvtx", wheel: "nvidia-nvtx-cu12"),
            Examination.Disassembler => machine.NvrtcScript is { } script ? Fetch(script, "--disassembler ")
                : machine.IsConda ? "conda install -c nvidia cuda-nvdisasm"
                : Install(machine, apt: "nvidia-cuda-toolkit", pacman: "cuda", winget: "Nvidia.CUDA"),
            Examination.Compiler => Install(
                machine, apt: "g++", dnf: "gcc-c++", pacman: "gcc", zypper: "gcc-c++", apk: "g++"),
            Examination.Cache => machine.Manager == PackageManager.Winget
                ? $@"set {CacheFolder.Variable}=%TEMP%\cudavit"
                : $"export {CacheFolder.Variable}=\"${{TMPDIR:-/tmp}}/cudavit\"",
            Examination.TurboJpeg => Install(
                machine, apt: machine.IsUbuntu ? "libturbojpeg" : "libturbojpeg0", dnf: "turbojpeg",
                pacman: "libjpeg-turbo", zypper: "libturbojpeg0", apk: "libturbojpeg", brew: "jpeg-turbo",
                winget: "libjpeg-turbo.libjpeg-turbo.VC"),
            Examination.Png => Install(
                machine, apt: "libpng16-16", dnf: "libpng", pacman: "libpng", zypper: "libpng16-16", apk: "libpng",
                brew: "libpng"),
            _ => null,
        };
    }

    private static string? Driver(Machine machine) => machine.IsContainer
        ? "docker run --gpus all IMAGE" // the driver is the host's
        : machine.IsUbuntu ? $"{Privileged(machine)}ubuntu-drivers install"
        : machine.Manager == PackageManager.Winget ? "start https://www.nvidia.com/drivers"
        : Install(machine, apt: "nvidia-driver", dnf: "akmod-nvidia", pacman: "nvidia");

    private static string Fetch(string script, string options) =>
        $"sh {script} {options}{NvrtcFolder} && export {CudaLibraries.SettingVariable}=\"$PWD/{NvrtcFolder}\"";

    // Not the distribution's: what they have is often of CUDA 11. Newer drivers take CUDA 12's libraries as well.
    private static string? Toolkit(Machine machine, string conda, string wheel) =>
        machine.Manager == PackageManager.Brew ? null
        : machine.IsConda ? $"conda install -c nvidia {conda}"
        : $"pip install {wheel}";

    private static string? Install(
        Machine machine, string? apt = null, string? dnf = null, string? pacman = null, string? zypper = null,
        string? apk = null, string? brew = null, string? winget = null)
    {
        string sudo = Privileged(machine);
        (string command, string? package) = machine.Manager switch
        {
            PackageManager.Apt when machine.NeedsUpdate =>
                ($"{sudo}apt-get update && {sudo}apt-get install", apt),
            PackageManager.Apt => ($"{sudo}apt-get install", apt),
            PackageManager.Dnf => ($"{sudo}dnf install", dnf),
            PackageManager.Pacman => ($"{sudo}pacman -S", pacman),
            PackageManager.Zypper => ($"{sudo}zypper install", zypper),
            PackageManager.Apk => ($"{sudo}apk add", apk),
            PackageManager.Brew => ("brew install", brew),
            PackageManager.Winget => ("winget install", winget),
            _ => ("", null),
        };
        return package is null ? null : $"{command} {package}";
    }

    private static string Privileged(Machine machine) => machine.IsPrivileged ? "" : "sudo ";
}
