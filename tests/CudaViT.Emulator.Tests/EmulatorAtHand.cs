namespace CudaViT.Emulator.Tests;

/// <summary>
/// Skips a test where the emulator cannot run, unless <c>CUDAVIT_REQUIRE_EMULATOR=1</c> asks for a failure.
/// </summary>
internal static class EmulatorAtHand
{
    public static void OrSkip()
    {
        if (EmulatorDriver.Unavailable is { } reason)
        {
            Skip.If(Environment.GetEnvironmentVariable("CUDAVIT_REQUIRE_EMULATOR") != "1", reason);
            Assert.Fail(reason);
        }
    }
}
