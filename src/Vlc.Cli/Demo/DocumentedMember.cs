namespace Vlc.Cli.Demo;

/// <summary>One member of a reference pack and what its documentation says, markup removed.</summary>
/// <param name="Id">Documentation comment id: <c>M:System.IO.File.Delete(System.String)</c>.</param>
/// <param name="Summary">Text of <c>summary</c>.</param>
/// <param name="Details">Text of parameters, type parameters, return value, value and remarks.</param>
internal sealed record DocumentedMember(string Id, string Summary, string Details);
