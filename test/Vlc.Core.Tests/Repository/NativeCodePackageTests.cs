using System.Diagnostics;
using System.IO.Compression;
using System.Runtime.InteropServices;
using Vlc.Tests;

namespace Vlc.Core.Tests.Repository;

/// <summary>
/// What the packages do to an application that is published with Native AOT (docs/aot.md). The application is a project outside the
/// repository that references the package of Vlc.Core alone, as a user's does.
/// </summary>
public sealed class NativeCodePackageTests(NativeCodePackageTests.Application application)
    : IClassFixture<NativeCodePackageTests.Application>
{
    private const string Code = "VLC0001";

    [Fact]
    public void The_package_of_the_kernels_carries_the_choice_of_instructions()
    {
        using ZipArchive package = ZipFile.OpenRead(Assert.Single(Directory.GetFiles(application.Feed, "Vlc.Numerics.*.nupkg")));
        Assert.Single(package.Entries, entry => entry.FullName == "buildTransitive/Vlc.Numerics.targets");
    }

    [Theory]
    [InlineData("linux-x64", "", "x86-64-v3", true)]
    [InlineData("linux-musl-x64", "", "x86-64-v3", true)]
    [InlineData("win-x64", "", "x86-64-v3", true)]
    [InlineData("osx-arm64", "", "", false)]
    [InlineData("linux-arm64", "", "", false)]
    [InlineData("linux-x64", "x86-64-v4", "x86-64-v4", false)]
    [InlineData("linux-x64", "x86-64", "x86-64", false)]
    [InlineData("linux-x64", "native", "native", false)]
    public void Instructions_are_chosen_for_x64_alone_with_a_warning_and_never_against_the_application(
        string runtime, string set, string expected, bool warned)
    {
        (string chosen, string messages) = application.Dotnet(
            "msbuild", "-t:VlcChooseInstructionSet", "-getProperty:IlcInstructionSet",
            $"-p:RuntimeIdentifier={runtime}", $"-p:SetLast={set}");
        Assert.Equal(expected, chosen.Trim());
        Assert.Equal(warned, messages.Contains($"warning {Code}", StringComparison.Ordinal));
    }

    /// <summary>
    /// The choice hangs on a target of the compiler's package, which only a real publication runs. It takes a minute, a linker and,
    /// the first time, the network: only where VLC_AOT is 1.
    /// </summary>
    [Fact]
    public void A_published_application_has_256_bit_vectors_unless_it_says_otherwise()
    {
        Assert.SkipUnless(Environment.GetEnvironmentVariable("VLC_AOT") == "1", "publishes with Native AOT: only where VLC_AOT=1");
        Assert.SkipUnless(RuntimeInformation.OSArchitecture == Architecture.X64, "the choice is made on x64 alone");
        Assert.Equal(("Vector256", 1), application.Publish());
        Assert.Equal(("Vector128", 0), application.Publish("-p:IlcInstructionSet=x86-64"));
    }

    /// <summary>The packages of this build in a folder of their own, and an application restored from it.</summary>
    public sealed class Application : IDisposable
    {
        private readonly TemporaryFolder _folder = new();

        public Application()
        {
            string configuration = new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name;
            foreach (string project in (string[])["Vlc.Numerics", "Vlc.Core"])
            {
                string path = Path.Combine(RepositoryPaths.Root, "src", project, $"{project}.csproj");
                Dotnet("pack", path, "-c", configuration, "--no-build", "-o", Feed);
            }

            File.WriteAllText(_folder.File("Program.cs"), "System.Console.WriteLine(Vlc.Numerics.InstructionSets.Level);");
            File.WriteAllText(
                _folder.File("app.csproj"),
                """
                <Project Sdk="Microsoft.NET.Sdk">
                  <PropertyGroup>
                    <OutputType>Exe</OutputType>
                    <TargetFramework>net10.0</TargetFramework>
                    <InvariantGlobalization>true</InvariantGlobalization>
                  </PropertyGroup>
                  <ItemGroup>
                    <PackageReference Include="Vlc.Core" Version="*" />
                  </ItemGroup>
                </Project>
                """);
            // The last file that a build reads: what it sets must win over the package too.
            File.WriteAllText(
                _folder.File("Directory.Build.targets"),
                """
                <Project>
                  <PropertyGroup Condition="'$(SetLast)' != ''">
                    <IlcInstructionSet>$(SetLast)</IlcInstructionSet>
                  </PropertyGroup>
                </Project>
                """);
            WriteSources("<clear />");
            Dotnet("restore");
        }

        public string Feed => _folder.File("feed");

        public void Dispose() => _folder.Dispose();

        /// <summary>Runs dotnet in the application's folder, fails unless it succeeds, and returns what it wrote.</summary>
        public (string Output, string Error) Dotnet(params string[] arguments)
        {
            var start = new ProcessStartInfo(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet", arguments)
            {
                WorkingDirectory = _folder.Path,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            };
            // A process that stays for the next build would keep the output open.
            start.Environment["MSBUILDDISABLENODEREUSE"] = "1";
            start.Environment["DOTNET_NOLOGO"] = "1";
            using Process process = Process.Start(start)!;
            Task<string> error = process.StandardError.ReadToEndAsync();
            string output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            Assert.True(
                process.ExitCode == 0, $"dotnet {string.Join(' ', arguments)}: exit code {process.ExitCode}\n{output}\n{error.Result}");
            return (output, error.Result);
        }

        /// <summary>Publishes with Native AOT and runs the result: what it says its level is, and how often the build warned.</summary>
        public (string Level, int Warnings) Publish(params string[] properties)
        {
            WriteSources("");
            (string output, _) = Dotnet(
                ["publish", "-c", "Release", "-p:PublishAot=true", "-o", _folder.File("published"), "-v", "quiet", .. properties]);
            using Process program = Process.Start(new ProcessStartInfo(_folder.File("published/app")) { RedirectStandardOutput = true })!;
            string level = program.StandardOutput.ReadToEnd().Trim();
            program.WaitForExit();
            return (level, output.Split($"warning {Code}").Length - 1);
        }

        /// <summary>
        /// Packages come from the feed and from those that this repository restored, so that no network is needed. They go to a folder of
        /// the application: the user's must not keep a package of a build under test.
        /// </summary>
        /// <param name="others">An element that removes the sources of the user's configuration, or nothing.</param>
        private void WriteSources(string others)
        {
            string restored = Environment.GetEnvironmentVariable("NUGET_PACKAGES")
                ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");
            File.WriteAllText(
                _folder.File("nuget.config"),
                $"""
                <configuration>
                  <config>
                    <add key="globalPackagesFolder" value="packages" />
                  </config>
                  <packageSources>
                    {others}
                    <add key="built" value="{Feed}" />
                    <add key="restored" value="{restored}" />
                  </packageSources>
                </configuration>
                """);
        }
    }
}
