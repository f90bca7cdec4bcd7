using System.Runtime.CompilerServices;

namespace Vlc.Numerics.Kernels;

/// <content>How the axes that fill a register are read: constants of a layout.</content>
public static unsafe partial class ParityScan
{
    /// <summary>The next address on a 64-byte boundary, for which pinned arrays have room.</summary>
    internal static byte* Aligned(byte* address) => (byte*)(((nint)address + 63) & ~(nint)63);

    /// <summary>A zeroed array that does not move, with room for so many structures on a 64-byte boundary.</summary>
    private static byte[] Pinned<TStep>(int steps, out TStep* first)
        where TStep : unmanaged
    {
        byte[] array = GC.AllocateArray<byte>((steps * sizeof(TStep)) + 64, pinned: true);
        first = (TStep*)Aligned((byte*)Unsafe.AsPointer(ref array[0]));
        return array;
    }

    /// <summary>Where the fields of a group are.</summary>
    private static Group[] Groups(ParityLayout layout)
    {
        var groups = new List<Group>();
        foreach (ParityLayout.Run run in layout.Runs)
        {
            for (int g = 0; g < run.Count; g++)
            {
                int restStart = run.RestStart + (g * run.Rest), coarseStart = run.CoarseStart + (g * run.Coarse);
                groups.Add(new Group(run.Bits, run.Coarse, run.Rest, run.Parities, restStart, coarseStart));
            }
        }

        return [.. groups];
    }

    /// <summary>A group of 8 axes.</summary>
    /// <param name="Bits">b.</param>
    /// <param name="Coarse">c.</param>
    /// <param name="Rest">r.</param>
    /// <param name="Parities">K.</param>
    /// <param name="RestStart">First byte of remaining level bits in a record.</param>
    /// <param name="CoarseStart">First coarse byte of a row.</param>
    private readonly record struct Group(int Bits, int Coarse, int Rest, int Parities, int RestStart, int CoarseStart)
    {
        public int Book => ParityTables.BookOf(Bits);

        /// <summary>Remaining bits of an entry's number are above the subset.</summary>
        public byte RestMask => (byte)(((1 << Rest) - 1) << Parities);

        /// <summary>Coarse bits are above those.</summary>
        public byte CoarseMask => (byte)(((1 << Coarse) - 1) << (Parities + Rest));
    }
}
