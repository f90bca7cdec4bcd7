using Vlc.Numerics.Kernels;
using Vlc.Numerics.Memory;

namespace Vlc.Numerics.Tests.Kernels;

public sealed class TrellisFilterSupportTests
{
    [Fact]
    public void A_machine_without_the_instructions_is_told_so()
    {
        Assert.Equal(InstructionSets.Level >= InstructionSetLevel.Vector128, TrellisFilter.IsSupported);
        if (TrellisFilter.IsSupported) return;
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(path, new byte[1]);
            using var file = new MappedFile(path);
            using var filter = new TrellisFilter();
            Assert.Throws<PlatformNotSupportedException>(() => filter.NearByDistance(
                new CodeRows(file, 0, 1, 1), [], TrellisTables.Designed, [1], [1], new FilterQueries([1], 1, 1, [0], [1]), new int[1],
                new int[1]));
        }
        finally
        {
            File.Delete(path);
        }
    }
}
