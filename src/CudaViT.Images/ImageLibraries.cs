using System.Reflection;
using System.Runtime.InteropServices;
using CudaViT.Core;

namespace CudaViT.Images;

/// <summary>The libraries that decode images.</summary>
public static class ImageLibraries
{
    internal const string TurboJpegName = "turbojpeg";
    internal const string PngName = "png16";

    /// <summary>libjpeg-turbo, for JPEG.</summary>
    public static ImageLibrary TurboJpeg { get; } = new(
        "libturbojpeg",
        "JPEG files",
        "CUDAVIT_TURBOJPEG",
        Candidates(
            linux: ["libturbojpeg.so.0", "libturbojpeg.so"],
            windows: ["turbojpeg.dll", "libturbojpeg.dll", @"C:\libjpeg-turbo64\bin\turbojpeg.dll"],
            mac: ["libturbojpeg.0.dylib", "libturbojpeg.dylib", "/opt/homebrew/lib/libturbojpeg.dylib"]),
        Hint("apt-get install libturbojpeg0", "install libjpeg-turbo (libjpeg-turbo.org)", "brew install jpeg-turbo"));

    /// <summary>libpng, for PNG.</summary>
    public static ImageLibrary Png { get; } = new(
        "libpng16",
        "PNG files",
        "CUDAVIT_LIBPNG",
        Candidates(
            linux: ["libpng16.so.16", "libpng16.so"],
            windows: ["libpng16.dll", "libpng16-16.dll"],
            mac: ["libpng16.16.dylib", "libpng16.dylib", "/opt/homebrew/lib/libpng16.dylib"]),
        Hint("apt-get install libpng16-16", "put libpng16.dll beside the program", "brew install libpng"));

    /// <summary>All of them.</summary>
    public static IReadOnlyList<ImageLibrary> All { get; } = [TurboJpeg, Png];

    private static readonly Lazy<bool> Registered = new(() =>
    {
        NativeLibrary.SetDllImportResolver(typeof(ImageLibraries).Assembly, Resolve);
        return true;
    });

    /// <summary>Makes this assembly's imports use what was found here.</summary>
    internal static void Register() => _ = Registered.Value;

    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? searchPath) => name switch
    {
        TurboJpegName => TurboJpeg.Handle,
        PngName => Png.Handle,
        _ => 0,
    };

    private static string[] Candidates(string[] linux, string[] windows, string[] mac) =>
        OperatingSystem.IsWindows() ? windows : OperatingSystem.IsMacOS() ? mac : linux;

    private static string Hint(string linux, string windows, string mac) =>
        OperatingSystem.IsWindows() ? windows : OperatingSystem.IsMacOS() ? mac : linux;
}

/// <summary>A library that decodes images is not installed.</summary>
public sealed class ImageLibraryException(string message) : InputException(message);
