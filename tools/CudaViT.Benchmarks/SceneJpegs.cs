using System.Globalization;
using System.Runtime.InteropServices;
using CudaViT.Images;
using CudaViT.TestKit;

namespace CudaViT.Benchmarks;

/// <summary>
/// Drawn scenes as JPEG files like those of photo collections: quality 90, colours at half the resolution (4:2:0),
/// baseline, the standard's Huffman tables.
/// </summary>
internal static class SceneJpegs
{
    private const int Quality = 90;
    private const int Rgb = 0;
    private const int HalvedColors = 2;
    private const ulong Seed = 2026;

    private delegate nint Create();

    private delegate int Compress(
        nint handle, byte[] pixels, int width, int pitch, int height, int format, ref nint file, ref CULong sizeInBytes,
        int subsampling, int quality, int flags);

    private delegate int Destroy(nint handle);

    private delegate void Free(nint memory);

    /// <summary>Writes 0000.jpg and so on; the same files whenever it is called.</summary>
    /// <returns>Their size in bytes, all together.</returns>
    public static long Write(string folder, int count, int height, int width)
    {
        ImageLibraries.TurboJpeg.Require();
        nint library = NativeLibrary.Load(ImageLibraries.TurboJpeg.File!);
        long bytes = 0;
        Parallel.For(0, count, i =>
        {
            byte[] pixels = TexturedScenes.Draw(i % TexturedScenes.Classes.Count, Seed, i, height, width);
            byte[] file = Encode(library, pixels, height, width);
            File.WriteAllBytes(Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"{i:d4}.jpg")), file);
            Interlocked.Add(ref bytes, file.Length);
        });
        return bytes;
    }

    private static byte[] Encode(nint library, byte[] pixels, int height, int width)
    {
        nint handle = Function<Create>(library, "tjInitCompress")();
        nint memory = 0;
        CULong size = default;
        int status = Function<Compress>(library, "tjCompress2")(
            handle, pixels, width, 0, height, Rgb, ref memory, ref size, HalvedColors, Quality, 0);
        byte[] file = new byte[(int)size.Value];
        if (status == 0)
        {
            Marshal.Copy(memory, file, 0, file.Length);
        }

        Function<Free>(library, "tjFree")(memory);
        Function<Destroy>(library, "tjDestroy")(handle);
        return status == 0 ? file : throw new InvalidOperationException("libturbojpeg does not compress.");
    }

    private static T Function<T>(nint library, string name)
        where T : Delegate =>
        Marshal.GetDelegateForFunctionPointer<T>(NativeLibrary.GetExport(library, name));
}
