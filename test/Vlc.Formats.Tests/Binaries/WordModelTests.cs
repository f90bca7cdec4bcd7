using System.Text;
using Vlc.Formats.Words;
using Vlc.Tests;
using Vlc.Vectors;
using static Vlc.Formats.Tests.Binaries.Values;

namespace Vlc.Formats.Tests.Binaries;

public sealed class WordModelTests
{
    private static readonly string[] Words = ["</s>", "wörd", "two words", "b", "c"];

    [Theory]
    [InlineData("\n", "v.bin")]
    [InlineData("", "v.bin")]
    [InlineData("\n", "v.model")]
    public void A_word2vec_file_is_read(string rowEnd, string name)
    {
        string[] words = ["</s>", "wörd", "two_words", "b", "c"];
        using TemporaryFolder folder = new();
        using VectorSource source = Samples.Open(folder.Write(name, Word2Vec($"{Rows} {Columns}\n", words, rowEnd)));
        AssertMatrix(source);
        Assert.Equal(words, Keys(source));
    }

    [Fact]
    public void Words_that_are_not_wanted_as_keys_are_left()
    {
        using TemporaryFolder folder = new();
        AssertKeyless(folder.Write("v.bin", Word2Vec($"{Rows} {Columns}\n", ["a", "b", "c", "d", "e"], "\n")));
        AssertKeyless(folder.Write("m.bin", FastText(Words, Matrix, bucket: 0, minn: 0, maxn: 0)));
    }

    [Fact]
    public void Damaged_word2vec_files_are_named()
    {
        using TemporaryFolder folder = new();
        AssertRefused(folder.Write("a.bin", Word2Vec("6 4\n", Words[..1], "")), "6 rows of dimension 4");
        AssertRefused(folder.Write("b.bin", [.. Word2Vec($"{Rows} {Columns}\n", ["a", "b", "c", "d", "e"], "\n"), 1, 2]), "2 bytes more");
        AssertRefused(folder.Write("c.bin", Word2Vec($"{Rows} {Columns}\n", ["a", "b", "", "d", "e"], "\n")), "row 2");
        AssertRefused(folder.Write("d.bin", [0, 0, 128, 63, 0, 0, 128, 63]), "a line with the number of rows");
        AssertRefused(folder.Write("e.bin", "99999999999 4\na 1 2 3 4"u8.ToArray()), "99999999999 rows");
    }

    [Fact]
    public void A_fasttext_model_without_n_grams_gives_its_rows()
    {
        using TemporaryFolder folder = new();
        using VectorSource source = Samples.Open(folder.Write("m.bin", FastText(Words, Matrix, bucket: 0, minn: 0, maxn: 0)));
        AssertMatrix(source);
        Assert.Equal(Words, Keys(source));
    }

    [Fact]
    public void A_fasttext_model_with_n_grams_gives_the_mean_of_a_words_rows()
    {
        const int bucket = 7;
        float[] input = [.. Matrix, .. Enumerable.Range(0, bucket * Columns).Select(i => i * 0.5f)];
        using TemporaryFolder folder = new();
        using VectorSource source = Samples.Open(folder.Write("m.bin", FastText(Words, input, bucket, minn: 2, maxn: 3)));
        float[] expected = [.. Words.Index().SelectMany(word => Mean(word.Index, word.Item))];
        float[] actual = Samples.ReadAll(source);
        for (int i = 0; i < expected.Length; i++) Assert.InRange(actual[i], expected[i] - 1e-4f, expected[i] + 1e-4f);
        Assert.Contains(source.Notes, note => note.Contains("n-grams", StringComparison.Ordinal));

        // The oracle takes characters, not bytes, and hashes each n-gram on its own.
        float[] Mean(int index, string word)
        {
            List<long> rows = [index];
            string marked = $"<{word}>";
            if (word != "</s>")
            {
                for (int start = 0; start < marked.Length; start++)
                {
                    for (int length = 2; length <= 3 && start + length <= marked.Length; length++)
                    {
                        rows.Add(Words.Length + (Hash(marked.Substring(start, length)) % bucket));
                    }
                }
            }

            return [.. Enumerable.Range(0, Columns).Select(column => rows.Average(row => input[(row * Columns) + column]))];
        }

        static uint Hash(string text) =>
            Encoding.UTF8.GetBytes(text).Aggregate(2166136261u, (hash, value) => unchecked((hash ^ (uint)(int)(sbyte)value) * 16777619u));
    }

    [Fact]
    public void A_single_mark_is_no_n_gram()
    {
        // "<", ">" alone are left out; "a", "<a", "a>", "<a>" are the n-grams of 1 to 3 characters.
        Assert.Equal(4, FastTextVectors.Subwords("a"u8, 1, 3, 1000).Count);
    }

    [Fact]
    public void Quantized_and_damaged_models_are_refused()
    {
        using TemporaryFolder folder = new();
        AssertRefused(folder.Write("q.ftz", FastText(Words, Matrix, 0, 0, 0, quantized: true)), "a quantized or pruned one", ".vec");
        byte[] good = FastText(Words, Matrix, 0, 0, 0);
        AssertRefused(folder.Write("t.bin", good[..^40]), "within the file");
        good[4] = 9;
        AssertRefused(folder.Write("v.bin", good), "version 9");
    }

    internal static byte[] Word2Vec(string header, string[] words, string rowEnd)
    {
        List<byte> bytes = [.. Encoding.UTF8.GetBytes(header)];
        foreach ((int row, string word) in words.Index())
        {
            bytes.AddRange(Encoding.UTF8.GetBytes(word + " "));
            bytes.AddRange(Samples.Bytes(Matrix[(row * Columns)..((row + 1) * Columns)]));
            bytes.AddRange(Encoding.UTF8.GetBytes(rowEnd));
        }

        return [.. bytes];
    }

    /// <summary>
    /// A model as fasttext.cc saveModel writes it: signature, version, arguments, dictionary, input matrix; the output matrix is left out
    /// of small models.
    /// </summary>
    internal static byte[] FastText(string[] words, float[] input, int bucket, int minn, int maxn, bool quantized = false)
    {
        using MemoryStream stream = new();
        using BinaryWriter writer = new(stream);
        writer.Write(793712314);    // FASTTEXT_FILEFORMAT_MAGIC_INT32
        writer.Write(12);           // FASTTEXT_VERSION
        writer.Write(Columns);      // dim
        // ws, epoch, minCount, neg, wordNgrams, loss, model, bucket, minn, maxn, lrUpdateRate
        foreach (int argument in (int[])[5, 5, 1, 5, 1, 2, 2, bucket, minn, maxn, 100]) writer.Write(argument);
        writer.Write(1e-4);         // t
        writer.Write(words.Length); // size_
        writer.Write(words.Length); // nwords_
        writer.Write(0);            // nlabels_
        writer.Write(1000L);        // ntokens_
        writer.Write(-1L);          // pruneidx_size_
        foreach (string word in words)
        {
            writer.Write(Encoding.UTF8.GetBytes(word + "\0"));
            writer.Write(10L);      // count
            writer.Write((byte)0);  // type: word
        }

        writer.Write(quantized);    // quant_input
        writer.Write((long)input.Length / Columns);
        writer.Write((long)Columns);
        writer.Write(Samples.Bytes(input));
        writer.Write(false);        // qout
        writer.Write(0L);
        writer.Write((long)Columns);
        return stream.ToArray();
    }
}
