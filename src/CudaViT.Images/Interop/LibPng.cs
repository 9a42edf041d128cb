using System.Runtime.InteropServices;

namespace CudaViT.Images.Interop;

/// <summary>png.h: the simplified interface of libpng 1.6, the one that reports errors without longjmp.</summary>
internal static unsafe partial class LibPng
{
    public const uint ImageVersion = 1;
    public const uint FormatRgb = 2;
    public const uint FormatRgba = 3;

    static LibPng() => ImageLibraries.Register();

    [LibraryImport(ImageLibraries.PngName, EntryPoint = "png_image_begin_read_from_memory")]
    public static partial int BeginRead(ref PngImage image, byte* file, nuint sizeInBytes);

    [LibraryImport(ImageLibraries.PngName, EntryPoint = "png_image_finish_read")]
    public static partial int FinishRead(
        ref PngImage image, nint background, Span<byte> pixels, int rowStride, nint colorMap);

    [LibraryImport(ImageLibraries.PngName, EntryPoint = "png_image_free")]
    public static partial void Free(ref PngImage image);
}
