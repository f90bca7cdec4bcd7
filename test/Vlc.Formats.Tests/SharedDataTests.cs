using Vlc.Tests;
using Vlc.Vectors;

namespace Vlc.Formats.Tests;

public sealed class SharedDataTests
{
    [Theory]
    [InlineData("sift-photos-300k.base.bvecs", 300_000, 128, ElementType.UInt8)]
    [InlineData("sift-photos.query.bvecs", 1_000, 128, ElementType.UInt8)]
    [InlineData("words-64k-200d.base.npy", 64_003, 200, ElementType.Float16)]
    [InlineData("words-64k-200d.query.npy", 1_000, 200, ElementType.Float32)]
    [InlineData("paragraphs-60k-384d.base.npy", 60_000, 384, ElementType.Float16)]
    [InlineData("paragraphs-60k-384d.query.npy", 1_000, 384, ElementType.Float32)]
    [InlineData("mnist-30k-784d.base.npy", 30_000, 784, ElementType.UInt8)]
    [InlineData("mnist-784d.query.npy", 1_000, 784, ElementType.UInt8)]
    public void Real_files_have_the_shape_that_their_readme_states(string name, long count, int dimension, ElementType type)
    {
        using VectorSource source = Samples.Open(RepositoryPaths.SharedData(name));
        Assert.Equal((count, dimension, type), (source.Count, source.Dimension, source.ElementType));
        float[] block = new float[4096 * dimension];
        for (long start = 0; start < count; start += 4096)
        {
            source.Read(start, (int)long.Min(4096, count - start), block);
        }
    }
}
