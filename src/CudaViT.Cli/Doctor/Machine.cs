namespace CudaViT.Cli.Doctor;

/// <summary>Programs that install others.</summary>
internal enum PackageManager
{
    /// <summary>None that is known here.</summary>
    None,

    /// <summary>Debian's.</summary>
    Apt,

    /// <summary>Fedora's and Red Hat's.</summary>
    Dnf,

    /// <summary>Arch's.</summary>
    Pacman,

    /// <summary>SUSE's.</summary>
    Zypper,

    /// <summary>Alpine's.</summary>
    Apk,

    /// <summary>Homebrew, on macOS.</summary>
    Brew,

    /// <summary>That of Windows.</summary>
    Winget,
}

/// <summary>What decides how something is installed on a machine.</summary>
internal sealed record Machine
{
    private const string NvidiaVendor = "0x10de";

    /// <summary>What installs programs.</summary>
    public required PackageManager Manager { get; init; }

    /// <summary>Whether it is Ubuntu or made of it: some packages have other names there.</summary>
    public bool IsUbuntu { get; init; }

    /// <summary>Whether this user may install without asking first.</summary>
    public bool IsPrivileged { get; init; }

    /// <summary>Whether the package manager has no lists of packages yet, as in fresh containers.</summary>
    public bool NeedsUpdate { get; init; }

    /// <summary>Whether programs run in a container, which has to be given GPUs.</summary>
    public bool IsContainer { get; init; }

    /// <summary>Whether a conda environment is in use.</summary>
    public bool IsConda { get; init; }

    /// <summary>Whether an NVIDIA device is on the bus; null where that cannot be told.</summary>
    public bool? HasNvidiaDevice { get; init; }

    /// <summary>
    /// The script that fetches NVRTC, where this is a checkout of the repository on Debian; else null.
    /// </summary>
    public string? NvrtcScript { get; init; }

    /// <summary>This one.</summary>
    public static Machine Current()
    {
        string system = OperatingSystem.IsLinux() ? Read("/etc/os-release") : "";
        PackageManager manager = OperatingSystem.IsWindows() ? PackageManager.Winget
            : OperatingSystem.IsMacOS() ? PackageManager.Brew
            : ManagerOf(system);
        return new Machine
        {
            Manager = manager,
            IsUbuntu = Kinds(system).Contains("ubuntu"),
            IsPrivileged = Environment.IsPrivilegedProcess,
            NeedsUpdate = manager == PackageManager.Apt && FilesIn("/var/lib/apt/lists", "*Packages*").Length == 0,
            IsContainer = File.Exists("/.dockerenv") || File.Exists("/run/.containerenv"),
            IsConda = !string.IsNullOrEmpty(Environment.GetEnvironmentVariable("CONDA_PREFIX")),
            HasNvidiaDevice = OperatingSystem.IsLinux() ? OnBus() : null,
            NvrtcScript = Kinds(system).Contains("debian") && !Kinds(system).Contains("ubuntu") ? FindScript() : null,
        };
    }

    /// <summary>The package manager of a Linux, by its <c>os-release</c>.</summary>
    public static PackageManager ManagerOf(string system) => Kinds(system).Select(kind => kind switch
    {
        "debian" or "ubuntu" => PackageManager.Apt,
        "fedora" or "rhel" or "centos" => PackageManager.Dnf,
        "arch" => PackageManager.Pacman,
        "suse" or "opensuse" or "sles" => PackageManager.Zypper,
        "alpine" => PackageManager.Apk,
        _ => PackageManager.None,
    }).FirstOrDefault(manager => manager != PackageManager.None);

    // ID is the system's own name, ID_LIKE those of what it is made of, nearest first.
    private static string[] Kinds(string system) => [.. system.Split('\n')
        .Select(line => line.Split('=', 2))
        .Where(parts => parts is ["ID" or "ID_LIKE", _])
        .OrderBy(parts => parts[0].Length)
        .SelectMany(parts => parts[1].Trim().Trim('"').Split(' '))];

    private static bool? OnBus()
    {
        string[] vendors =
            [.. FilesIn("/sys/bus/pci/devices", "*").Select(device => Read(Path.Combine(device, "vendor")))];
        return vendors.Length == 0 ? null : vendors.Any(vendor => vendor.Trim() == NvidiaVendor);
    }

    private static string? FindScript()
    {
        string script = Path.Combine("tools", "get-nvrtc.sh");
        return File.Exists(script) ? script : null;
    }

    private static string Read(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    private static string[] FilesIn(string folder, string pattern)
    {
        try
        {
            return Directory.Exists(folder) ? Directory.GetFileSystemEntries(folder, pattern) : [];
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}
