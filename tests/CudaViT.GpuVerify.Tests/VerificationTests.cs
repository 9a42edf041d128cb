using System.Text.Json.Nodes;

namespace CudaViT.GpuVerify.Tests;

public sealed class VerificationTests : IDisposable
{
    private const string Failing = "Ops.AddTests.Forward(backend: \"cuda\", dtype: F32)";

    private readonly string _folder = Directory.CreateTempSubdirectory("gpu-verify-tests-").FullName;

    private string Log => File.ReadAllText(Path.Combine(_folder, "verify.log"));

    private JsonNode Report => JsonNode.Parse(File.ReadAllText(Path.Combine(_folder, "verify.json")))!;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Shares_of_all_steps_add_up_to_the_budget() => Assert.Equal(
        VerifySteps.Budget,
        VerifySteps.After("").Append(VerifySteps.Doctor).Aggregate(TimeSpan.Zero, (sum, step) => sum + step.Share));

    [Fact]
    public void Every_step_has_a_program_that_is_published() =>
        Assert.All(VerifySteps.After(""), step => Assert.Contains(step.Program, VerifySteps.Programs));

    [Fact]
    public void Without_a_GPU_one_sentence_says_so_after_the_first_step()
    {
        var machine = new FakeMachine
        {
            Acts = _ => new FakeMachine.Outcome(
                0,
                """{"devices": ["cpu"], "checks": [{"name": "GPU", "problem": "no driver; install one."}]}""",
                TimeSpan.FromSeconds(1)),
        };

        (int status, string[] lines) = Verify(machine);

        Assert.Equal(ExitStatus.NoGpu, status);
        Assert.Equal("gpu-verify: no GPU can be used here: no driver; install one.", lines[^1]);
        Assert.Single(machine.Runs);
        Assert.False((bool)Report["passed"]!);
    }

    [Theory]
    [InlineData("""{"devices": ["cpu"], "checks": [{"name": "NVRTC", "problem": "NVRTC was not found"}]}""",
        "NVRTC was not found.")]
    [InlineData("Unhandled exception.", "cudavit doctor did not answer.")]
    [InlineData("", "cudavit doctor did not answer.")]
    public void A_GPU_that_cannot_be_used_is_none(string doctor, string expected)
    {
        var machine = new FakeMachine { Acts = _ => new FakeMachine.Outcome(0, doctor, TimeSpan.Zero) };

        (int status, string[] lines) = Verify(machine);

        Assert.Equal(ExitStatus.NoGpu, status);
        Assert.Equal($"gpu-verify: no GPU can be used here: {expected}", lines[^1]);
    }

    [Fact]
    public void All_steps_run_in_order_kernels_first()
    {
        var machine = new FakeMachine();

        (int status, string[] lines) = Verify(machine);

        Assert.Equal(ExitStatus.Holds, status);
        Assert.Equal($"everything holds: 11 steps passed; see {Path.Combine(_folder, "verify.log")}", lines[^1]);
        Assert.Equal("passed      doctor                          1.0 s  some GPU", lines[0]);
        Assert.Equal(["kernels", "--arch", "native"], machine.Runs[1].Arguments);
        Assert.True((bool)Report["passed"]!);
        Assert.Equal(11, Report["steps"]!.AsArray().Count);
        Assert.Equal("cuda", (string)Report["machine"]!["devices"]![1]!);
    }

    [Fact]
    public void A_quick_run_leaves_out_what_is_long()
    {
        var machine = new FakeMachine();

        (int status, _) = Verify(machine, quick: true);

        Assert.Equal(ExitStatus.Holds, status);
        Assert.Equal(8, machine.Runs.Count);
        Assert.All(machine.Runs, run => Assert.Empty(run.Wrapper));
    }

