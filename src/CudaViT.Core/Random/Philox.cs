namespace CudaViT.Core;

/// <summary>Philox4x32-10: four 32-bit words as a pure function of a 64-bit key and a 128-bit counter.</summary>
/// <remarks>
/// J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC'11. There is
/// no state: any block can be computed anywhere, in any order, on any device, which is what makes a run independent of
/// the number of threads. <see cref="RandomStream"/> says which key and counter belong to which draw.
/// </remarks>
public static class Philox
{
    private const int Rounds = 10;
    private const uint Multiplier0 = 0xD2511F53;
    private const uint Multiplier1 = 0xCD9E8D57;
    private const uint Weyl0 = 0x9E3779B9; // golden ratio
    private const uint Weyl1 = 0xBB67AE85; // sqrt(3) - 1

    /// <summary>Returns the block that belongs to <paramref name="key"/> and <paramref name="counter"/>.</summary>
    /// <param name="key">The low half is key word 0, the high half key word 1.</param>
    /// <param name="counter">Any 128 bits; two different counters under one key give two different blocks.</param>
    public static PhiloxBlock Block(ulong key, PhiloxBlock counter)
    {
        (uint x0, uint x1, uint x2, uint x3) = (counter.X0, counter.X1, counter.X2, counter.X3);
        (uint key0, uint key1) = ((uint)key, (uint)(key >> 32));
        for (int round = 0; round < Rounds; round++)
        {
            ulong product0 = (ulong)Multiplier0 * x0;
            ulong product1 = (ulong)Multiplier1 * x2;
            x0 = (uint)(product1 >> 32) ^ x1 ^ key0;
            x1 = (uint)product1;
            x2 = (uint)(product0 >> 32) ^ x3 ^ key1;
            x3 = (uint)product0;
            key0 += Weyl0;
            key1 += Weyl1;
        }

        return new PhiloxBlock(x0, x1, x2, x3);
    }
}
