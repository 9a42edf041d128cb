using System.Security.Cryptography;
using System.Text;

namespace CudaViT.Training.Settings;

/// <summary>Everything that decides a run of one kind: what the settings of all kinds can do.</summary>
/// <typeparam name="TSelf">The record that implements this.</typeparam>
public interface IRunSettings<TSelf>
    where TSelf : class, IRunSettings<TSelf>
{
    /// <summary>Passes over the training images.</summary>
    int Epochs { get; }

    /// <summary>The same run with another number of epochs; the warm-up keeps its share.</summary>
    TSelf WithEpochs(int epochs);

    /// <summary>
    /// A run that goes on for longer than it was begun for: everything but the number of epochs stays, so that the
    /// warm-up that is behind it is what it was.
    /// </summary>
    TSelf Lengthened(int epochs);

    /// <summary>The same with everything at its default that does not change the result.</summary>
    TSelf ResultOnly();

    /// <summary>
    /// What a run must agree in with the run that it goes on with: all of that, but who decodes images.
    /// </summary>
    TSelf IdentityOnly();

    /// <summary>Checks values against each other and their ranges.</summary>
    /// <exception cref="SettingsException">The message names the setting, its value and what it must be.</exception>
    void Validate();
}

/// <summary>Compares the settings of runs of one kind.</summary>
internal static class RunSettingsComparison
{
    /// <summary>
    /// SHA-256, in hexadecimal, of all settings that decide the result; equal for two runs with equal bits, if their
    /// images were decoded alike.
    /// </summary>
    public static string Digest<T>(this T settings)
        where T : class, IRunSettings<T> =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(SettingsJson.Write(settings.IdentityOnly()))));

    /// <summary>
    /// The first setting that decides the result and differs, as its key and both values; null if none does.
    /// </summary>
    public static (string Key, string Mine, string Other)? FirstDifference<T>(this T settings, T other)
        where T : class, IRunSettings<T> =>
        SettingsJson.FirstDifference(settings.IdentityOnly(), other.IdentityOnly());
}
