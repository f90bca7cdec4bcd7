using CsCheck;
using Vlc.Indexing;
using Vlc.Codecs;
using Vlc.Tests;

namespace Vlc.Core.Tests.Anchors;

public sealed class AssignmentTests
{
    [Fact]
    public void Every_row_is_assigned_to_its_nearest_anchor() =>
        Gen.Select(Gen.ULong, Gen.Int[4, 150], Gen.Int[1, 40], Gen.Int[1, 4]).Sample(
            (seed, count, dimension, anchors) =>
            {
                using TemporaryFolder folder = new();
                float[] rows = Datasets.Clusters(count, dimension, 5, seed);
                string path = Datasets.Build(
                    folder, rows, dimension, new IndexOptions { Codec = CodecKind.None, Training = Datasets.Training(anchors, seed) });
                var raw = new RawIndex(path);
                for (int row = 0; row < count; row++)
                {
                    double own = Distance(row, raw.Assignments[row]), best = Enumerable.Range(0, raw.M).Min(cell => Distance(row, cell));
                    double scale = Enumerable.Range(0, dimension).Sum(k => Math.Pow(rows[(row * dimension) + k], 2)) + best;
                    Assert.True(own <= best + (1e-5 * scale), $"row {row}: {own} to its anchor, {best} to the nearest");
                }

                double Distance(int row, int cell) => Enumerable.Range(0, dimension).Sum(
                    k => Math.Pow(rows[(row * dimension) + k] - (raw.Anchors[(cell * dimension) + k] / raw.Scale), 2));
            },
            iter: 60, threads: 1);
}
