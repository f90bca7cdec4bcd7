using BenchmarkDotNet.Running;
using Vlc.Bench;

switch (args)
{
    case ["quick"]:
        QuickRun.Run();
        return 0;
    case ["frontier", .. var sets]:
        return FrontierTable.Run(sets);
    case ["ablation", .. var arguments]:
        return CodecAblation.Run(arguments);
    case ["later", .. var sets]:
        return LaterVectors.Run(sets);
    case ["training", .. var sets]:
        return TrainingComparison.Run(sets);
    default:
        BenchmarkSwitcher.FromAssembly(typeof(AssignmentBenchmarks).Assembly).Run(args);
        return 0;
}
