using CudaViT.Core;

namespace CudaViT.TestKit;

/// <summary>
/// Draws pictures of ten classes that differ in texture and layout (waves, bricks, clouds, ...). Their two colours,
/// light, grain, position, size and direction are drawn at random and say nothing about the class.
/// </summary>
public static class TexturedScenes
{
    /// <summary>What there is to tell apart.</summary>
    public static IReadOnlyList<string> Classes { get; } =
        ["bricks", "cells", "clouds", "dots", "grass", "mountains", "rings", "stripes", "waves", "weave"];

    /// <summary>Draws a picture.</summary>
    /// <param name="label">Class, an index into <see cref="Classes"/>.</param>
    /// <param name="seed">Seed of the whole set.</param>
    /// <param name="number">Which picture of the set.</param>
    /// <param name="height">Rows.</param>
    /// <param name="width">Columns.</param>
    /// <returns>[height, width, 3].</returns>
    public static byte[] Draw(int label, ulong seed, int number, int height, int width)
    {
        RandomSequence random = new RandomStream(seed, 0, number, 0, RandomOperation.Synthetic).Sequence();
        var scene = new Scene(ref random);
        byte[] pixels = new byte[height * width * 3];
        for (int i = 0; i < height * width; i++)
        {
            // A picture shows some six units of its texture, whatever its number of pixels.
            double x = 6.0 * (i % width) / width;
            double y = 6.0 * (i / width) / width;
            double grain = (random.NextSingle() - 0.5) * 0.12;
            double share = Math.Clamp(scene.Texture(label, x, y) + grain, 0, 1);
            double light = scene.Light(x, y);
            for (int channel = 0; channel < 3; channel++)
            {
                double color = double.Lerp(scene.Dark[channel], scene.Bright[channel], share);
                pixels[(3 * i) + channel] = (byte)Math.Clamp(255 * color * light, 0, 255);
            }
        }

        return pixels;
    }

    /// <summary>What was drawn for one picture.</summary>
    private sealed class Scene
    {
        private readonly double _scale;
        private readonly double _turn;
        private readonly double _shiftX;
        private readonly double _shiftY;
        private readonly double _lightX;
        private readonly double _lightY;
        private readonly uint _noise;

        public Scene(ref RandomSequence random)
        {
            _scale = random.NextDouble(0.8, 1.3);
            _turn = random.NextDouble(-0.3, 0.3);
            (_shiftX, _shiftY) = (random.NextDouble(0, 50), random.NextDouble(0, 50));
            (_lightX, _lightY) = (random.NextDouble(-0.05, 0.05), random.NextDouble(-0.05, 0.05));
            _noise = random.NextWord();
            double hueless = random.NextDouble(0, 0.25); // how far the two colours stay from black and white
            Dark = [random.NextDouble(0, 0.5), random.NextDouble(0, 0.5), random.NextDouble(0, 0.5)];
            Bright = [.. Dark.Select(_ => 0.0)];
            for (int channel = 0; channel < 3; channel++)
            {
                Bright[channel] = Math.Min(1, Dark[channel] + hueless + random.NextDouble(0.2, 0.6));
            }

            if (random.NextBool(0.5))
            {
                (Dark, Bright) = (Bright, Dark);
            }
        }

        public double[] Dark { get; }

        public double[] Bright { get; }

        public double Light(double x, double y) => 1 + (_lightX * (x - 3)) + (_lightY * (y - 3));

        /// <summary>Share of the bright colour at a place.</summary>
        public double Texture(int label, double x, double y)
        {
            double u = (_scale * ((x * Math.Cos(_turn)) - (y * Math.Sin(_turn)))) + _shiftX;
            double v = (_scale * ((x * Math.Sin(_turn)) + (y * Math.Cos(_turn)))) + _shiftY;
            return label switch
            {
                0 => Bricks(u, v),
                1 => Cells(u, v),
                2 => (Noise(0.5 * u, 0.5 * v) + (0.5 * Noise(u, v))) / 1.5,
                3 => Dots(u, v),
                4 => Noise(6 * u, 0.8 * v),
                5 => y > 2 + (1.5 * Noise(u, 0)) + (0.3 * Noise(4 * u, 9)) ? 0.3 * Noise(5 * u, 5 * v) : 0.8,
                6 => Wave(3 * (Math.Sqrt(Math.Pow(x - 3 - (_lightX * 30), 2) + (y * y)) + (0.3 * Noise(u, v)))),
                7 => Wave(2.5 * u),
                8 => Wave((3 * v) + Math.Sin(1.5 * u) + Noise(u, v)),
                _ => Weave(2 * u, 2 * v),
            };
        }

        private static double Wave(double phase) => 0.5 + (0.5 * Math.Sin(phase * 2));

        private double Bricks(double u, double v)
        {
            double row = Math.Floor(v * 1.6);
            double inRow = (v * 1.6) - row;
            double column = (u * 0.9) + (0.5 * (row % 2));
            double inBrick = column - Math.Floor(column);
            bool isMortar = inRow < 0.12 || inBrick < 0.06;
            return isMortar ? 0.05 : 0.6 + (0.4 * Noise(3 * u, 3 * v));
        }

        // Distance to the nearest of one random point per square.
        private double Cells(double u, double v)
        {
            double nearest = 9;
            for (int i = 0; i < 9; i++)
            {
                (double column, double row) = (Math.Floor(u) + (i % 3) - 1, Math.Floor(v) + (i / 3) - 1);
                (double dx, double dy) = (column + Random(column, row) - u, row + Random(row, column + 0.5) - v);
                nearest = Math.Min(nearest, Math.Sqrt((dx * dx) + (dy * dy)));
            }

            return Math.Min(1, nearest);
        }

        private static double Dots(double u, double v)
        {
            (double x, double y) = (u - Math.Floor(u) - 0.5, v - Math.Floor(v) - 0.5);
            return (x * x) + (y * y) < 0.09 ? 1 : 0.1;
        }

        private static double Weave(double u, double v)
        {
            bool isWarp = (((long)Math.Floor(u) + (long)Math.Floor(v)) & 1) == 0;
            return 0.2 + (0.8 * Math.Abs(Math.Sin(Math.PI * (isWarp ? u : v))));
        }

        // Random numbers on a grid, smoothly between them.
        private double Noise(double u, double v)
        {
            (double column, double row) = (Math.Floor(u), Math.Floor(v));
            (double s, double t) = (Smooth(u - column), Smooth(v - row));
            return double.Lerp(
                double.Lerp(Random(column, row), Random(column + 1, row), s),
                double.Lerp(Random(column, row + 1), Random(column + 1, row + 1), s),
                t);
        }

        private static double Smooth(double x) => x * x * (3 - (2 * x));

        private double Random(double column, double row)
        {
            uint hash = _noise ^ ((uint)(int)(column * 2) * 0x9E3779B9) ^ ((uint)(int)(row * 2) * 0x85EBCA6B);
            hash = (hash ^ (hash >> 15)) * 0x2C1B3C6D;
            hash = (hash ^ (hash >> 12)) * 0x297A2D39;
            return (hash ^ (hash >> 15)) / (double)uint.MaxValue;
        }
    }
}
