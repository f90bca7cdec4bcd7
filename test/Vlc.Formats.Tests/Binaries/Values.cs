using Vlc.Vectors;

namespace Vlc.Formats.Tests.Binaries;

/// <summary>The matrix that the fixtures hold, and comparing with it.</summary>
internal static class Values
{
    public const int Rows = 5, Columns = 4;

    /// <summary>Row i, column j is i + j / 4.</summary>
    public static float[] Matrix { get; } = [.. Enumerable.Range(0, Rows * Columns).Select(at => (at / Columns) + (at % Columns * 0.25f))];

    public static void AssertMatrix(VectorSource source) => AssertRows(Matrix, source);

    /// <summary>Compares all rows, read at once, in blocks and one by one from the end.</summary>
    public static void AssertRows(float[] expected, VectorSource source)
    {
        Assert.Equal(expected.Length, source.Count * source.Dimension);
        Assert.Equal(expected, Samples.ReadAll(source));
        float[] row = new float[source.Dimension];
        for (int i = (int)source.Count - 1; i >= 0; i--)
        {
            source.Read(i, 1, row);
            Assert.Equal(expected[(i * row.Length)..((i + 1) * row.Length)], row);
        }
    }

    public static string[] Keys(VectorSource source)
    {
        Assert.True(source.HasKeys);
        string[] keys = new string[source.Count];
        source.ReadKeys(0, keys);
        string[] last = new string[1];
        source.ReadKeys(source.Count - 1, last);
        Assert.Equal(keys[^1], last[0]);
        return keys;
    }

    public static string[] Payload(VectorSource source)
    {
        Assert.True(source.HasPayload);
        string[] payload = new string[source.Count];
        source.ReadPayload(0, payload);
        return payload;
    }

    /// <summary>The matrix without the file's keys, and a word of it.</summary>
    public static void AssertKeyless(string path)
    {
        using VectorSource source = Samples.Open(path, new VectorFileOptions { KeyColumn = "" });
        AssertMatrix(source);
        Assert.False(source.HasKeys);
        Assert.Contains(source.Notes, note => note.Contains("keys; they were left", StringComparison.Ordinal));
    }

    public static VlcFormatException AssertRefused(string path, params string[] parts) => AssertRefused(path, null, parts);

    public static VlcFormatException AssertRefused(string path, VectorFileOptions? options, params string[] parts)
    {
        VlcFormatException exception = Assert.Throws<VlcFormatException>(() =>
        {
            using VectorSource source = Samples.Open(path, options);
            Samples.ReadAll(source);
            if (source.HasKeys) source.ReadKeys(0, new string[source.Count]);
            if (source.HasPayload) source.ReadPayload(0, new string[source.Count]);
        });
        foreach (string part in parts) Assert.Contains(part, exception.Message, StringComparison.Ordinal);
        return exception;
    }
}
