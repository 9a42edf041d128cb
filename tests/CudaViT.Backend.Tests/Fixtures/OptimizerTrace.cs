using CudaViT.Core;
using CudaViT.Training.Models.Nn;
using CudaViT.Training.Optim;

namespace CudaViT.Backend.Tests;

/// <summary>
/// The <c>optimizer</c> cases: parameters after every step, driven by recorded gradients and learning rates.
/// </summary>
internal static class OptimizerTrace
{
    public static void Build(OperatorCase c)
    {
        double[] rates = [.. c.Property("lr_per_step").EnumerateArray().Select(rate => rate.GetDouble())];
        var model = new Recorded(c);
        Optimizer optimizer = Create(c, ParameterGroup.Of(model.Parameters(), c.Number("weight_decay")));
        Dictionary<string, List<double>> traces = c.InputNames.ToDictionary(name => name, _ => new List<double>());
        for (int step = 0; step < rates.Length; step++)
        {
            foreach (Parameter parameter in model.Parameters())
            {
                NdArray gradient = c.Input($"grad.{parameter.Name}").Data.Rows(step, step + 1);
                parameter.Value.Backward(gradient.Reshape(parameter.Shape));
            }

            optimizer.Step(rates[step]);
            optimizer.ZeroGrad();
            foreach (Parameter parameter in model.Parameters())
            {
                traces[parameter.Name].AddRange(parameter.Value.Data.ToDoubles());
            }
        }

        foreach (Parameter parameter in model.Parameters())
        {
            Shape shape = [rates.Length, .. parameter.Shape];
            c.Output(parameter.Name, NdArray.FromDoubles(c.Backend, [.. traces[parameter.Name]], shape, c.DType));
        }
    }

    /// <summary>The rule is the first word of the case's kind: <c>lars_wd0</c> is LARS.</summary>
    private static Optimizer Create(OperatorCase c, IReadOnlyList<ParameterGroup> groups)
    {
        string kind = c.Property("kind").GetString()!;
        return kind.Split('_')[0] switch
        {
            "adamw" when c.Numbers("betas") is [double first, double second] =>
                new AdamW(groups, first, second, c.Number("eps")),
            "lars" => new Lars(groups, c.Number("momentum"), c.Number("trust_coefficient")),
            "sgd" => new Sgd(groups, c.Number("momentum")),
            _ => throw new InvalidOperationException(
                $"The recording has an optimizer '{kind}', but {nameof(OptimizerTrace)} only knows adamw, lars and "
                + "sgd."),
        };
    }

    /// <summary>The recorded parameters as a module.</summary>
    private sealed class Recorded : Module
    {
        public Recorded(OperatorCase c)
        {
            foreach (string name in c.InputNames)
            {
                double[] start = c.Input(name).Data.ToDoubles();
                AddParameter(name, c.Input(name).Shape, (values, _) => start.CopyTo(values));
            }

            Initialize(c.Backend, c.DType, seed: 0);
        }
    }
}
