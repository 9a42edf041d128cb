using System.ComponentModel.DataAnnotations;

namespace CudaViT.Training.Settings;

/// <summary>Where and how a run happens. Nothing in here changes its result.</summary>
[SettingsSection]
public sealed record RunSettings
{
    /// <summary>
    /// Device to compute on: auto (a GPU if there is one that works, else the CPU), cuda, cpu, emulator or
    /// emulator-strict.
    /// </summary>
    public string Device { get; init; } = "auto";

    /// <summary>Threads that the CPU computes with; null for one per processor.</summary>
    [Range(1, 4096)]
    public int? Threads { get; init; }

    /// <summary>
    /// Threads that read images and, unless the device does, augment them; null for one on each processor that
    /// computing leaves.
    /// </summary>
    [Range(1, 1024)]
    public int? Workers { get; init; }

    /// <summary>Steps between checkpoints, besides the one after each epoch; null for those alone.</summary>
    [Range(1, int.MaxValue)]
    public int? CheckpointEvery { get; init; }

    /// <summary>How many of the newest checkpoints stay on the disk; the best one stays as well.</summary>
    [Range(1, int.MaxValue)]
    public int KeepCheckpoints { get; init; } = 2;

    /// <summary>
    /// Folder for TensorBoard's event files; a relative path lies in the folder of the run. Null for none.
    /// </summary>
    public string? TensorBoard { get; init; }

    /// <summary>Search every result for NaN and infinity and name the operation that made the first. Slow.</summary>
    public bool Anomaly { get; init; }
}
