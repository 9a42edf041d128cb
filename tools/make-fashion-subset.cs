#:project ../src/CudaViT.Training/CudaViT.Training.csproj
#:property PublishAot=false

// Chooses the images of Fashion-MNIST that come with the program:
//   dotnet run tools/make-fashion-subset.cs -- SOURCE_DIR [OUT_DIR]
// SOURCE_DIR holds the four original files; OUT_DIR is by default the folder they are embedded from.

using System.IO.Compression;
using System.Runtime.CompilerServices;
using CudaViT.Core;
using CudaViT.Data.Sets;

if (args.Length is not (1 or 2))
{
    Console.Error.WriteLine("usage: dotnet run tools/make-fashion-subset.cs -- SOURCE_DIR [OUT_DIR]");
    return 2;
}

try
{
    string target = args.Length > 1 ? args[1] : DefaultTarget();
    Choose(args[0], target, "train", perClass: 800);
    Choose(args[0], target, "t10k", perClass: 200);
    return 0;
}
catch (InputException e)
{
    Console.Error.WriteLine(e.Message);
    return 1;
}

static void Choose(string source, string target, string part, int perClass)
{
    (string imagesName, string labelsName) = ($"{part}-images-idx3-ubyte.gz", $"{part}-labels-idx1-ubyte.gz");
    IdxImages images = IdxFile.ReadImages(Path.Combine(source, imagesName));
    byte[] labels = IdxFile.ReadLabels(Path.Combine(source, labelsName));

    // The first of each class, in their original order: no random numbers, nothing to document beyond this line.
    int[] seen = new int[256];
    int[] chosen = [.. Enumerable.Range(0, images.Count).Where(i => seen[labels[i]]++ < perClass)];
    int size = images.Height * images.Width;
    byte[] pixels = [.. chosen.SelectMany(i => images.Pixels.AsSpan(i * size, size).ToArray())];
    IdxImages subset = images with { Pixels = pixels, Count = chosen.Length };
    Write(Path.Combine(target, imagesName), stream => IdxFile.WriteImages(stream, subset));
    Write(Path.Combine(target, labelsName), stream => IdxFile.WriteLabels(stream, [.. chosen.Select(i => labels[i])]));
    Console.WriteLine($"{part}: {chosen.Length} of {images.Count} images");
}

static void Write(string path, Action<Stream> write)
{
    using FileStream file = File.Create(path);
    using var gzip = new GZipStream(file, CompressionLevel.SmallestSize);
    write(gzip);
}

static string DefaultTarget([CallerFilePath] string script = "") =>
    Path.Combine(Path.GetDirectoryName(script)!, "..", "src", "CudaViT.Data", "Sets", "FashionMnist");
