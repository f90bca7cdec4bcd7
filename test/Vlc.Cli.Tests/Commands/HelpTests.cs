using System.CommandLine;

namespace Vlc.Cli.Tests.Commands;

public sealed class HelpTests
{
    public static TheoryData<string> Commands => [.. VlcCommandLine.Root.Subcommands.Select(command => command.Name)];

    [Fact]
    public async Task The_root_names_every_command()
    {
        CommandRun run = await CommandRun.Succeeding("--help");
        string[] expected =
        [
            "index", "tune", "query", "add", "remove", "compact", "eval", "inspect", "convert", "info", "reconstruct", "verify", "test",
            "test-gpu", "devices", "demo",
        ];
        Assert.Equal(expected, VlcCommandLine.Root.Subcommands.Select(command => command.Name));
        Assert.All(expected, name => Assert.Contains($"  {name} ", run.Output, StringComparison.Ordinal));
        Assert.Empty(run.Error);
    }

    [Theory]
    [MemberData(nameof(Commands))]
    public async Task Help_explains_every_option(string name)
    {
        CommandRun run = await CommandRun.Succeeding(name, "--help");
        Command command = VlcCommandLine.Root.Subcommands.Single(candidate => candidate.Name == name);
        string[] shared = ["--json", "--quiet", "--no-color", "--threads"];
        string[] names = [.. command.Options.Select(option => option.Name), .. shared];
        Assert.All(names, option => Assert.Contains(option, run.Output, StringComparison.Ordinal));
        Assert.All(
            command.Options, option => Assert.False(string.IsNullOrWhiteSpace(option.Description), $"{option.Name} has no description"));
        Assert.All(
            command.Options.Where(option => option.ValueType != typeof(bool)),
            option => Assert.True(option.HelpName is not null, $"{option.Name} has no value name"));
    }
}
