using System.CommandLine;
using Vlc.Cli.Terminal;
using Vlc.Indexing;
using Vlc.Storage;

namespace Vlc.Cli.Commands;

/// <summary><c>vlc verify</c>: finds any byte of an index that is not as it was written.</summary>
internal static class VerifyCommand
{
    private static readonly Option<string> Index = SharedOptions.Index();

    public static Command Create()
    {
        var command = new Command("verify", "Check structure and checksums of every file of an index.") { Index };
        command.SetBody(Run);
        return command;
    }

    private static ExitCode Run(ParseResult parsed, CommandTerminal terminal, CancellationToken cancellationToken)
    {
        string basePath = parsed.GetRequiredValue(Index);
        IndexInfo info = terminal.WithProgress(progress =>
            IndexInfo.Verify(basePath, new Reporting<double>(share => progress("verify", share)), cancellationToken));
        bool checksums = info.Manifest.Version > 1;
        var result = new VerifyResult(Ok: true, info.Manifest.Version, checksums, info.TotalBytes, SectionBytes.Of(info));
        if (!checksums) terminal.Warn("version 1 has no checksums: only structure, lengths and ranges were checked.");
        terminal.Write(
            result, ResultJsonContext.Readable.VerifyResult,
            console =>
            {
                string also = checksums ? ", checksums match" : "";
                FactTable.Write(console, [("whole", $"{result.Sections.Length} sections, {result.Bytes:N0} bytes{also}")]);
            });
        return ExitCode.Success;
    }
}

/// <summary>What <c>vlc verify</c> reports of an index that is whole; one that is not is an error.</summary>
internal sealed record VerifyResult(bool Ok, int Version, bool Checksums, long Bytes, SectionBytes[] Sections);
