using PureHDF;
using PureHDF.Filters;
using Vlc.Formats.Hdf5;
using Vlc.Tests;
using Vlc.Vectors;

namespace Vlc.Formats.Tests;

/// <summary>
/// Files of h5py and PyTables (Fixtures/hdf5/make.py), whose values follow a rule: row i, component j is (31 i + 17 j) mod 101.
/// </summary>
public sealed class Hdf5Tests
{
    private static readonly (string Variants, string[] Datasets)[] s_read =
    [
        ("types", ["f2", "f4", "f8", "u1", "i1", "i4", "big_f2", "big_f4", "big_f8", "big_i4", "bfloat16", "committed_type"]),
        ("filters", ["gzip", "gzip_shuffle", "shuffle", "fletcher32", "gzip_shuffle_fletcher32", "lzf", "lzf_shuffle_fletcher32"]),
        ("shapes", ["columns", "one", "over_the_end", "u1", "big_f8"]),
        ("growing", ["down", "down_gzip", "across", "both", "both_plain", "to_a_limit"]),
        ("masked", ["masked"]),
    ];

    public static TheoryData<string, string> Read
    {
        get
        {
            TheoryData<string, string> table = [];
            foreach (string version in (string[])["classic", "latest"])
            {
                foreach ((string variants, string[] datasets) in s_read)
                {
                    foreach (string dataset in datasets) table.Add($"{variants}_{version}", dataset);
                }
            }

            foreach (string dataset in (string[])["implicit", "paged", "super_blocks", "deep_tree", "compact"])
            {
                table.Add("indexes", dataset);
            }
            table.Add("userblock", "train");
            table.Add("blosc", "zlib");
            foreach (string links in (string[])["links", "links_latest"])
            {
                string[] paths =
                    ["a/b/vectors", "/a/b/vectors", "soft", "to_group/vectors", "a/b/relative", "external",
                        "many/a_link_with_a_long_name_47"];
                foreach (string path in paths) table.Add(links, path);
            }

            return table;
        }
    }

    public static TheoryData<string, string, string[]> Refused => new()
    {
        { "refused", "float24", ["a float of 32 bits, 7 of them exponent, 16 mantissa"] },
        { "refused", "float8", ["a float of 8 bits"] },
        { "refused", "int12", ["int of 12 bits at bit 0 of 4 bytes"] },
        { "refused", "shifted", ["int of 16 bits at bit 8 of 4 bytes"] },
        { "refused", "int64", ["int64 (60, 6)"] },
        { "refused", "szip", ["the filter szip", "h5repack -f GZIP=4 refused.h5 converted.h5"] },
        { "refused", "scaleoffset", ["the filter scaleoffset", "h5repack"] },
        { "refused", "compound", ["compound (4, 2)"] },
        { "refused", "three", ["two dimensions", "(15, 4, 6)"] },
        { "refused", "virtual", ["a virtual dataset"] },
        { "refused", "external", ["data in external files"] },
        { "blosc", "blosc", ["the filter blosc", "h5repack"] },
        { "links", "loop", ["link 'loop", "a loop"] },
        { "links_latest", "loop", ["link 'loop", "a loop"] },
        { "links", "external_loop", ["link 'external_loop'", "a loop"] },
        { "links", "external_missing", ["'missing.h5'", "no such file"] },
        { "links", "dangling", ["a dataset 'dangling'", "'a/b/vectors' float32 (60, 6)"] },
        { "types_classic", "x", ["a dataset 'x'", "'big_f2' float16, big-endian (60, 6)"] },
    };

    [Theory]
    [MemberData(nameof(Read))]
    public void A_variant_of_h5py_has_its_values(string file, string dataset)
    {
        using VectorSource source = Samples.Open(Fixture(file), new VectorFileOptions { Dataset = dataset });
        Assert.Equal(6, source.Dimension);
        Assert.Equal(Expected((int)source.Count), Samples.ReadAll(source));
        Assert.DoesNotContain(source.Notes, note => note.Contains("never written", StringComparison.Ordinal));

        // Out of order and in parts, over the borders of chunks.
        float[] part = new float[9 * 6];
        foreach (int start in (int[])[40, 3, 30, 51])
        {
            source.Read(start, 9, part);
            Assert.Equal(Expected(60)[(start * 6)..((start + 9) * 6)], part);
        }
    }

