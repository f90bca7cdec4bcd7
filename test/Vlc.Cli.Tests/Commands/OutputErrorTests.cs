using System.Text;

namespace Vlc.Cli.Tests.Commands;

/// <summary>Standard output that is full or closed.</summary>
public sealed class OutputErrorTests
{
    [Theory]
    [InlineData("devices", "--json")]
    [InlineData("devices")]
    public async Task A_result_that_cannot_be_written_is_exit_1_with_one_line(params string[] args)
    {
        using var full = new FullWriter();
        using StringWriter error = new();
        int code = await VlcCommandLine.InvokeAsync(args, full, error, TestContext.Current.CancellationToken);
        Assert.Equal(1, code);
        string line = Assert.Single(error.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
        Assert.Equal("vlc: The result could not be written to standard output: No space left on device", line);
    }

    [Fact]
    public async Task A_failure_that_cannot_be_written_as_a_document_keeps_its_exit_code()
    {
        using var full = new FullWriter();
        using StringWriter error = new();
        int code = await VlcCommandLine.InvokeAsync(
            ["info", "--idx", "there-is-no-such-index", "--json"], full, error, TestContext.Current.CancellationToken);
        Assert.Equal(3, code);
        Assert.StartsWith("vlc: There is no index", error.ToString(), StringComparison.Ordinal);
    }

    private sealed class FullWriter : TextWriter
    {
        public override Encoding Encoding => Encoding.UTF8;

        public override void Write(char value) => throw new IOException("No space left on device");
    }
}