    [Theory]
    [InlineData(0, "0 passed, 0 failed, 7 skipped")]
    [InlineData(2, "0 passed, 0 failed, 0 skipped")]
    public void Tests_of_which_none_passed_are_called_nothing(int exitStatus, string tally)
    {
        var machine = new FakeMachine
        {
            Acts = run => run.Arguments.Contains("-serial")
                ? new FakeMachine.Outcome(exitStatus, $"CudaViT.X.Tests: 0.1 s\n{tally}\n", TimeSpan.Zero)
                : null,
        };

        (int status, string[] lines) = Verify(machine);

        Assert.Equal(ExitStatus.Fails, status);
        Assert.Contains(lines, line => line.StartsWith("nothing ran ptx helpers", StringComparison.Ordinal)
            && line.EndsWith($"nothing ran: {tally}", StringComparison.Ordinal));
        Assert.StartsWith("10 of 11 steps passed; ran nothing: ptx helpers; see ", lines[^1], StringComparison.Ordinal);
    }

    [Fact]
    public void The_first_test_that_fails_runs_again_alone_at_the_end()
    {
        var machine = new FakeMachine
        {
            Acts = run => run is { Program: "CudaViT.Backend.Tests", IsAlone: false }
                && !run.Arguments.Contains("-trait")
                    ? new FakeMachine.Outcome(
                        1,
                        $"FAIL {Failing} (0.25 s)\n  Error: it was one of 3 launches\nFAIL other (1.00 s)\n"
                            + "5 passed, 2 failed, 0 skipped",
                        TimeSpan.FromSeconds(2))
                    : null,
        };

        (int status, string[] lines) = Verify(machine);

        Assert.Equal(ExitStatus.Fails, status);
        FakeMachine.Started alone = Assert.Single(machine.Runs, run => run.IsAlone);
        Assert.Same(alone, machine.Runs[^1]);
        Assert.Equal("CudaViT.Backend.Tests", alone.Program);
        Assert.Equal(["-name", Failing, "-serial"], alone.Arguments);
        Assert.Equal("1", alone.Variables["CUDAVIT_SYNC"]);
        Assert.StartsWith("10 of 11 steps passed; failed: operators; see ", lines[^1], StringComparison.Ordinal);
        Assert.Equal(Failing, (string)Report["steps"]![3]!["firstFailure"]!);
        Assert.Equal("operators, alone", (string)Report["steps"]![11]!["name"]!);
    }

