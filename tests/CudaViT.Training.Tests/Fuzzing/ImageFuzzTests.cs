using System.Diagnostics;
using System.Formats.Tar;
using System.Runtime.CompilerServices;
using CudaViT.Core;
using CudaViT.Data.Pixels;
using CudaViT.Data.Sets;
using CudaViT.Images;
using CudaViT.TestKit;
using CudaViT.Training.Tests.Support;

namespace CudaViT.Training.Tests.Fuzzing;

/// <summary>
/// Damaged images, archives and IDX files: each is read, or refused by an error for people. Settings as for
/// <see cref="FuzzTests"/>.
/// </summary>
public sealed class ImageFuzzTests : IDisposable
{
    private const long MostMemory = 160L << 20; // a file of some KB can announce an image of that size, and hold it
    private static readonly TimeSpan MostTime = TimeSpan.FromSeconds(20); // a hang, not a busy machine

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    // By the libraries, and by managed code; the other formats have no library.
    [SkippableTheory]
    [InlineData("*.jpg", DecoderKind.Auto)]
    [InlineData("*.png", DecoderKind.Auto)]
    [InlineData("*.jpg", DecoderKind.Managed)]
    [InlineData("*.png", DecoderKind.Managed)]
    [InlineData("*.webp", DecoderKind.Managed)]
    [InlineData("*.gif", DecoderKind.Managed)]
    [InlineData("*.bmp", DecoderKind.Managed)]
    [InlineData("*.tif", DecoderKind.Managed)]
    public void Images_are_decoded_or_refused(string pattern, DecoderKind kind)
    {
        if (kind == DecoderKind.Auto)
        {
            ImageCodecs.Require();
        }

        byte[][] whole = [.. Directory.GetFiles(Fixtures.Shipped("images"), pattern).Order().Select(File.ReadAllBytes)];
        var decoder = new ImageDecoder(turnsUpright: true, kind);
        byte[] intact = decoder.Decode(whole[0], null, new ImageBuffer()).Pixels.ToArray();
        int decoded = 0;
        ForEach(whole, PngWriter.RepairChecksums, file =>
        {
            try
            {
                ImageView image = decoder.Decode(file, null, new ImageBuffer());
                Assert.Equal(image.Height * image.Width * 3, image.Pixels.Length);
                decoded++;
            }
            finally
            {
                // The next file does not feel what this one was.
                Assert.True(decoder.Decode(whole[0], null, new ImageBuffer()).Pixels.SequenceEqual(intact));
            }
        });
        Assert.InRange(decoded, 1, FuzzTests.Count - 1);
    }

    // Whole directories of noise behind a header that is right, and cut anywhere.
    [Fact]
    public void Exif_blocks_give_an_orientation_or_none()
    {
        int turned = 0;
        for (int seed = FuzzTests.FirstSeed; seed < FuzzTests.FirstSeed + FuzzTests.Count; seed++)
        {
            var random = new Random(seed);
            byte[] block = new byte[random.Next(80)];
            random.NextBytes(block);
            bool isLittle = seed % 2 == 0;
            byte[] begin = isLittle ? [.. "II*\0"u8, 8, 0, 0, 0, 9, 0] : [.. "MM\0*"u8, 0, 0, 0, 8, 0, 9];
            byte[] entry = isLittle
                ? [0x12, 1, 3, 0, 1, 0, 0, 0, (byte)(seed % 16), 0, 0, 0]
                : [1, 0x12, 0, 3, 0, 0, 0, 1, 0, (byte)(seed % 16), 0, 0];
            byte[] whole = [.. begin, .. entry, .. block];
            byte[] damaged = random.Next(4) > 0 ? whole : Mutator.Mutate(whole, seed);
            int orientation = ExifOrientation.Read(damaged.AsSpan(0, random.Next(damaged.Length + 1)));
            Assert.InRange(orientation, 1, 8);
            turned += orientation > 1 ? 1 : 0;
        }

        Assert.InRange(turned, 1, FuzzTests.Count - 1);
    }

    [Fact]
    public void Archives_are_read_or_refused()
    {
        byte[][] whole = [Tar(TarEntryFormat.Ustar), Tar(TarEntryFormat.Pax), Tar(TarEntryFormat.Gnu)];
        int read = 0;
        ForEach(whole, RepairChecksums, file =>
        {
            string path = _folder.Write("x.tar", file);
            IImageDataset images = TarShards.OpenFile(path, new Size()).Train;
            var scratch = new ImageBuffer();
            for (int i = 0; i < images.Count; i++)
            {
                images.Read(i, scratch);
            }

            read++;
        });
        Assert.InRange(read, 1, FuzzTests.Count - 1);
        Assert.Equal("x.tar", Path.GetFileName(Assert.Single(Directory.GetFileSystemEntries(_folder.Path))));
    }

