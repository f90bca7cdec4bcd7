using System.Buffers.Binary;
using Vlc.Formats.Hdf5;
using Vlc.Tests;

namespace Vlc.Formats.Tests;

public sealed class ContainerFuzzTests
{
    private static readonly string s_fixtures = Path.Combine(RepositoryPaths.Root, "test", "Vlc.Formats.Tests", "Fixtures");

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_damaged_hdf5_file_is_read_or_refused(bool repaired)
    {
        (string File, string Dataset)[] files =
        [
            ("filters_classic", "gzip_shuffle_fletcher32"), ("filters_latest", "lzf_shuffle_fletcher32"), ("growing_classic", "down_gzip"),
            ("growing_latest", "down_gzip"), ("growing_latest", "both"), ("growing_latest", "to_a_limit"), ("indexes", "paged"),
            ("indexes", "implicit"), ("indexes", "super_blocks"), ("indexes", "deep_tree"), ("links", "many/a_link_with_a_long_name_47"),
            ("links_latest", "many/a_link_with_a_long_name_47"), ("types_latest", "bfloat16"), ("masked_latest", "masked"),
            ("partial", "gzip"), ("links", "x"), ("beside", "vectors"),
        ];
        (byte[] Bytes, VectorFileOptions Options)[] seeds = [.. files.Select(file => (
            File.ReadAllBytes(Path.Combine(s_fixtures, "hdf5", file.File + ".h5")), new VectorFileOptions { Dataset = file.Dataset }))];
        (int Start, int At)[][] checksums = [.. seeds.Select(seed => Checksums(seed.Bytes))];
        Assert.True(checksums.Count(places => places.Length > 3) > 5);
        int refused = Mutations.Refused(seeds, ".h5", Mutations.Count / 2, repaired ? Repair : null);
        Assert.InRange(refused, Mutations.Count / 40, Mutations.Count / 2);

        void Repair(int seed, byte[] bytes)
        {
            foreach ((int start, int at) in checksums[seed])
            {
                BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(at), Checksum.Lookup3(bytes.AsSpan(start..at)));
            }
        }
    }

    [Fact]
    public void A_damaged_parquet_file_is_read_or_refused()
    {
        (string File, string? Column)[] files =
        [
            ("arrow_v1_snappy", "float32"), ("arrow_v2_zstd", "float16"), ("arrow_v2_gzip", "float64"), ("arrow_v1_brotli_crc", "int8"),
            ("arrow_v1_lz4_small_pages", "float32"), ("arrow_v2_none_crc", "int64"),
            ("arrow_fixed_groups", "uint8"), ("arrow_fixed_v2_split", "float32"),
            ("arrow_fixed_v2_split", "int32"), ("duckdb", null), ("duckdb_v2", "doc.vector"), ("duckdb_lz4", null), ("duckdb_wide", null),
            ("polars_zstd", "array"), ("legacy", "legacy"),
        ];
        Refuse(files, "parquet", ".parquet");
    }

    [Fact]
    public void A_damaged_arrow_file_is_read_or_refused()
    {
        (string File, string? Column)[] files =
        [
            ("polars_uncompressed", "embedding"), ("polars_lz4", "array"), ("polars_zstd", "embedding"), ("arrow_rs_stream", "float16"),
            ("arrow_rs_stream", "int64"), ("js_stream", null), ("js_file", null),
        ];
        Refuse(files, "arrow", ".arrow");
    }

    private static void Refuse((string File, string? Column)[] files, string folder, string extension)
    {
        (byte[] Bytes, VectorFileOptions Options)[] seeds = [.. files.Select(file => (
            File.ReadAllBytes(Path.Combine(s_fixtures, folder, file.File + extension)), new VectorFileOptions { Column = file.Column }))];
        int refused = Mutations.Refused(seeds, extension, Mutations.Count);
        Assert.InRange(refused, Mutations.Count / 20, Mutations.Count);
    }

    /// <summary>Where the blocks of metadata begin that end with a checksum, and where that checksum stands: found by trying.</summary>
    private static (int Start, int At)[] Checksums(byte[] file)
    {
        const int longest = 4096;
        List<(int, int)> places = [];
        string[] signatures =
            ["OHDR", "OCHK", "BTHD", "BTLF", "BTIN", "FRHP", "FHIB", "FAHD", "FADB", "EAHD", "EAIB", "EASB", "EADB", "\u0089HDF"];
        foreach (string signature in signatures)
        {
            byte[] pattern = [.. signature.Select(letter => (byte)letter)];
            for (int start = 0; start < file.Length - 8; start++)
            {
                if (!file.AsSpan(start).StartsWith(pattern)) continue;
                for (int at = start + 8; at < int.Min(file.Length - 4, start + longest); at++)
                {
                    if (BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(at)) != Checksum.Lookup3(file.AsSpan(start..at))) continue;
                    places.Add((start, at));
                    break;
                }
            }
        }

        return [.. places];
    }
}
