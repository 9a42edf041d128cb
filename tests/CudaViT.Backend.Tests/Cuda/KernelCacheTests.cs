using CudaViT.Cuda;

namespace CudaViT.Backend.Tests.Cuda;

public sealed class KernelCacheTests : IDisposable
{
    private static readonly string[] Options = ["-arch=sm_90a", "-std=c++17"];
    private static readonly Version Compiler = new(12, 4);
    private static readonly byte[] Image = [.. Enumerable.Range(0, 5000).Select(i => (byte)(i * 7))];

    private readonly MadeUpKernels _kernels = new();
    private readonly List<string> _notes = [];
    private readonly KernelCache _cache;

    public KernelCacheTests() => _cache = new KernelCache(_kernels.CacheFolder, _notes.Add);

    private string Key => KernelCache.Key(_kernels.Module(), Options, Compiler);

    public void Dispose() => _kernels.Dispose();

    [Theory]
    [InlineData(5000, "ptxas info: a log\nof two lines, with µ\n")]
    [InlineData(1, "")]
    [InlineData(0, "")]
    public void What_is_written_is_read(int length, string log)
    {
        Assert.Null(_cache.TryRead(Key));
        _cache.Write(Key, Image[..length], log);
        (byte[] image, string kept) = _cache.TryRead(Key)!.Value;
        Assert.Equal(Image[..length], image);
        Assert.Equal(log, kept);
        Assert.Equal([_cache.PathOf(Key)], Directory.GetFiles(_cache.Folder)); // nothing unfinished stays behind
        Assert.Empty(_notes);
    }

    // Everything that decides what the compiler makes decides the name of the entry.
    [Fact]
    public void Each_ingredient_changes_the_key()
    {
        var keys = new List<string>
        {
            Key,
            KernelCache.Key(_kernels.Module(), ["-arch=sm_80", "-std=c++17"], Compiler),
        };
        keys.Add(KernelCache.Key(_kernels.Module(), [.. Options, "-DSCALAR_F64"], Compiler));
        keys.Add(KernelCache.Key(_kernels.Module(), Options, new Version(12, 5)));
        string text = _kernels.Module().File.Text;
        _kernels.Write("other.cu", text);
        keys.Add(KernelCache.Key(_kernels.Module("other.cu"), Options, Compiler));
        _kernels.Write("scale.cu", text + " ");
        keys.Add(Key);
        _kernels.Write("scale.cu", text);
        _kernels.Write("common/half.cuh", "#pragma once\n__device__ inline float half(float x) { return x * 0.5f; }\n");
        keys.Add(Key);
        _kernels.Write("common/half.cuh", "#pragma once\n#include \"common/two.cuh\"\n");
        keys.Add(Key);
        _kernels.Write("common/two.cuh", "// included by what is included\n");
        keys.Add(Key);
        Assert.Equal(keys.Count, keys.Distinct().Count());
    }

    [Fact]
    public void The_same_ingredients_give_the_same_key()
    {
        string before = Key;
        _kernels.Write("unrelated.cu", "// Builds   any\n");
        Assert.Equal(before, Key);
    }

    // As left behind by a full disk, a power failure, or another program.
    [Theory]
    [InlineData("empty")]
    [InlineData("header only")]
    [InlineData("half")]
    [InlineData("one byte short")]
    [InlineData("one byte more")]
    [InlineData("one bit flipped in the code")]
    [InlineData("one bit flipped in the log")]
    [InlineData("one bit flipped in a length")]
    [InlineData("a huge length")]
    [InlineData("garbage")]
    [InlineData("zeros")]
    public void A_damaged_entry_is_said_once_and_made_again(string damage)
    {
        _cache.Write(Key, Image, "log");
        string path = _cache.PathOf(Key);
        File.WriteAllBytes(path, Damage(File.ReadAllBytes(path), damage));
        Assert.Null(_cache.TryRead(Key));
        Assert.Contains("damaged", Assert.Single(_notes), StringComparison.Ordinal);
        Assert.Contains(path, _notes[0], StringComparison.Ordinal);

        _cache.Write(Key, Image, "log");
        Assert.Equal(Image, _cache.TryRead(Key)!.Value.Image);
        Assert.Single(_notes);
    }

