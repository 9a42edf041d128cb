using System.Formats.Tar;
using CudaViT.Data.Loading;
using CudaViT.Data.Pixels;
using CudaViT.Data.Sets;
using CudaViT.Data.Views;
using CudaViT.Training.Tests.Support;
using TarEntry = System.Formats.Tar.TarEntry;

namespace CudaViT.Training.Tests.Images;

/// <summary>Folders and archives of image files. What they decode to is the business of other tests.</summary>
public sealed class ImageDatasetTests : IDisposable
{
    private const byte Bad = 0xBD;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_folder_for_each_class_has_sorted_classes_and_files()
    {
        Write("train/b/2.JPG", 2);
        Write("train/b/10.jpeg", 10);
        Write("train/b/deeper/1.png", 11);
        Write("train/a/x.jpg", 7);
        Write("train/a/.hidden.jpg", 0);
        Write("train/a/notes.txt", 0);
        Write("train/empty/readme.md", 0);
        Write("val/b/v.png", 5);
        (IImageDataset train, IImageDataset? heldOut) = Open();
        Assert.Equal(["a", "b"], train.ClassNames);
        Assert.Equal((2, 3), (train.ClassCount, train.Channels));
        Assert.Equal([(0, 7), (1, 10), (1, 2), (1, 11)], Content(train));
        Assert.Equal([(1, 5)], Content(heldOut!));
        Assert.Equal(2, heldOut!.ClassCount);
        Assert.Equal(Normalization.ImageNet, train.Normalization);
    }

    [Fact]
    public void Classes_alone_have_no_held_out_part_and_a_flat_folder_no_labels()
    {
        Write("classes/a/1.jpg", 1);
        Write("classes/b/1.jpg", 2);
        Write("flat/2.png", 4);
        Write("flat/1.png", 3);
        (IImageDataset classes, IImageDataset? heldOut) = DatasetLocator.Open(_folder["classes"], decoder: new Stub());
        Assert.Equal([(0, 1), (1, 2)], Content(classes));
        Assert.Null(heldOut);
        IImageDataset flat = DatasetLocator.Open(_folder["flat"], decoder: new Stub()).Train;
        Assert.Equal([(-1, 3), (-1, 4)], Content(flat));
        Assert.Equal(0, flat.ClassCount);
    }

    [Fact]
    public void A_held_out_class_that_was_never_trained_on_is_refused()
    {
        Write("train/a/1.jpg", 1);
        Write("test/a/1.jpg", 1);
        Write("test/c/1.jpg", 1);
        string message = Assert.Throws<DatasetException>(Open).Message;
        Assert.StartsWith(_folder["test", "c"], message);
        Assert.Contains("no class of this name", message);
    }

    [Fact]
    public void Image_files_need_a_decoder()
    {
        Write("a/1.jpg", 1);
        Assert.Contains("no decoder", Assert.Throws<DatasetException>(() => DatasetLocator.Open(_folder.Path)).Message);
    }

    // Short and long names, numbers with and without a line end, samples with further files, extensions with two dots.
    [Theory]
    [InlineData(TarEntryFormat.Ustar)]
    [InlineData(TarEntryFormat.Pax)]
    [InlineData(TarEntryFormat.Gnu)]
    [InlineData(TarEntryFormat.V7)]
    public void Archives_of_every_format_are_read_in_place(TarEntryFormat format)
    {
        string deep = format is TarEntryFormat.V7 ? "d/" : $"{new string('n', 80)}/{new string('m', 90)}/";
        WriteTar("train-1.tar", format, ("a.jpg", [1, 2, 3]), ("a.cls", Text("1")), ("a.json", Text("{}")));
        WriteTar("train-0.tar", format, ($"{deep}b.cls", Text("0\n")), ($"{deep}b.png", new byte[700]));
        WriteTar("val-0.tar", format, ("c.seg.jpg", [9]), ("c.JPEG", [5, 6]), ("c.cls", Text("2")), ("d.txt", [1]));
        (IImageDataset train, IImageDataset? heldOut) = Open();
        Assert.Equal([(0, 0), (1, 1)], Content(train));
        Assert.Equal([0, 1], train.ShardStarts);
        Assert.Equal([(2, 5)], Content(heldOut!));
        Assert.Equal((3, 3), (train.ClassCount, heldOut!.ClassCount)); // the largest number of both parts
        Assert.Equal(700, train.Read(0, new ImageBuffer()).FullHeight);
        IImageDataset one = DatasetLocator.Open(_folder["train-1.tar"], decoder: new Stub()).Train;
        Assert.Equal([(1, 1)], Content(one));
    }

