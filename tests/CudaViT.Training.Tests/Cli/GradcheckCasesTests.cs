using CudaViT.Cli.Gradchecks;
using CudaViT.Core;
using CudaViT.TestKit;

namespace CudaViT.Training.Tests.Cli;

[Trait("Category", "GradCheck")]
public sealed class GradcheckCasesTests
{
    public static TheoryData<string, string, string> Cases
    {
        get
        {
            var data = new TheoryData<string, string, string>();
            foreach (GradcheckCase c in GradcheckCases.All)
            {
                foreach (string backend in Backends.Names)
                {
                    data.Add(backend, c.Operation, c.What);
                }
            }

            return data;
        }
    }

    [Theory, MemberData(nameof(Cases))]
    public void Every_case_passes(string backend, string operation, string what)
    {
        using var run = Backends.Open(backend);
        GradcheckCase c = GradcheckCases.All.Single(c => (c.Operation, c.What) == (operation, what));
        GradCheck.Run(c.Function, c.Inputs(new InputSource(run.Backend)));
    }

    // Cast rounds, and differences along a staircase say nothing about its slope.
    [Fact]
    public void Every_operation_has_a_case()
    {
        string[] covered = [.. GradcheckCases.All.Select(c => c.Operation).Distinct()];
        string[] operations = [.. typeof(Operation).Assembly.GetTypes()
            .Where(type => type.IsSubclassOf(typeof(Operation)) && !type.IsAbstract && type != typeof(Cast))
            .Select(type => type.Name)];
        Assert.NotEmpty(operations);
        Assert.Empty(operations.Except(covered));

        // Those built from others are no subclasses, but are called in the same way.
        Assert.All(covered, name =>
            Assert.NotEmpty(typeof(Operation).Assembly.GetType($"CudaViT.Core.{name}")?.GetMember("Apply") ?? []));
    }
}
