using System.Diagnostics;
using System.Reflection;
using Xunit.Abstractions;
using Xunit.Sdk;

/// <summary>
/// Entry point of every test project: runs the assembly's own tests in this process, with no SDK and no test host,
/// so that a published test project also runs on a machine that has only the .NET runtime.
/// </summary>
/// <remarks>
/// The last line is <c>N passed, N failed, N skipped</c>. Exit status: 0 when none failed, 1 when some did, 2 for a
/// usage error or when no test was found.
/// </remarks>
internal static class TestMain
{
    private const string Usage = """
        usage: dotnet X.Tests.dll [-list] [-name PART]... [-trait NAME=VALUE]... [-notrait NAME=VALUE]...
                                  [-serial] [-skips]
          -list      print the names of the chosen tests and stop
          -name      only tests whose name contains PART
          -trait     only tests that carry the trait, for example -trait Category=GradCheck
          -notrait   leave out tests that carry the trait
          -serial    one test at a time
          -skips     name every skipped test, not only how many share a reason
        """;

    public static int Main(string[] args)
    {
        if (!Selection.TryParse(args, out Selection selection))
        {
            Console.Error.WriteLine(Usage);
            return 2;
        }

        var assembly = Assembly.GetExecutingAssembly();
        using var framework = new XunitTestFramework(new Sink(_ => { }));
        List<ITestCase> cases = [.. Discover(framework, assembly)
            .Where(selection.Includes)
            .OrderBy(test => test.DisplayName, StringComparer.Ordinal)];
        if (selection.List)
        {
            cases.ForEach(test => Console.WriteLine(test.DisplayName));
            return 0;
        }

        var tally = new Tally(selection.NameSkips);
        var clock = Stopwatch.StartNew();
        Run(framework, assembly, cases, selection.Serial, tally);
        tally.PrintSkips();
        Console.WriteLine($"{assembly.GetName().Name}: {clock.Elapsed.TotalSeconds:f1} s");
        Console.WriteLine($"{tally.Passed} passed, {tally.Failed} failed, {tally.Skipped} skipped");
        return tally.Failed > 0 ? 1 : tally.Passed + tally.Skipped == 0 ? 2 : 0;
    }

    private static List<ITestCase> Discover(XunitTestFramework framework, Assembly assembly)
    {
        var cases = new List<ITestCase>();
        using var complete = new ManualResetEventSlim();
        using ITestFrameworkDiscoverer discoverer = framework.GetDiscoverer(Reflector.Wrap(assembly));
        discoverer.Find(includeSourceInformation: false, new Sink(OnMessage), new Options());
        complete.Wait();
        return cases;

        void OnMessage(IMessageSinkMessage message)
        {
            if (message is ITestCaseDiscoveryMessage found)
            {
                cases.Add(found.TestCase);
            }
            else if (message is IDiscoveryCompleteMessage)
            {
                complete.Set();
            }
        }
    }

    private static void Run(
        XunitTestFramework framework, Assembly assembly, List<ITestCase> cases, bool serial, Tally tally)
    {
        if (cases.Count == 0)
        {
            return;
        }

        using var done = new ManualResetEventSlim();
        var options = new Options();
        options.SetValue<bool?>("xunit.execution.DisableParallelization", serial);
        using ITestFrameworkExecutor executor = framework.GetExecutor(assembly.GetName());
        executor.RunTests(cases, new Sink(OnMessage), options);
        done.Wait();

        void OnMessage(IMessageSinkMessage message)
        {
            tally.Count(message);
            if (message is ITestAssemblyFinished)
            {
                done.Set();
            }
        }
    }

    /// <summary>What the command line asked for.</summary>
    private sealed class Selection
    {
        private readonly List<string> _names = [];
        private readonly List<(string Name, string Value)> _wanted = [];
        private readonly List<(string Name, string Value)> _unwanted = [];

        public bool List { get; private set; }

        public bool Serial { get; private set; }

        public bool NameSkips { get; private set; }