    [Fact]
    public void Archives_in_folders_and_archives_without_labels_are_read_too()
    {
        Directory.CreateDirectory(_folder["train"]);
        Directory.CreateDirectory(_folder["val"]);
        WriteTar("train/0.tar", TarEntryFormat.Ustar, ("a.jpg", [1]), ("b.jpg", [2]));
        WriteTar("val/0.tar", TarEntryFormat.Ustar, ("c.jpg", [3]));
        (IImageDataset train, IImageDataset? heldOut) = Open();
        Assert.Equal([(-1, 1), (-1, 2)], Content(train));
        Assert.Equal([(-1, 3)], Content(heldOut!));
        Assert.Equal(0, train.ClassCount);
    }

    [Fact]
    public void Damaged_archives_and_labels_are_refused_by_name()
    {
        WriteTar("train-0.tar", TarEntryFormat.Ustar, ("a.jpg", [1]), ("a.cls", Text("x")));
        Refuse("a.cls is not the number of a class");
        WriteTar("train-0.tar", TarEntryFormat.Ustar, ("a.jpg", [1]), ("a.cls", Text("1000000")));
        Refuse("a.cls is not the number of a class");
        WriteTar("train-0.tar", TarEntryFormat.Ustar, ("a.jpg", [1]), ("a.cls", Text("1")), ("b.jpg", [1]));
        Refuse("b.jpg, have none");
        WriteTar("train-0.tar", TarEntryFormat.Ustar, ("a.txt", [1]));
        Refuse("no images");
        WriteTar("train-0.tar", TarEntryFormat.Ustar, ("a.jpg", new byte[2000]));
        byte[] whole = File.ReadAllBytes(_folder["train-0.tar"]);
        File.WriteAllBytes(_folder["train-0.tar"], whole[..1500]);
        Refuse("announces 2000 bytes");
        whole[3] ^= 1;
        File.WriteAllBytes(_folder["train-0.tar"], whole);
        Refuse("wrong checksum");

        void Refuse(string reason)
        {
            string message = Assert.Throws<DatasetException>(Open).Message;
            Assert.Contains(_folder.Path, message);
            Assert.Contains(reason, message);
        }
    }

    [Fact]
    public void One_bad_file_in_a_hundred_is_left_out_and_listed()
    {
        WriteNumbered(count: 200, bad: [3, 150]);
        IImageDataset images = Open().Train;
        Assert.Equal(198, Content(images).Count);
        Assert.Equal(198, EvaluationBatches.Enumerate(images, imageSize: 1, batchSize: 7).Sum(batch => batch.Count));
        int[] evaluated = [.. EvaluationBatches.Enumerate(images, 1, 7).SelectMany(batch => batch.Samples.ToArray())];
        Assert.Equal(Enumerable.Range(0, 200).Except([3, 150]), evaluated);
        Assert.Equal(
            [new DamagedImage(_folder["003.jpg"], "bad"), new DamagedImage(_folder["150.jpg"], "bad")], images.Damaged);
    }

    // Read by several threads at once, and moved up where one before it is missing.
    [Fact]
    public void An_evaluation_has_the_pixels_of_the_images_that_are_left()
    {
        for (int i = 0; i < 200; i++)
        {
            Write($"{i:d3}.jpg", i is 3 or 150 ? Bad : (byte)(i % 90));
        }

        IEnumerable<ImageBatch> batches = EvaluationBatches.Enumerate(Open().Train, imageSize: 1, batchSize: 7);
        byte[] first = [.. batches.SelectMany(batch => batch.View(0).ToArray().Chunk(3).Select(pixel => pixel[0]))];
        Assert.Equal(Enumerable.Range(0, 200).Except([3, 150]).Select(i => (byte)(i % 90)), first);
    }

