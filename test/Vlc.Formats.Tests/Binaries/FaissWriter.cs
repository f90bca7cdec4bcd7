using System.Text;

namespace Vlc.Formats.Tests.Binaries;

/// <summary>
/// Writes FAISS index files field by field, after faiss/impl/index_write.cpp: little-endian, WRITE1 is the field, WRITEVECTOR a size_t
/// count and the elements, WRITEXBVECTOR the same with the count in units of four bytes. No FAISS is here to write them.
/// </summary>
internal sealed class FaissWriter
{
    private readonly BinaryWriter _writer;

    private FaissWriter(BinaryWriter writer) => _writer = writer;

    public static byte[] File(Action<FaissWriter> write)
    {
        using MemoryStream stream = new();
        using BinaryWriter writer = new(stream);
        write(new FaissWriter(writer));
        return stream.ToArray();
    }

    /// <summary>IndexFlat: fourcc, header, the vectors counted in floats.</summary>
    public FaissWriter Flat(float[] rows, int dimension, bool innerProduct = false)
    {
        Kind(innerProduct ? "IxFI" : "IxF2");
        Header(dimension, rows.Length / dimension, innerProduct ? 0 : 1);
        return Vector(rows);
    }

    /// <summary>
    /// IndexScalarQuantizer: qtype, rangestat, rangestat_arg (int, int, float), d and code_size (size_t), trained, codes.
    /// </summary>
    public FaissWriter ScalarQuantizer(int type, int dimension, int codeSize, float[] trained, byte[] codes)
    {
        Kind("IxSQ");
        Header(dimension, codes.Length / codeSize, 1);
        _writer.Write(type);
        _writer.Write(0);
        _writer.Write(0f);
        _writer.Write((long)dimension);
        _writer.Write((long)codeSize);
        Vector(trained);
        return Vector(codes);
    }

    /// <summary>IndexHNSWFlat: the graph's vectors (double, int, int, size_t, int), five ints, then the storage.</summary>
    public FaissWriter Graph(string kind, int dimension, int count, Action<FaissWriter> storage)
    {
        Kind(kind);
        Header(dimension, count, 1);
        if (kind == "IHNc")
        {
            _writer.Write(true);    // keep_max_size_level0
            _writer.Write(false);   // base_level_only
            _writer.Write(32);      // num_base_level_search_entrypoints
        }

        Vector([0.9, 0.1]);         // assign_probas
        Vector([0, 64, 96]);        // cum_nneighbor_per_level
        Vector(Enumerable.Repeat(1, count).ToArray());                          // levels
        Vector(Enumerable.Range(0, count + 1).Select(i => 64L * i).ToArray());  // offsets
        Vector(Enumerable.Repeat(-1, 64 * count).ToArray());                    // neighbors
        _writer.Write(0);           // entry_point
        _writer.Write(0);           // max_level
        _writer.Write(40);          // efConstruction
        _writer.Write(16);          // efSearch
        _writer.Write(1);           // upper_beam
        storage(this);
        return this;
    }

    /// <summary>IndexIDMap or IndexIDMap2: the index, then id_map.</summary>
    public FaissWriter IdentifierMap(string kind, int dimension, long[] ids, Action<FaissWriter> index)
    {
        Kind(kind);
        Header(dimension, ids.Length, 1);
        index(this);
        return Vector(ids);
    }

    /// <summary>IndexPreTransform: the number of transforms (int), each, then the index.</summary>
    public FaissWriter PreTransform(int dimension, int count, int transforms, Action<FaissWriter> rest)
    {
        Kind("IxPT");
        Header(dimension, count, 1);
        _writer.Write(transforms);
        rest(this);
        return this;
    }

    /// <summary>A LinearTransform (rrot, LTra): have_bias, A, b; then d_in, d_out (int) and is_trained.</summary>
    public FaissWriter Linear(string kind, int input, int output, float[] matrix, float[] bias)
    {
        Kind(kind);
        if (kind == "PcAm")
        {
            _writer.Write(0f);      // eigen_power
            _writer.Write(false);   // random_rotation
            _writer.Write(0);       // balanced_bins
            Vector(new float[input]);           // mean
            Vector(new float[input]);           // eigenvalues
            Vector(new float[input * input]);   // PCAMat
        }

        _writer.Write(bias.Length > 0);
        Vector(matrix);
        Vector(bias);
        return Dimensions(input, output);
    }

    /// <summary>A transform with one field before its dimensions.</summary>
    public FaissWriter Centering(float[] mean)
    {
        Kind("VCnt");
        Vector(mean);
        return Dimensions(mean.Length, mean.Length);
    }

    public FaissWriter Normalization(int dimension)
    {
        Kind("VNrm");
        _writer.Write(2f);
        return Dimensions(dimension, dimension);
    }

    public FaissWriter Remap(int input, int[] map)
    {
        Kind("RmDT");
        Vector(map);
        return Dimensions(input, map.Length);
    }

    /// <summary>IndexIVFFlat: nlist, nprobe (size_t), the quantizer, the direct map (char and a vector), then the lists.</summary>
    public FaissWriter InvertedLists(int dimension, float[] centroids, (long[] Ids, float[] Rows)[] lists, bool sparse, byte directMap = 0)
    {
        Kind("IwFl");
        Header(dimension, lists.Sum(list => list.Ids.Length), 0);
        _writer.Write((long)lists.Length);
        _writer.Write(1L);
        Flat(centroids, dimension);
        _writer.Write(directMap);
        Vector(directMap == 1 ? [.. Enumerable.Range(0, lists.Sum(list => list.Ids.Length)).Select(i => (long)i)] : Array.Empty<long>());
        if (directMap == 2)
        {
            // A vector of pairs of int64: the count is that of pairs.
            _writer.Write(2L);
            foreach (long value in (long[])[1, 2, 3, 4]) _writer.Write(value);
        }

        Kind("ilar");
        _writer.Write((long)lists.Length);
        _writer.Write((long)dimension * sizeof(float));
        Kind(sparse ? "sprs" : "full");
        if (sparse)
        {
            Vector(
                lists.Index().Where(list => list.Item.Ids.Length > 0)
                    .SelectMany(list => (long[])[list.Index, list.Item.Ids.Length]).ToArray());
        }
        else Vector(lists.Select(list => (long)list.Ids.Length).ToArray());
        foreach ((long[] ids, float[] rows) in lists)
        {
            _writer.Write(Samples.Bytes(rows));
            _writer.Write(Samples.Bytes(ids));
        }

        return this;
    }

    /// <summary>A fourcc that needs nothing more to be refused.</summary>
    public FaissWriter Other(string kind, int dimension, int count)
    {
        Kind(kind);
        Header(dimension, count, 1);
        return this;
    }

    private void Kind(string kind) => _writer.Write(Encoding.ASCII.GetBytes(kind));

    /// <summary>d (int), ntotal, two unused fields of 2^20 (idx_t), is_trained (bool), metric_type (int).</summary>
    private void Header(int dimension, long count, int metric)
    {
        _writer.Write(dimension);
        _writer.Write(count);
        _writer.Write(1L << 20);
        _writer.Write(1L << 20);
        _writer.Write(true);
        _writer.Write(metric);
    }

    private FaissWriter Dimensions(int input, int output)
    {
        _writer.Write(input);
        _writer.Write(output);
        _writer.Write(true);
        return this;
    }

    private FaissWriter Vector<T>(T[] values)
        where T : unmanaged
    {
        _writer.Write((long)values.Length);
        _writer.Write(Samples.Bytes(values));
        return this;
    }
}
