using System.Text;
using Vlc.Formats.Archives;
using Vlc.Formats.Binary;
using Vlc.Vectors;

namespace Vlc.Formats.Pickle;

/// <summary>
/// What torch.save writes: a zip archive with a pickle (data.pkl) and a member for each storage, stored without compression. The pickle is
/// parsed as data, the tensor that is named, or the only two-dimensional one, is read where it lies.
/// </summary>
internal sealed class TorchFormat : VectorFileFormat
{
    private const string PickleMember = "/data.pkl";

    public override string Name => "torch";

    public override IReadOnlyList<string> Extensions { get; } = [".pt", ".pth"];

    public override Recognition Recognize(FileSample sample) =>
        sample.Head is [(byte)'P', (byte)'K', 3, 4, ..] && sample.Head.IndexOf("/data.pkl"u8) >= 0 ? Recognition.Certain : Recognition.None;

    public override VectorSource Open(string path, VectorFileOptions options)
    {
        InputFile archive = new(path);
        try
        {
            Span<byte> head = stackalloc byte[2];
            // Before torch 1.6 there was no archive.
            if (archive.Read(head, 0) == 2 && head is [0x80, _])
            {
                archive.Dispose();
                return new PickleFormat().Open(path, options);
            }

            return Open(archive, options);
        }
        catch
        {
            archive.Dispose();
            throw;
        }
    }

    public override IReadOnlyList<FilePart> List(string path, VectorFileOptions options)
    {
        using InputFile archive = new(path);
        Span<byte> head = stackalloc byte[2];
        if (archive.Read(head, 0) == 2 && head is [0x80, _]) return new PickleFormat().List(path, options);
        (_, _, ZipMember data, object? root) = Load(archive);
        using (data) return PickleOpening.List(archive, root, options);
    }

    /// <summary>
    /// The archive's members, the folder that all are in, and what its pickle holds; the caller disposes of the pickle's member.
    /// </summary>
    private static (Dictionary<string, ZipEntry> Members, string Folder, ZipMember Data, object? Root) Load(InputFile archive)
    {
        Dictionary<string, ZipEntry> members = [];
        foreach (ZipEntry entry in ZipDirectory.Read(archive)) members[entry.Name] = entry;
        string pickle = members.Keys.FirstOrDefault(name => name.EndsWith(PickleMember, StringComparison.Ordinal))
            ?? throw new VlcFormatException(archive.Path, "archive", "a member data.pkl", "none", "Is it a file of torch.save?");
        string folder = pickle[..^PickleMember.Length];
        if (members.ContainsKey(folder + "/constants.pkl"))
        {
            throw new VlcFormatException(
                archive.Path, "archive", "tensors", "a TorchScript program",
                "Save the tensor: torch.save(torch.jit.load(f).state_dict()['name'], 'v.pt').");
        }

        ThrowIfBigEndian(archive, members.GetValueOrDefault(folder + "/byteorder"));
        ThrowIfCompressed(archive, members[pickle]);
        ZipMember data = ZipMember.Open(archive, members[pickle]);
        try
        {
            return (
                members, folder, data,
                new PickleMachine(new PickleReader(data.File, data.Offset, data.End), TorchStorages.Persistent(archive)).Load());
        }
        catch
        {
            data.Dispose();
            throw;
        }
    }

    private static VectorSource Open(InputFile archive, VectorFileOptions options)
    {
        (Dictionary<string, ZipEntry> members, string folder, ZipMember data, object? root) = Load(archive);
        Dictionary<string, StoredNumbers> located = [];
        try
        {
            return PickleOpening.Open(archive, root, options, Locate, data);
        }
        catch
        {
            data.Dispose();
            throw;
        }

        StoredNumbers Locate(TorchStorage storage)
        {
            if (located.TryGetValue(storage.Key, out StoredNumbers numbers)) return numbers;
            ZipEntry entry = members.GetValueOrDefault($"{folder}/data/{storage.Key}")
                ?? throw new VlcFormatException(archive.Path, "archive", $"a member data/{storage.Key}", "none", "The file is damaged.");
            ThrowIfCompressed(archive, entry);
            using ZipMember member = ZipMember.Open(archive, entry);
            if (member.End - member.Offset < (Int128)storage.Count * TorchStorages.ElementBytes(storage.Type))
            {
                throw new VlcFormatException(
                    archive.Path, $"'{entry.Name}'", $"{storage.Count} elements", $"{member.End - member.Offset} bytes",
                    "The file is damaged.");
            }

            return located[storage.Key] = new StoredNumbers(
                archive, member.Offset, null, PickleRows.TypeOf(storage) ?? ElementType.Float32, BigEndian: false);
        }
    }

    private static void ThrowIfCompressed(InputFile archive, ZipEntry entry)
    {
        if (entry.Method != 0)
        {
            throw new VlcFormatException(
                archive.Path, $"'{entry.Name}'", "a stored member, as torch writes it", "a compressed one",
                "Load it with torch and save it again.");
        }
    }

    private static void ThrowIfBigEndian(InputFile archive, ZipEntry? entry)
    {
        if (entry is null || Encoding.ASCII.GetString(ZipMember.ReadHead(archive, entry, 16)).Trim() == "little") return;
        throw new VlcFormatException(
            archive.Path, $"'{entry.Name}'", "a little-endian file", "a big-endian one", "Save it again on another machine.");
    }
}
