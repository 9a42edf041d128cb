// Draws the JPEG files that tests train on: 2,000 pictures of ten classes to learn from and 500 held out, as
// FOLDER/images/{train,val}/CLASS/*.jpg and the same files in FOLDER/shards/{train,val}-*.tar.
//
//   dotnet run tests/make-scenes.cs -- FOLDER [COUNT [SEED]]
//
// Or, with --awkward first, COUNT pictures (3,000) in nested folders, FOLDER/CLASS/YEAR/MONTH, with 30 files among them
// as cameras, phones and downloads leave them; prints what a program should say that it found.

#:property PublishAot=false
#:project CudaViT.TestKit/CudaViT.TestKit.csproj

using System.Globalization;
using CudaViT.TestKit;

bool isAwkward = args is ["--awkward", ..];
args = isAwkward ? args[1..] : args;
if (args.Length is 0 or > 3)
{
    Console.Error.WriteLine("usage: dotnet run tests/make-scenes.cs -- [--awkward] FOLDER [COUNT [SEED]]");
    return 2;
}

int count = args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : isAwkward ? 3000 : 2000;
ulong seed = args.Length > 2 ? ulong.Parse(args[2], CultureInfo.InvariantCulture) : 2026;
if (isAwkward)
{
    AwkwardScenesContent content = AwkwardScenes.Write(args[0], count, seed);
    Console.WriteLine($"{content.Summary}; {content.Damaged.Count} of the images cannot be decoded");
    return 0;
}

string images = Path.Combine(args[0], "images");
string shards = Path.Combine(args[0], "shards");
foreach ((string part, int files, ulong partSeed) in new[] { ("train", count, seed), ("val", count / 4, seed + 1) })
{
    IReadOnlyList<(int, string, byte[])> drawn = SceneFiles.Draw(files, partSeed);
    SceneFiles.WriteFolder(images, part, drawn);
    SceneFiles.WriteShards(shards, part, drawn, filesPerShard: 500);
}

Console.WriteLine($"{images} and {shards}: {count} pictures to learn from, {count / 4} held out, seed {seed}");
return 0;
