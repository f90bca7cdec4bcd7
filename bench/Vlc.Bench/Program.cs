using BenchmarkDotNet.Running;
using Vlc.Bench;

switch (args)
{
    case ["parity"]:
        return ParityRun.Run();
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
    case ["training-default", .. var sets]:
        return TrainingComparison.RunDefaults(sets);
    case ["searches", .. var sets]:
        return SearchModes.Run(sets);
    case ["updates", .. var options]:
        return UpdateTable.Run(options);
    case ["growth", .. var options]:
        return GrowthTable.Run(options);
    case ["guard", .. var sets]:
        return Guard.Run(sets);
    case ["readers", .. var options]:
        return ReaderSpeed.Run(options);
    case ["generate", .. var options]:
        return EmbeddingLikeVectors.Run(options);
    case ["reliability", .. var options]:
        return Reliability.Run(options);
    default:
        BenchmarkSwitcher.FromAssembly(typeof(AssignmentBenchmarks).Assembly).Run(args);
        return 0;
}
