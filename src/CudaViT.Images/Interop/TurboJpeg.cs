using System.Runtime.InteropServices;

namespace CudaViT.Images.Interop;

/// <summary>turbojpeg.h: functions that versions 2 and 3 of libjpeg-turbo have in common.</summary>
internal static partial class TurboJpeg
{
    public const int FormatRgb = 0;
    public const int FormatCmyk = 11;
    public const int ColorCmyk = 3;
    public const int ColorYcck = 4;
    public const int AccurateTransform = 4096;
    public const int LimitScans = 32768; // 500: more is an attack
    public const int Warning = 0;

    static TurboJpeg() => ImageLibraries.Register();

    [LibraryImport(ImageLibraries.TurboJpegName, EntryPoint = "tjInitDecompress")]
    public static partial TurboJpegHandle CreateDecompressor();

    [LibraryImport(ImageLibraries.TurboJpegName, EntryPoint = "tjDestroy")]
    public static partial int Destroy(nint handle);

    [LibraryImport(ImageLibraries.TurboJpegName, EntryPoint = "tjDecompressHeader3")]
    public static partial int DecompressHeader(
        TurboJpegHandle handle,
        ReadOnlySpan<byte> file,
        CULong sizeInBytes,
        out int width,
        out int height,
        out int subsampling,
        out int colors);

    [LibraryImport(ImageLibraries.TurboJpegName, EntryPoint = "tjDecompress2")]
    public static partial int Decompress(
        TurboJpegHandle handle,
        ReadOnlySpan<byte> file,
        CULong sizeInBytes,
        Span<byte> pixels,
        int width,
        int pitch,
        int height,
        int format,
        int flags);

    [LibraryImport(ImageLibraries.TurboJpegName, EntryPoint = "tjGetErrorCode")]
    public static partial int ErrorCode(TurboJpegHandle handle);

    [LibraryImport(ImageLibraries.TurboJpegName, EntryPoint = "tjGetErrorStr2")]
    public static partial nint ErrorText(TurboJpegHandle handle);
}

/// <summary>A decompressor; for one thread at a time.</summary>
internal sealed class TurboJpegHandle() : SafeHandle(invalidHandleValue: 0, ownsHandle: true)
{
    public override bool IsInvalid => handle == 0;

    protected override bool ReleaseHandle() => TurboJpeg.Destroy(handle) == 0;
}
