using System.Text;
using Vlc.Tests;
using Vlc.Vectors;

namespace Vlc.Formats.Tests;

/// <summary>What a reader made of a file: its values, keys and payload, and what it said.</summary>
internal sealed record Decided(long Count, int Dimension, float[] Values, string[] Keys, string[] Payload, string Notes)
{
    public static Decided Of(string name, string content, VectorFileOptions? options = null) =>
        Of(name, Encoding.UTF8.GetBytes(content), options);

    public static Decided Of(string name, byte[] content, VectorFileOptions? options = null)
    {
        using TemporaryFolder folder = new();
        using VectorSource source = Samples.Open(folder.Write(name, content), options);
        string[] keys = new string[source.HasKeys ? source.Count : 0], payload = new string[source.HasPayload ? source.Count : 0];
        if (source.HasKeys) source.ReadKeys(0, keys);
        if (source.HasPayload) source.ReadPayload(0, payload);
        return new Decided(source.Count, source.Dimension, Samples.ReadAll(source), keys, payload, string.Join(" ", source.Notes));
    }

    public static VlcFormatException Refused(string name, string content, VectorFileOptions? options = null) =>
        Assert.Throws<VlcFormatException>(() => Of(name, content, options));
}