    [Fact]
    public void More_than_one_in_a_hundred_stops_with_the_list()
    {
        WriteNumbered(count: 200, bad: [3, 150, 199]);
        IImageDataset images = Open().Train;
        string message = Assert.Throws<DatasetException>(() => Content(images)).Message;
        Assert.Contains("3 of 200", message);
        Assert.Contains(_folder["003.jpg"], message);
        Assert.Contains(_folder["199.jpg"], message);
        using var loader = new DataLoader(
            Open().Train,
            new AugmentationSettings { OutputSize = 1 },
            new DataLoaderSettings { BatchSize = 200, Seed = 1, Epochs = 1, Workers = 3 });
        Assert.Contains("3 of 200", Assert.Throws<DatasetException>(() => loader.TryNext(out _)).Message);
        IEnumerable<ImageBatch> batches = EvaluationBatches.Enumerate(Open().Train, imageSize: 1, batchSize: 200);
        Assert.Contains("3 of 200", Assert.Throws<DatasetException>(() => batches.Count()).Message);
    }

    // The batch is full, and the same for any number of workers and wherever a run begins.
    [Fact]
    public void Another_image_takes_the_place_of_a_bad_one_in_training()
    {
        WriteNumbered(count: 200, bad: [3, 150]);
        int[] expected = Samples(workers: 1, startEpoch: 0);
        Assert.Equal(400, expected.Length);
        Assert.DoesNotContain(3, expected);
        Assert.DoesNotContain(150, expected);
        Assert.Equal(198, expected[..200].Distinct().Count());
        Assert.Equal(expected, Samples(workers: 4, startEpoch: 0));
        Assert.Equal(expected[200..], Samples(workers: 2, startEpoch: 1));

        int[] Samples(int workers, int startEpoch)
        {
            using var loader = new DataLoader(
                Open().Train,
                new AugmentationSettings { OutputSize = 1 },
                new DataLoaderSettings
                {
                    BatchSize = 20,
                    Seed = 1,
                    Epochs = 2,
                    Workers = workers,
                    StartEpoch = startEpoch,
                });
            var samples = new List<int>();
            while (loader.TryNext(out ImageBatch? batch))
            {
                samples.AddRange(batch.Samples);
                batch.Dispose();
            }

            return [.. samples];
        }
    }

    [Fact]
    public void What_takes_a_bad_ones_place_has_its_own_label()
    {
        for (int i = 0; i < 200; i++)
        {
            Write($"{(i % 2 == 0 ? "a" : "b")}/{i:d3}.jpg", i is 3 or 150 ? Bad : (byte)(1 + (i % 2)));
        }

        IImageDataset images = Open().Train;
        int changed = 0;
        foreach ((int sample, int label, int original) in Deliver(images, epochs: 4))
        {
            Assert.Equal(images.Label(sample), label);
            changed += images.Label(original) != label ? 1 : 0;
        }

        Assert.InRange(changed, 1, 8); // else this saw nothing
    }

    [Fact]
    public void Every_epoch_draws_another_image_for_a_bad_one()
    {
        WriteNumbered(count: 200, bad: [3]);
        int[] replacements = [.. Deliver(Open().Train, epochs: 5)
            .Where(sample => sample.Original == 3)
            .Select(sample => sample.Sample)];
        Assert.Equal(5, replacements.Length);
        Assert.InRange(replacements.Distinct().Count(), 3, 5); // of 199: two alike would be rare
    }

    // What a loader delivers, beside what it would have delivered had no image been bad.
    private static IEnumerable<(int Sample, int Label, int Original)> Deliver(IImageDataset images, int epochs)
    {
        using DataLoader damaged = Load(images);
        using DataLoader whole = Load(new InMemoryDataset("whole", new byte[images.Count * 3], 1, 1, 3));
        while (damaged.TryNext(out ImageBatch? batch))
        {
            Assert.True(whole.TryNext(out ImageBatch? originals));
            for (int i = 0; i < batch.Count; i++)
            {
                yield return (batch.Samples[i], batch.Labels[i], originals.Samples[i]);
            }

            batch.Dispose();
            originals.Dispose();
        }

        DataLoader Load(IImageDataset dataset) => new(
            dataset,
            new AugmentationSettings { OutputSize = 1 },
            new DataLoaderSettings { BatchSize = 20, Seed = 1, Epochs = epochs, Workers = 2 });
    }