    [Theory]
    [MemberData(nameof(Refused))]
    public void What_cannot_be_read_is_refused_by_name(string file, string dataset, string[] facts)
    {
        VlcFormatException exception = Assert.Throws<VlcFormatException>(
            () => Samples.Open(Fixture(file), new VectorFileOptions { Dataset = dataset }));
        foreach (string fact in facts) Assert.Contains(fact, exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_zlib_stream_that_asks_for_a_dictionary_is_refused()
    {
        H5File content = new() { ["train"] = new H5Dataset(new float[64, 3], chunks: [64, 3]) };
        byte[] file = Samples.Hdf5(content, new H5WriteOptions(Filters: [DeflateFilter.Id]));
        int[] heads =
            [.. Enumerable.Range(0, file.Length - 1).Where(at => file[at] == 0x78 && file[at + 1] is (0x01 or 0x5E or 0x9C or 0xDA))];
        int head = Assert.Single(heads);
        // The flag FDICT, with check bits that fit it.
        file[head + 1] = 0xBB;
        using TemporaryFolder folder = new();
        using VectorSource source = Samples.Open(folder.Write("v.h5", file));
        Assert.Contains(
            "a zlib stream", Assert.Throws<VlcFormatException>(() => Samples.ReadAll(source)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Chunks_that_were_never_written_are_the_fill_value_and_are_said()
    {
        using (VectorSource source = Samples.Open(Fixture("partial"), new VectorFileOptions { Dataset = "gzip" }))
        {
            Assert.Equal([.. Expected(20), .. Enumerable.Repeat(7f, 40 * 6)], Samples.ReadAll(source));
            Assert.Contains(source.Notes, note => note.StartsWith("4 of 6 chunks", StringComparison.Ordinal));
        }

        using VectorSource empty = Samples.Open(Fixture("partial"), new VectorFileOptions { Dataset = "contiguous" });
        Assert.Equal(Enumerable.Repeat(7f, 60 * 6), Samples.ReadAll(empty));
        Assert.Contains(empty.Notes, note => note.Contains("never written", StringComparison.Ordinal));
    }

    [Fact]
    public void Datasets_of_one_dimension_beside_the_vectors_are_keys_and_payload()
    {
        using VectorSource source = Samples.Open(Fixture("beside"));
        Assert.Equal(Expected(60), Samples.ReadAll(source));
        string[] keys = new string[60], payload = new string[60];
        source.ReadKeys(0, keys);
        source.ReadPayload(0, payload);
        Assert.Equal(Enumerable.Range(0, 60).Select(i => $"key{i}"), keys);
        Assert.Equal("{\"label\":59,\"score\":14.75,\"text\":\"text 59 \u00e4\"}", payload[59]);
        Assert.Contains(source.Notes, note => note.Contains(
            "the key is 'ids', payload is 'label', 'score', 'text', left is 'other'", StringComparison.Ordinal));
        using VectorSource plain = Samples.Open(Fixture("beside"), new VectorFileOptions { KeyColumn = "" });
        Assert.False(plain.HasKeys);
    }

    [Fact]
    public void Checksums_have_the_values_of_their_definitions()
    {
        Assert.Equal(0x17770551u, Checksum.Lookup3("Four score and seven years ago"u8));
        Assert.Equal(0xdeadbeefu, Checksum.Lookup3([]));
        Assert.Equal(0x0E0E_0906u, Checksum.Fletcher32([1, 2, 3, 4, 5]));
        Assert.Equal(0xFA09_3F49u, Checksum.Fletcher32([.. Enumerable.Range(0, 2001).Select(i => (byte)(i % 251))]));
    }

    /// <summary>
    /// In a file of the newer structures every byte that counts has a checksum: without a comparison, a changed one is a wrong value.
    /// </summary>
    [Theory]
    [InlineData("filters_latest", "fletcher32")]
    [InlineData("filters_latest", "gzip")]
    public void A_file_with_a_changed_byte_is_refused_or_has_the_right_values(string file, string dataset)
    {
        byte[] good = File.ReadAllBytes(Fixture(file));
        using TemporaryFolder folder = new();
        int refused = 0;
        for (int at = 0; at < good.Length; at += 3)
        {
            byte[] bad = [.. good];
            bad[at] ^= 0x10;
            string path = folder.Write("v.h5", bad);
            try
            {
                using VectorSource source = Samples.Open(path, new VectorFileOptions { Dataset = dataset });
                Assert.Equal(Expected(60), Samples.ReadAll(source));
            }
            catch (VlcFormatException)
            {
                refused++;
            }
        }

        // The three chunks of this dataset alone have more bytes than this.
        Assert.InRange(refused, 200, good.Length);
    }

    private static string Fixture(string name) =>
        Path.Combine(RepositoryPaths.Root, "test", "Vlc.Formats.Tests", "Fixtures", "hdf5", name + ".h5");

    private static float[] Expected(int rows) =>
        [.. Enumerable.Range(0, rows * 6).Select(at => (float)(((31 * (at / 6)) + (17 * (at % 6))) % 101))];
}
