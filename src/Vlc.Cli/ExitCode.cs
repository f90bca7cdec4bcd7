namespace Vlc.Cli;

/// <summary>What the process says when it ends; scripts rely on the numbers.</summary>
internal enum ExitCode
{
    /// <summary>Done.</summary>
    Success = 0,

    /// <summary>Something failed that neither the command line nor the input files explain.</summary>
    Failure = 1,

    /// <summary>The command line cannot be carried out as written.</summary>
    Usage = 2,

    /// <summary>A file is missing, damaged, or not what the command needs.</summary>
    BadInput = 3,

    /// <summary>Done, but the result misses <c>--min-recall</c> or <c>--max-ratio</c>, or a device disagrees with the processor.</summary>
    GateMissed = 4,

    /// <summary>Interrupted; 128 + SIGINT, as shells have it.</summary>
    Cancelled = 130,
}
