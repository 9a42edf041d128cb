using System.Buffers.Binary;

namespace CudaViT.TestKit;

/// <summary>
/// Writes baseline JPEG files (ITU-T T.81) without any library, so that tests have the same files on every machine.
/// </summary>
/// <remarks>
/// The simplest that decoders must read: one Huffman table for all DC values, in which every code has four bits, one
/// for all AC values with a two-bit code for the end of a block and eight bits for the rest, and one quantization
/// table.
/// </remarks>
public static class JpegWriter
{
    private const int Side = 8;
    private const int Area = Side * Side;
    private const int EndOfBlock = 0x00;
    private const int SixteenZeros = 0xF0;

    private static readonly byte[] DcSymbols = [.. Enumerable.Range(0, 12).Select(size => (byte)size)];

    private static readonly byte[] AcSymbols =
    [
        EndOfBlock,
        SixteenZeros,
        .. Enumerable.Range(0, 16).SelectMany(run => Enumerable.Range(1, 10).Select(size => (byte)((run << 4) | size))),
    ];

    // cosine[u, x] = c(u) / 2 cos((2x + 1) u pi / 16): applied to rows and columns, an orthonormal transform.
    private static readonly double[] Cosine = [.. Enumerable.Range(0, Area).Select(i =>
        (i < Side ? Math.Sqrt(0.125) : 0.5) * Math.Cos(((2 * (i % Side)) + 1) * (i / Side) * Math.PI / 16))];

    private static readonly int[] ZigZag = [.. Enumerable.Range(0, Area)
        .OrderBy(i => (i / Side) + (i % Side))
        .ThenBy(i => (((i / Side) + (i % Side)) & 1) == 1 ? i / Side : i % Side)];

    /// <summary>Encodes grey or red, green and blue, by way of brightness and two colour differences.</summary>
    /// <param name="pixels">[height, width, channels].</param>
    /// <param name="height">Rows.</param>
    /// <param name="width">Columns.</param>
    /// <param name="channels">1 or 3.</param>
    /// <param name="coarseness">Growth of the quantization steps with the frequency; 0 is almost lossless.</param>
    /// <param name="halvesColor">Whether colour differences have half the rows and columns (4:2:0).</param>
    public static byte[] Encode(
        byte[] pixels, int height, int width, int channels, int coarseness = 3, bool halvesColor = false)
    {
        int factor = halvesColor && channels == 3 ? 2 : 1;
        var planes = new Plane[channels];
        for (int channel = 0; channel < channels; channel++)
        {
            double[] values = new double[height * width];
            for (int i = 0; i < values.Length; i++)
            {
                values[i] = channels == 1
                    ? pixels[i] - 128.0
                    : Difference(channel, pixels[3 * i], pixels[(3 * i) + 1], pixels[(3 * i) + 2]);
            }

            var plane = new Plane(values, height, width, channel == 0 ? factor : 1);
            planes[channel] = channel == 0 ? plane : plane.Reduce(factor);
        }

        byte[] steps = [.. Enumerable.Range(0, Area).Select(i => (byte)(1 + (coarseness * ((i / Side) + (i % Side)))))];
        using var file = new MemoryStream();
        file.Write([0xFF, 0xD8]);
        WriteSegment(file, 0xDB, [0, .. ZigZag.Select(i => steps[i])]);
        WriteFrame(file, height, width, planes);
        WriteSegment(file, 0xC4, [0x00, 0, 0, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, .. DcSymbols]);
        WriteSegment(file, 0xC4, [0x10, 0, 1, 0, 0, 0, 0, 0, 161, 0, 0, 0, 0, 0, 0, 0, 0, .. AcSymbols]);
        WriteSegment(
            file,
            0xDA,
            [(byte)channels, .. Enumerable.Range(1, channels).SelectMany(id => new byte[] { (byte)id, 0 }), 0, 63, 0]);
        new Scan(file).Write(planes, steps, (height, width), factor);
        file.Write([0xFF, 0xD9]);
        return file.ToArray();
    }

    private static double Difference(int channel, double red, double green, double blue) => channel switch
    {
        0 => (0.299 * red) + (0.587 * green) + (0.114 * blue) - 128,
        1 => (-0.168736 * red) - (0.331264 * green) + (0.5 * blue),
        _ => (0.5 * red) - (0.418688 * green) - (0.081312 * blue),
    };

