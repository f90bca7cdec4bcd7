using System.CommandLine;
using System.Globalization;

namespace Vlc.Cli.Compute;

/// <summary>The option that names a device.</summary>
internal static class DeviceOption
{
    public const string Auto = "auto";
    public const string Cpu = "cpu";
    public const string Cuda = "cuda";
    public const string OpenCL = "opencl";

    /// <summary>Null stands for <see cref="Auto"/>.</summary>
    public static Option<string?> Create(string description) => new("--device")
    {
        Description = description + " INDEX as vlc devices has it.",
        HelpName = $"{Auto}|{Cpu}|{Cuda}|{OpenCL}|INDEX",
        CustomParser = result =>
        {
            string word = result.Tokens[0].Value;
            if (word is not (Auto or Cpu or Cuda or OpenCL) && !IsIndex(word))
            {
                result.AddError($"--device must be {Auto}, {Cpu}, {Cuda}, {OpenCL} or a number that vlc devices lists, not '{word}'.");
            }

            return word;
        },
    };

    private static bool IsIndex(string word) => int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out _);
}