    // A folder below a file can be made by nobody, not even by root, who may write to folders that forbid it.
    [Fact]
    public void A_folder_that_cannot_be_written_costs_one_note()
    {
        _kernels.Write("file", "");
        string file = Path.Combine(_kernels.CacheFolder, "..", "kernels", "file");
        var cache = new KernelCache(Path.Combine(file, "cache"), _notes.Add);
        for (int i = 0; i < 3; i++)
        {
            Assert.Null(cache.TryRead(Key));
            cache.Write(Key, Image, "log");
        }

        string note = Assert.Single(_notes.Distinct());
        Assert.Single(_notes);
        Assert.Contains(CacheFolder.Variable, note, StringComparison.Ordinal);
    }

    // Writers and readers at once, each with a cache of its own as in processes of their own: every read is whole.
    [Fact]
    public void Concurrent_use_never_shows_half_an_entry()
    {
        var notes = new List<string>();
        Thread[] workers = [.. Enumerable.Range(0, 4).Select(_ => new Thread(Work))];
        Array.ForEach(workers, worker => worker.Start());
        Array.ForEach(workers, worker => worker.Join());
        Assert.Empty(notes);
        Assert.Single(Directory.GetFiles(_cache.Folder));

        void Work()
        {
            var cache = new KernelCache(_kernels.CacheFolder, Note);
            for (int i = 0; i < 50; i++)
            {
                cache.Write(Key, Image, "log");
                if (!(cache.TryRead(Key)?.Image ?? []).SequenceEqual(Image))
                {
                    Note("what was read is not what was written");
                }
            }
        }

        void Note(string text)
        {
            lock (notes)
            {
                notes.Add(text);
            }
        }
    }

    [Theory]
    [InlineData("CUDAVIT_CACHE=/big/cache;XDG_CACHE_HOME=/xdg;HOME=/home/u", "/big/cache")]
    [InlineData("XDG_CACHE_HOME=/xdg;HOME=/home/u", "/xdg/cudavit")]
    [InlineData("XDG_CACHE_HOME=relative;HOME=/home/u", "/home/u/.cache/cudavit")] // relative ones are to be ignored
    [InlineData("HOME=/home/u", "/home/u/.cache/cudavit")]
    [InlineData("CUDAVIT_CACHE=;HOME=/home/u", "/home/u/.cache/cudavit")]
    public void The_cache_is_in_the_users_folder(string variables, string expected)
    {
        Dictionary<string, string> set = variables.Split(';').Select(pair => pair.Split('='))
            .ToDictionary(pair => pair[0], pair => pair[1]);
        Assert.Equal(expected, CacheFolder.RootFor(set.GetValueOrDefault, isWindows: false));
    }

    [Fact]
    public void Without_a_home_the_cache_is_temporary() =>
        Assert.StartsWith(
            Path.GetTempPath(), CacheFolder.RootFor(_ => null, isWindows: false), StringComparison.Ordinal);

    private static byte[] Damage(byte[] whole, string how)
    {
        switch (how)
        {
            case "empty": return [];
            case "header only": return whole[..56];
            case "half": return whole[..(whole.Length / 2)];
            case "one byte short": return whole[..^1];
            case "one byte more": return [.. whole, 0];
            case "one bit flipped in the code": whole[1000] ^= 4; return whole;
            case "one bit flipped in the log": whole[^1] ^= 4; return whole;
            case "one bit flipped in a length": whole[8] ^= 1; return whole;
            case "a huge length": whole[14] = 0x7f; return whole;
            case "garbage": return [.. Enumerable.Range(0, 300).Select(i => (byte)(i * 31))];
            default: return new byte[whole.Length];
        }
    }
}