        public static bool TryParse(string[] args, out Selection selection)
        {
            selection = new Selection();
            for (int i = 0; i < args.Length; i++)
            {
                bool hasValue = i + 1 < args.Length;
                switch (args[i])
                {
                    case "-list": selection.List = true; break;
                    case "-serial": selection.Serial = true; break;
                    case "-skips": selection.NameSkips = true; break;
                    case "-name" when hasValue: selection._names.Add(args[++i]); break;
                    case "-trait" when hasValue: selection._wanted.Add(Trait(args[++i])); break;
                    case "-notrait" when hasValue: selection._unwanted.Add(Trait(args[++i])); break;
                    default: return false;
                }
            }

            return true;
        }

        public bool Includes(ITestCase test) =>
            (_names.Count == 0 || _names.Exists(part => test.DisplayName.Contains(part, StringComparison.Ordinal)))
            && (_wanted.Count == 0 || _wanted.Exists(trait => Has(test, trait)))
            && !_unwanted.Exists(trait => Has(test, trait));

        private static (string Name, string Value) Trait(string text)
        {
            string[] parts = text.Split('=', 2);
            return (parts[0], parts.Length > 1 ? parts[1] : "");
        }

        private static bool Has(ITestCase test, (string Name, string Value) trait) =>
            test.Traits.TryGetValue(trait.Name, out List<string>? values) && values.Contains(trait.Value);
    }

    /// <summary>Counts results and prints failures as they happen.</summary>
    private sealed class Tally(bool nameSkips)
    {
        private readonly SortedDictionary<string, int> _skipReasons = new(StringComparer.Ordinal);

        public int Passed { get; private set; }

        public int Failed { get; private set; }

        public int Skipped { get; private set; }

        public void Count(IMessageSinkMessage message)
        {
            switch (message)
            {
                case ITestPassed: Passed++; break;
                case ITestSkipped skip: Skip(skip); break;
                case ITestFailed test:
                    Fail($"{test.Test.DisplayName} ({test.ExecutionTime:f2} s)", test, test.Output);
                    break;
                case ITestCleanupFailure test: Fail($"{test.Test.DisplayName} (clean-up)", test); break;
                case ITestClassCleanupFailure tests: Fail($"{tests.TestClass.Class.Name} (clean-up)", tests); break;
                case ITestCollectionCleanupFailure tests:
                    Fail($"{tests.TestCollection.DisplayName} (clean-up)", tests);
                    break;
                case ITestAssemblyCleanupFailure tests: Fail("assembly (clean-up)", tests); break;
                case IErrorMessage error: Fail("outside any test", error); break;
                default: break;
            }
        }

        public void PrintSkips()
        {
            foreach ((string reason, int count) in _skipReasons)
            {
                Console.WriteLine($"skipped {count}: {reason}");
            }
        }

        private void Skip(ITestSkipped skip)
        {
            Skipped++;
            _skipReasons[skip.Reason] = _skipReasons.GetValueOrDefault(skip.Reason) + 1;
            if (nameSkips)
            {
                Console.WriteLine($"SKIP {skip.Test.DisplayName}: {skip.Reason}");
            }
        }

        private void Fail(string what, IFailureInformation failure, string? output = null)
        {
            Failed++;
            Console.WriteLine($"FAIL {what}");
            for (int i = 0; i < failure.Messages.Length; i++)
            {
                Console.WriteLine($"  {failure.ExceptionTypes[i]}: {failure.Messages[i]}");
                Console.WriteLine(failure.StackTraces[i]);
            }

            if (!string.IsNullOrWhiteSpace(output))
            {
                Console.WriteLine(output);
            }
        }
    }

    private sealed class Options : ITestFrameworkDiscoveryOptions, ITestFrameworkExecutionOptions
    {
        private readonly Dictionary<string, object?> _values = [];

        public TValue GetValue<TValue>(string name) =>
            _values.TryGetValue(name, out object? value) && value is TValue typed ? typed : default!;

        public void SetValue<TValue>(string name, TValue value) => _values[name] = value;
    }

    // xunit sends messages from several threads.
    private sealed class Sink(Action<IMessageSinkMessage> handler) : Xunit.LongLivedMarshalByRefObject, IMessageSink
    {
        private readonly Lock _gate = new();

        public bool OnMessage(IMessageSinkMessage message)
        {
            lock (_gate)
            {
                handler(message);
            }

            return true;
        }
    }
}