    private static void WriteFrame(MemoryStream file, int height, int width, Plane[] planes)
    {
        byte[] frame = [8, 0, 0, 0, 0, (byte)planes.Length, .. planes.SelectMany((plane, i) =>
            new byte[] { (byte)(i + 1), (byte)(plane.Factor * 0x11), 0 })];
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(1), (ushort)height);
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(3), (ushort)width);
        WriteSegment(file, 0xC0, frame);
    }

    private static void WriteSegment(MemoryStream file, byte marker, byte[] content)
    {
        int size = content.Length + 2;
        file.Write([0xFF, marker, (byte)(size >> 8), (byte)size]);
        file.Write(content);
    }

    /// <summary>One channel; beyond its edges the outermost values repeat.</summary>
    private sealed record Plane(double[] Values, int Height, int Width, int Factor)
    {
        public Plane Reduce(int factor)
        {
            (int height, int width) = ((Height + factor - 1) / factor, (Width + factor - 1) / factor);
            double[] values = new double[height * width];
            for (int i = 0; i < values.Length; i++)
            {
                for (int j = 0; j < factor * factor; j++)
                {
                    values[i] += At((i / width * factor) + (j / factor), (i % width * factor) + (j % factor));
                }

                values[i] /= factor * factor;
            }

            return new Plane(values, height, width, 1);
        }

        public double At(int y, int x) => Values[(Math.Min(y, Height - 1) * Width) + Math.Min(x, Width - 1)];
    }

    /// <summary>The compressed data.</summary>
    private sealed class Scan(MemoryStream file)
    {
        private readonly double[] _block = new double[Area];
        private readonly double[] _rows = new double[Area];
        private readonly int[] _levels = new int[Area];
        private uint _bits;
        private int _bitCount;

        public void Write(Plane[] planes, byte[] steps, (int Height, int Width) size, int factor)
        {
            int[] previous = new int[planes.Length];
            int unit = Side * factor;
            for (int y = 0; y < size.Height; y += unit)
            {
                for (int x = 0; x < size.Width; x += unit)
                {
                    for (int i = 0; i < planes.Length; i++)
                    {
                        WriteUnit(planes[i], steps, y / unit, x / unit, ref previous[i]);
                    }
                }
            }

            Put(0x7F, 7); // ones up to the end of the byte
        }

        private void WriteUnit(Plane plane, byte[] steps, int row, int column, ref int previous)
        {
            for (int part = 0; part < plane.Factor * plane.Factor; part++)
            {
                int top = ((row * plane.Factor) + (part / plane.Factor)) * Side;
                int left = ((column * plane.Factor) + (part % plane.Factor)) * Side;
                for (int i = 0; i < Area; i++)
                {
                    _block[i] = plane.At(top + (i / Side), left + (i % Side));
                }

                Transform();
                for (int i = 0; i < Area; i++)
                {
                    _levels[i] = (int)Math.Round(_block[ZigZag[i]] / steps[ZigZag[i]]);
                }

                WriteBlock(_levels[0] - previous);
                previous = _levels[0];
            }
        }

        private void Transform()
        {
            for (int i = 0; i < Area; i++)
            {
                double sum = 0;
                for (int k = 0; k < Side; k++)
                {
                    sum += Cosine[(i % Side * Side) + k] * _block[(i / Side * Side) + k];
                }

                _rows[i] = sum;
            }

            for (int i = 0; i < Area; i++)
            {
                double sum = 0;
                for (int k = 0; k < Side; k++)
                {
                    sum += Cosine[(i / Side * Side) + k] * _rows[(k * Side) + (i % Side)];
                }

                _block[i] = sum;
            }
        }

        private void WriteBlock(int difference)
        {
            int size = SizeOf(difference);
            Put((uint)size, 4); // the code is the size itself
            PutValue(difference, size);
            int zeros = 0;
            for (int i = 1; i < Area; i++)
            {
                int level = Math.Clamp(_levels[i], -1023, 1023);
                if (level == 0)
                {
                    zeros++;
                    continue;
                }

                for (; zeros >= 16; zeros -= 16)
                {
                    PutAc(SixteenZeros);
                }

                size = SizeOf(level);
                PutAc((zeros << 4) | size);
                PutValue(level, size);
                zeros = 0;
            }

            if (zeros > 0)
            {
                PutAc(EndOfBlock);
            }
        }

        // Codes of a length follow each other: 00 for the end, then from 0100 0000 on.
        private void PutAc(int symbol)
        {
            if (symbol == EndOfBlock)
            {
                Put(0, 2);
            }
            else
            {
                Put((uint)(0x40 + Array.IndexOf(AcSymbols, (byte)symbol) - 1), 8);
            }
        }

        private static int SizeOf(int value) => 32 - int.LeadingZeroCount(Math.Abs(value));

        // Negative numbers are counted from the smallest of their size.
        private void PutValue(int value, int size) =>
            Put((uint)(value < 0 ? value + (1 << size) - 1 : value), size);

        private void Put(uint bits, int count)
        {
            for (int i = count - 1; i >= 0; i--)
            {
                _bits = (_bits << 1) | ((bits >> i) & 1);
                if (++_bitCount == 8)
                {
                    file.WriteByte((byte)_bits);
                    if ((byte)_bits == 0xFF)
                    {
                        file.WriteByte(0); // else it would be a marker
                    }

                    (_bits, _bitCount) = (0, 0);
                }
            }
        }
    }
}
