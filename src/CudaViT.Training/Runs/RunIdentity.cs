namespace CudaViT.Training.Runs;

/// <summary>What a run must share with its checkpoints.</summary>
/// <param name="Seed">Seed of every random number.</param>
/// <param name="Preset">Name of the preset or recipe that the settings began with.</param>
/// <param name="SettingsDigest">SHA-256 of the settings that decide the result.</param>
/// <param name="StepsPerEpoch">Steps in an epoch.</param>
/// <param name="Data">Name of the training data, for messages.</param>
internal sealed record RunIdentity(ulong Seed, string Preset, string SettingsDigest, int StepsPerEpoch, string Data);
