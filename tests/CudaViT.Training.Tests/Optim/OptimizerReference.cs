namespace CudaViT.Training.Tests.Optim;

/// <summary>The update rules in double precision, one element after another, written from their formulas.</summary>
internal sealed class OptimizerReference(string rule, double[] start, bool isVector, double decay)
{
    private int _step;

    public double[] Parameter { get; } = [.. start];

    public double[] First { get; } = new double[start.Length];

    public double[] Second { get; } = new double[start.Length];

    public void Step(double[] gradient, double learningRate)
    {
        _step++;
        switch (rule)
        {
            case "adamw": Adam(gradient, learningRate, epsilon: 1e-8, decay); break;
            case "lamb" when isVector: Adam(gradient, learningRate, epsilon: 1e-6, decay: 0); break;
            case "lamb": Lamb(gradient, learningRate, epsilon: 1e-6); break;
            case "lars" when isVector: Momentum(gradient, learningRate, decay: 0, trust: false); break;
            case "lars": Momentum(gradient, learningRate, decay, trust: true); break;
            default: Momentum(gradient, learningRate, decay, trust: false); break;
        }
    }

    private static double Norm(IEnumerable<double> values) => Math.Sqrt(values.Sum(value => value * value));

    private double[] Direction(double[] gradient, double epsilon)
    {
        double[] direction = new double[gradient.Length];
        for (int i = 0; i < gradient.Length; i++)
        {
            First[i] = (0.9 * First[i]) + (0.1 * gradient[i]);
            Second[i] = (0.999 * Second[i]) + (0.001 * gradient[i] * gradient[i]);
            double first = First[i] / (1 - Math.Pow(0.9, _step));
            double second = Second[i] / (1 - Math.Pow(0.999, _step));
            direction[i] = first / (Math.Sqrt(second) + epsilon);
        }

        return direction;
    }

    private void Adam(double[] gradient, double learningRate, double epsilon, double decay)
    {
        double[] direction = Direction(gradient, epsilon);
        for (int i = 0; i < gradient.Length; i++)
        {
            Parameter[i] -= learningRate * decay * Parameter[i];
            Parameter[i] -= learningRate * direction[i];
        }
    }

    private void Lamb(double[] gradient, double learningRate, double epsilon)
    {
        double[] direction = Direction(gradient, epsilon);
        for (int i = 0; i < gradient.Length; i++)
        {
            direction[i] += decay * Parameter[i];
        }

        double ratio = Norm(Parameter) / Norm(direction);
        for (int i = 0; i < gradient.Length; i++)
        {
            Parameter[i] -= learningRate * ratio * direction[i];
        }
    }

    private void Momentum(double[] gradient, double learningRate, double decay, bool trust)
    {
        double[] decayed = [.. gradient.Select((g, i) => g + (decay * Parameter[i]))];
        double ratio = trust ? 0.001 * Norm(Parameter) / Norm(decayed) : 1;
        for (int i = 0; i < gradient.Length; i++)
        {
            First[i] = (0.9 * First[i]) + (ratio * decayed[i]);
            Parameter[i] -= learningRate * First[i];
        }
    }
}