    [Fact]
    public void A_sanitizer_that_is_not_there_fails_nothing()
    {
        (int status, string[] lines) = Verify(new FakeMachine { HasSanitizer = false });

        Assert.Equal(ExitStatus.Holds, status);
        Assert.StartsWith(
            "everything holds: 9 steps passed; absent here: memcheck, racecheck; see ", lines[^1],
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("========= Error: Device not supported. Please refer to the documentation.", "absent")]
    [InlineData("========= Internal Sanitizer Error: the device is Unsupported", "absent")]
    [InlineData("========= Program hit CUDA_ERROR_NOT_SUPPORTED (error 801): operation not supported", "failed")]
    [InlineData("========= Invalid __global__ write of size 4 bytes", "failed")]
    public void A_sanitizer_that_refuses_the_device_is_absent_and_one_that_finds_something_is_not(
        string line, string verdict)
    {
        var machine = new FakeMachine
        {
            Acts = run => run.Wrapper.Length > 0
                ? new FakeMachine.Outcome(9, $"========= COMPUTE-SANITIZER\n{line}\nlast", TimeSpan.Zero)
                : null,
        };

        (int status, string[] lines) = Verify(machine);

        Assert.Equal(verdict == "absent" ? ExitStatus.Holds : ExitStatus.Fails, status);
        Assert.Contains(lines, text => text.StartsWith($"{verdict,-11} memcheck", StringComparison.Ordinal));
    }

    // Some versions say so of a program that they have not started.
    [Fact]
    public void A_sanitizer_without_errors_counts_only_if_the_program_ran()
    {
        var machine = new FakeMachine
        {
            Acts = run => run.Wrapper is [_, _, "memcheck", ..]
                ? new FakeMachine.Outcome(
                    0, "========= COMPUTE-SANITIZER\n========= ERROR SUMMARY: 0 errors", TimeSpan.Zero)
                : null,
        };

        (int status, string[] lines) = Verify(machine);

        Assert.Equal(ExitStatus.Fails, status);
        Assert.Contains(lines, line => line.Contains("'done:' is missing", StringComparison.Ordinal));
    }

    [Fact]
    public void A_step_may_use_what_those_before_it_left()
    {
        var machine = new FakeMachine();

        Verify(machine);

        // Every step takes a second, so each may take its share and what is left of all before.
        TimeSpan shares = VerifySteps.Doctor.Share;
        foreach ((int i, VerifyStep step) in VerifySteps.After("").Index())
        {
            shares += step.Share;
            Assert.Equal(shares - TimeSpan.FromSeconds(i + 1), machine.Runs[i + 1].Limit);
        }
    }

    [Fact]
    public void A_step_that_takes_too_long_is_stopped_and_leaves_the_others_their_shares()
    {
        var machine = new FakeMachine
        {
            Acts = run => run.Arguments is ["gradcheck", "--device", "cuda"]
                ? new FakeMachine.Outcome(null, "some", run.Limit)
                : null,
        };

        (int status, string[] lines) = Verify(machine);

        Assert.Equal(ExitStatus.Fails, status);
        Assert.StartsWith("10 of 11 steps passed; ran out of time: gradient checks; see ", lines[^1]);
        int stopped = machine.Runs.FindIndex(run => run.Arguments is ["gradcheck", "--device", "cuda"]);
        Assert.Equal(VerifySteps.After("")[stopped].Share, machine.Runs[stopped + 1].Limit);
    }

    // A program that does not go when it is stopped takes the time of others: that says nothing of those.
    [Fact]
    public void Steps_that_the_budget_cuts_are_told_apart()
    {
        var machine = new FakeMachine
        {
            Acts = run => run switch
            {
                { Arguments: ["gradcheck", "--device", "cuda"] } =>
                    new FakeMachine.Outcome(null, "some", run.Limit + TimeSpan.FromSeconds(100)),
                { Arguments: [.., "Category=GradCheck"] } => new FakeMachine.Outcome(null, "", run.Limit),
                _ => null,
            },
        };

        (int status, string[] lines) = Verify(machine);

        Assert.Equal(ExitStatus.Fails, status);
        Assert.Contains(lines, line => line.StartsWith("cut         model fixtures", StringComparison.Ordinal)
            && line.EndsWith("not begun: the budget is used up", StringComparison.Ordinal));
        Assert.StartsWith(
            "8 of 11 steps passed; ran out of time: gradient checks; cut by the budget of 8 minutes: model fixtures, "
                + "200 steps, runs, same bits; see ",
            lines[^1], StringComparison.Ordinal);
    }

    [Fact]
    public void Where_the_cache_cannot_be_written_another_one_is_used()
    {
        string doctor = FakeMachine.Doctor.Replace(
            "\"kernel cache\", \"problem\": null", "\"kernel cache\", \"problem\": \"read-only\"",
            StringComparison.Ordinal);
        var machine = new FakeMachine
        {
            Acts = run => run.Arguments is ["doctor", ..] ? new(0, doctor, TimeSpan.Zero) : null,
        };

        Verify(machine);

        Assert.All(machine.Runs.Skip(1), run => Assert.True(run.Variables.ContainsKey("CUDAVIT_CACHE")));
        Assert.False(Directory.Exists(machine.Runs[1].Variables["CUDAVIT_CACHE"]));
    }

    [Fact]
    public void The_log_has_all_that_was_printed()
    {
        Verify(new FakeMachine());

        Assert.Contains("== operators: CudaViT.Backend.Tests -name backend: \"cuda\"", Log, StringComparison.Ordinal);
        Assert.Contains("RACECHECK SUMMARY: 0 hazards displayed", Log, StringComparison.Ordinal);
    }

    private (int Status, string[] Lines) Verify(FakeMachine machine, bool quick = false)
    {
        using var output = new StringWriter();
        int status = Verification.Run(
            new Arguments(_folder, null, quick), ProgramFolders.For(null, _folder, _folder), machine, machine, output,
            showsProgress: false);
        return (status, output.ToString().TrimEnd().Split('\n'));
    }
}