    [Fact]
    public void Idx_files_are_read_or_refused()
    {
        using var images = new MemoryStream();
        IdxFile.WriteImages(images, new IdxImages(new byte[5 * 6 * 7], 5, 6, 7));
        using var labels = new MemoryStream();
        IdxFile.WriteLabels(labels, [0, 1, 2, 1, 0]);
        using var packed = new MemoryStream();
        using (var gzip = new System.IO.Compression.GZipStream(packed, System.IO.Compression.CompressionLevel.Fastest))
        {
            gzip.Write(images.ToArray());
        }

        int read = 0;
        ForEach([images.ToArray(), labels.ToArray(), packed.ToArray()], _ => { }, file =>
        {
            _folder.Write("train-images-idx3-ubyte", file);
            _folder.Write("train-labels-idx1-ubyte", labels.ToArray());
            IdxDataset.OpenFolder(_folder.Path);
            read++;
        });
        Assert.InRange(read, 1, FuzzTests.Count - 1);
    }

    // Every second file gets checksums that fit its damage, so that they do not keep it from what comes behind them.
    private static void ForEach(
        byte[][] whole, Action<byte[]> repair, Action<byte[]> read, [CallerMemberName] string name = "")
    {
        int refused = 0;
        long begin = Stopwatch.GetTimestamp();
        for (int number = FuzzTests.FirstSeed; number < FuzzTests.FirstSeed + FuzzTests.Count; number++)
        {
            byte[] file = Mutator.Mutate(whole[number % whole.Length], number);
            if (number / whole.Length % 2 == 0)
            {
                repair(file);
            }

            long before = GC.GetAllocatedBytesForCurrentThread();
            long start = Stopwatch.GetTimestamp();
            try
            {
                read(file);
            }
            catch (InputException e)
            {
                Assert.NotEmpty(e.Message);
                refused++;
            }
            catch (Exception e)
            {
                Assert.Fail($"seed {number}: {e}");
            }

            Assert.True(
                GC.GetAllocatedBytesForCurrentThread() - before < MostMemory, $"seed {number} took much memory");
            Assert.True(Stopwatch.GetElapsedTime(start) < MostTime, $"seed {number} took long");
        }

        FuzzTests.Tell(name, FuzzTests.Count - refused, Stopwatch.GetElapsedTime(begin));
    }

    private static void RepairChecksums(byte[] tar)
    {
        for (int header = 0; header + 512 <= tar.Length; header += 512)
        {
            Span<byte> sum = tar.AsSpan(header + 148, 8);
            if (tar.AsSpan(header + 257, 5).SequenceEqual("ustar"u8))
            {
                sum.Fill((byte)' ');
                int total = 0;
                foreach (byte b in tar.AsSpan(header, 512))
                {
                    total += b;
                }

                System.Text.Encoding.ASCII.GetBytes(Convert.ToString(total, 8).PadLeft(7, '0')).CopyTo(sum);
            }
        }
    }

    private static byte[] Tar(TarEntryFormat format)
    {
        using var file = new MemoryStream();
        using (var tar = new TarWriter(file, format, leaveOpen: true))
        {
            for (int i = 0; i < 3; i++)
            {
                foreach ((string extension, byte[] content) in
                    new[] { ("jpg", new byte[600 + i]), ("cls", "1"u8.ToArray()) })
                {
                    string name = $"{new string('n', 120 * (i % 2))}/{i}.{extension}";
                    System.Formats.Tar.TarEntry entry = format switch
                    {
                        TarEntryFormat.Pax => new PaxTarEntry(TarEntryType.RegularFile, name),
                        TarEntryFormat.Gnu => new GnuTarEntry(TarEntryType.RegularFile, name),
                        _ => new UstarTarEntry(TarEntryType.RegularFile, name),
                    };
                    entry.DataStream = new MemoryStream(content);
                    tar.WriteEntry(entry);
                }
            }
        }

        return file.ToArray();
    }

    /// <summary>One grey pixel, whatever the file.</summary>
    private sealed class Size : IImageDecoder
    {
        public bool Knows(ImageFormat format) => format is ImageFormat.Jpeg or ImageFormat.Png;

        public void Require(ImageFormat format)
        {
        }

        public ImageView Decode(ReadOnlySpan<byte> file, IDecodeScale? scale, ImageBuffer destination)
        {
            Span<byte> pixel = destination.Reserve(3);
            pixel.Fill((byte)file.Length);
            return new ImageView(pixel, 1, 1, 3);
        }
    }
}
