using CudaViT.Images;
using Xunit;

namespace CudaViT.TestKit;

/// <summary>The decoders that tests of image files need.</summary>
public static class ImageCodecs
{
    /// <summary>
    /// Skips a test where a library is missing, with its name, or fails it if <c>CUDAVIT_REQUIRE_IMAGES</c> is 1:
    /// machines that are meant to have them set that.
    /// </summary>
    public static void Require()
    {
        string[] missing =
            [.. ImageLibraries.All.Where(library => library.File is null).Select(library => library.Name)];
        string message = $"missing: {string.Join(", ", missing)}";
        if (Environment.GetEnvironmentVariable("CUDAVIT_REQUIRE_IMAGES") == "1")
        {
            Assert.True(missing is [], $"CUDAVIT_REQUIRE_IMAGES is 1, but {message}");
        }

        Skip.If(missing is not [], message);
    }
}
