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
    public const string Simulated = "simulated";

    /// <summary>What to do where there is no device.</summary>
    public const string HowToGetOne =
        "PoCL is OpenCL on the processor (Debian, Ubuntu: apt-get install pocl-opencl-icd); vlc test-gpu --device simulated checks the "
        + "kernels without any.";

    /// <summary>Null stands for <see cref="Auto"/>.</summary>
    /// <param name="description">What runs there.</param>
    /// <param name="simulated">Whether ILGPU's simulation may be named.</param>
    public static Option<string?> Create(string description, bool simulated = false) => new("--device")
    {
        Description = description + " INDEX as vlc devices has it.",
        HelpName = $"{Auto}|{Cpu}|{Cuda}|{OpenCL}|{(simulated ? $"{Simulated}|" : "")}INDEX",
        CustomParser = result =>
        {
            string word = result.Tokens[0].Value;
            if (word is not (Auto or Cpu or Cuda or OpenCL) && !(simulated && word == Simulated) && !IsIndex(word))
            {
                result.AddError($"--device must be {Auto}, {Cpu}, {Cuda}, {OpenCL}{(simulated ? $", {Simulated}" : "")} or a number that "
                    + $"vlc devices lists, not '{word}'.");
            }

            return word;
        },
    };

    private static bool IsIndex(string word) => int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out _);
}
