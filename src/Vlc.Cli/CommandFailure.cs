using Vlc.Cli.Compute;

namespace Vlc.Cli;

/// <summary>Why a command did not do what it was asked: the one place where exceptions become exit codes and messages.</summary>
/// <param name="ExitCode">The process's exit code.</param>
/// <param name="Message">One or more sentences; never a stack trace.</param>
internal sealed record CommandFailure(ExitCode ExitCode, string Message)
{
    /// <summary>Classifies an exception that ended a command.</summary>
    public static CommandFailure Of(Exception exception) => exception switch
    {
        AggregateException { InnerExceptions: [var only] } => Of(only),
        OperationCanceledException => new(ExitCode.Cancelled, "Cancelled."),
        FileNotFoundException missing when SelectedDevice.IsAbsence(missing) => new(ExitCode.Usage, SelectedDevice.Absent),
        VlcFormatException or FileNotFoundException or DirectoryNotFoundException => new(ExitCode.BadInput, exception.Message),
        ArgumentException argument => new(ExitCode.Usage, WithoutParameter(argument)),
        _ => new(ExitCode.Failure, exception.Message.Length == 0 ? exception.GetType().Name : exception.Message),
    };

    // The runtime appends " (Parameter 'name')" on the same line and " Actual value was ..." on the next: names of code, not of options.
    private static string WithoutParameter(ArgumentException exception)
    {
        string parameterName = $" (Parameter '{exception.ParamName}')";
        int parameter = exception.Message.IndexOf(parameterName, StringComparison.Ordinal);
        return parameter < 0 ? exception.Message : exception.Message[..parameter];
    }
}
