using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Vlc.Cli.Commands;

/// <summary>The document that <c>--json</c> prints for a failure.</summary>
internal sealed record ErrorDocument(ErrorBody Error);

/// <param name="Code">The exit code by name.</param>
/// <param name="Message">What standard error says too.</param>
internal sealed record ErrorBody(ExitCode Code, string Message);

/// <summary>Every document that <c>--json</c> prints.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DictionaryKeyPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    Converters = [typeof(CamelCaseExitCode)])]
[JsonSerializable(typeof(ErrorDocument))]
[JsonSerializable(typeof(IndexResult))]
[JsonSerializable(typeof(AddResult))]
[JsonSerializable(typeof(RemoveResult))]
[JsonSerializable(typeof(CompactResult))]
[JsonSerializable(typeof(TuneResult))]
[JsonSerializable(typeof(QueryResult))]
[JsonSerializable(typeof(QueryNeighbors))]
[JsonSerializable(typeof(RetrievalDemonstrationResult))]
[JsonSerializable(typeof(EvalResult))]
[JsonSerializable(typeof(InspectResult))]
[JsonSerializable(typeof(ConvertResult))]
[JsonSerializable(typeof(InfoResult))]
[JsonSerializable(typeof(EnvironmentResult))]
[JsonSerializable(typeof(ReconstructResult))]
[JsonSerializable(typeof(VerifyResult))]
[JsonSerializable(typeof(TestResult))]
[JsonSerializable(typeof(TestGpuResult))]
[JsonSerializable(typeof(DevicesResult))]
[JsonSerializable(typeof(DemoResult))]
internal sealed partial class ResultJsonContext : JsonSerializerContext
{
    /// <summary>The context to write with: text stays readable, since no document of ours becomes part of a web page.</summary>
    public static ResultJsonContext Readable =>
        field ??= new(new JsonSerializerOptions(Default.Options) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
}

/// <summary>Exit codes as words: badInput.</summary>
internal sealed class CamelCaseExitCode() : JsonStringEnumConverter<ExitCode>(JsonNamingPolicy.CamelCase);
