using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace CudaViT.Benchmarks;

/// <summary>
/// The same stages in torchvision and Pillow: <c>augment_peer.py</c>, a process that waits for its turns.
/// </summary>
internal sealed class AugmentPeer : IDisposable
{
    private const float FloatTolerance = 1e-6f; // a few roundings of values around 1

    private readonly Process _process;
    private readonly string _result;

    private AugmentPeer(Process process, string folder)
    {
        _process = process;
        _result = Path.Combine(folder, "result.bin");
        Versions = Answer().GetProperty("versions").GetString()!;
    }

    /// <summary>What it runs on.</summary>
    public string Versions { get; }

    /// <summary>Starts it on the images of a folder.</summary>
    public static AugmentPeer Start(string python, string folder, AugmentPlan[] plans)
    {
        File.WriteAllText(
            Path.Combine(folder, "plans.json"),
            JsonSerializer.Serialize(plans.Select(x => new
            {
                box = new[] { x.Crop.Top, x.Crop.Left, x.Crop.Height, x.Crop.Width },
                factors = new[] { x.Brightness, x.Contrast, x.Saturation, x.Hue },
                order = x.Order,
                sigma = x.BlurSigma,
            })));
        string script = Path.Combine(AppContext.BaseDirectory, "augment_peer.py");
        var start = new ProcessStartInfo(python, [script, folder])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        return new AugmentPeer(
            Process.Start(start) ?? throw new InvalidOperationException($"{python} could not be started."), folder);
    }

    /// <summary>Throws unless a stage gives the same for a few images.</summary>
    public void Verify(AugmentStage stage)
    {
        foreach (int image in (int[])[0, 1, 2, 3])
        {
            Ask("check", stage.Name, $"{image}", _result);
            byte[] theirs = File.ReadAllBytes(_result);
            ReadOnlySpan<byte> ours = stage.Run(image);
            if (!(stage.GivesFloats ? AreClose(ours, theirs) : ours.SequenceEqual(theirs)))
            {
                throw new InvalidOperationException(
                    $"{stage.Name}: image {image} is not what torchvision makes of it.");
            }
        }
    }

    /// <summary>Seconds for one image, on the average over all of them.</summary>
    public double Seconds(string stage, bool countsProcessorTime) =>
        Ask("time", stage).GetProperty(countsProcessorTime ? "cpu" : "wall").GetDouble();

    public void Dispose()
    {
        _process.StandardInput.Close(); // ends it
        _process.WaitForExit();
        _process.Dispose();
    }

    // Ours are rounded once, theirs after every step.
    private static bool AreClose(ReadOnlySpan<byte> ours, ReadOnlySpan<byte> theirs)
    {
        if (ours.Length != theirs.Length)
        {
            return false;
        }

        ReadOnlySpan<float> x = MemoryMarshal.Cast<byte, float>(ours);
        ReadOnlySpan<float> y = MemoryMarshal.Cast<byte, float>(theirs);
        for (int i = 0; i < x.Length; i++)
        {
            if (!(Math.Abs(x[i] - y[i]) <= FloatTolerance))
            {
                return false;
            }
        }

        return true;
    }

    private JsonElement Ask(params string[] request)
    {
        _process.StandardInput.WriteLine(JsonSerializer.Serialize(request));
        _process.StandardInput.Flush();
        return Answer();
    }

    private JsonElement Answer() =>
        _process.StandardOutput.ReadLine() is { } line
            ? JsonDocument.Parse(line).RootElement
            : throw new InvalidOperationException(
                "The peer ended; it says above why. Name a Python with torch, torchvision and Pillow, or leave peer= "
                + "out.");
}