    [Fact]
    public void A_limit_keeps_shards_and_damage()
    {
        WriteTar("train-0.tar", TarEntryFormat.Ustar, ("a.jpg", [1]), ("b.jpg", [2]), ("c.jpg", [3]));
        WriteTar("train-1.tar", TarEntryFormat.Ustar, ("d.jpg", [4]), ("e.jpg", [5]));
        WriteTar("train-2.tar", TarEntryFormat.Ustar, ("f.jpg", [6]), ("g.jpg", [7]), ("h.jpg", [8]));
        IImageDataset half = DatasetLocator.Open(_folder.Path, limit: 4, new Stub()).Train;
        Assert.Equal([1, 3, 5, 7], Content(half).Select(image => image.First));
        Assert.Equal([0, 2, 3], half.ShardStarts); // 1 3 | 5 | 7
    }

    private DatasetSplits Open() => DatasetLocator.Open(_folder.Path, decoder: new Stub());

    private void WriteNumbered(int count, int[] bad)
    {
        for (int i = 0; i < count; i++)
        {
            Write($"{i:d3}.jpg", bad.Contains(i) ? Bad : (byte)1);
        }
    }

    private void Write(string path, byte first)
    {
        string full = _folder[path.Split('/')];
        Directory.CreateDirectory(Path.GetDirectoryName(full)!);
        File.WriteAllBytes(full, [first]);
    }

    private void WriteTar(string name, TarEntryFormat format, params Member[] members)
    {
        using FileStream file = File.Create(_folder[name.Split('/')]);
        using var tar = new TarWriter(file, format);
        foreach (Member member in members)
        {
            using var data = new MemoryStream(member.Content);
            TarEntry entry = format switch
            {
                TarEntryFormat.Pax => new PaxTarEntry(TarEntryType.RegularFile, member.Name),
                TarEntryFormat.Gnu => new GnuTarEntry(TarEntryType.RegularFile, member.Name),
                TarEntryFormat.V7 => new V7TarEntry(TarEntryType.V7RegularFile, member.Name),
                _ => new UstarTarEntry(TarEntryType.RegularFile, member.Name),
            };
            entry.DataStream = data;
            tar.WriteEntry(entry);
        }
    }

    private static byte[] Text(string text) => System.Text.Encoding.ASCII.GetBytes(text);

    // Label and first byte of every image that is not damaged.
    private static List<(int Label, int First)> Content(IImageDataset images)
    {
        var content = new List<(int, int)>();
        var scratch = new ImageBuffer();
        for (int i = 0; i < images.Count; i++)
        {
            try
            {
                content.Add((images.Label(i), images.Read(i, scratch).Pixels[0]));
            }
            catch (UndecodableImageException)
            {
                Assert.NotEmpty(images.Damaged);
            }
        }

        return content;
    }

    private sealed record Member(string Name, byte[] Content)
    {
        public static implicit operator Member((string Name, byte[] Content) pair) => new(pair.Name, pair.Content);
    }

    /// <summary>One pixel: the file's first byte. The full height is the file's size.</summary>
    private sealed class Stub : IImageDecoder
    {
        public bool Knows(ImageFormat format) => format is ImageFormat.Jpeg or ImageFormat.Png;

        public void Require(ImageFormat format)
        {
        }

        public ImageView Decode(ReadOnlySpan<byte> file, IDecodeScale? scale, ImageBuffer destination)
        {
            if (file[0] == Bad)
            {
                throw new UndecodableImageException("bad");
            }

            Span<byte> pixel = destination.Reserve(3);
            pixel.Fill(file[0]);
            return new ImageView(pixel, 1, 1, 3, file.Length, 1);
        }
    }
}
