using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Vlc.Formats.Binary;
using Vlc.Vectors;

namespace Vlc.Formats.Archives;

/// <summary>
/// npz: a zip archive of npy arrays, as numpy.savez and savez_compressed write it. The vectors are the two-dimensional array that is named,
/// or the only one; an array of identifiers or words beside it becomes the keys.
/// </summary>
internal sealed class NpzFormat : VectorFileFormat
{
    private static readonly string[] KeyNames = ["ids", "id", "keys", "key", "words", "word", "vocab", "names", "name"];

    private sealed record Member(ZipEntry Entry, string Name, NpyHeader? Header)
    {
        public string Shape => Header is null ? "(not an array)" : $"{Header.Descr} ({string.Join(", ", Header.Shape)})";

        public bool IsMatrix => Header is { Shape.Count: 2 } && NpyFormat.TypeOf(Header.Descr) is not null;
    }

    public override string Name => "npz";

    public override IReadOnlyList<string> Extensions { get; } = [".npz"];

    public override Recognition Recognize(FileSample sample) =>
        sample.Head is [(byte)'P', (byte)'K', 3, 4, ..] && sample.Head[..int.Min(sample.Head.Length, 300)].IndexOf(".npy"u8) >= 0
            ? Recognition.Certain
            : Recognition.None;

    public override VectorSource Open(string path, VectorFileOptions options)
    {
        InputFile archive = new(path);
        ZipMember? content = null, keyContent = null;
        try
        {
            List<Member> members = Members(archive);
            Member vectors = Choose(path, members, options.Array ?? options.Tensor);
            content = ZipMember.Open(archive, vectors.Entry);
            string where = $"array '{vectors.Name}'";
            NpyHeader header = Read(content, path, where);
            ElementType type = NpyFormat.TypeOf(header.Descr) ?? throw new VlcFormatException(
                path, where, "f2, f4, f8, u1 or i1", $"'{header.Descr}'", "Save it with astype('float32').");
            RowLayout layout = new(
                content.Offset + header.DataOffset, header.Rows, (int)header.Columns, type, BigEndian: header.Descr[0] == '>');
            FixedStrideVectors rows = new(content.File, layout, where, content.End);
            List<string> notes = [$"Read the array '{vectors.Name}', {vectors.Shape}."];
            if (content.Note is not null) notes.Add(content.Note);
            Member? keys = ChooseKeys(path, members, vectors, header.Rows, options);
            ReadRowTexts? readKeys = null;
            if (keys is not null)
            {
                keyContent = ZipMember.Open(archive, keys.Entry);
                NpyHeader keyHeader = NpyHeader.ReadAny(keyContent.File, keyContent.Offset);
                readKeys = KeyReader(keyContent, keyHeader, keys.Name);
                notes.Add($"The keys are the array '{keys.Name}'.");
                if (keyContent.Note is not null) notes.Add(keyContent.Note);
            }

            string[] left = [.. members.Where(member => member != vectors
                && member != keys).Select(member => $"'{member.Name}' {member.Shape}")];
            if (left.Length > 0) notes.Add($"Left in the file: {string.Join(", ", left)}.");
            return new DecoratedVectors(rows, readKeys, null, notes, content, keyContent, archive);
        }
        catch
        {
            keyContent?.Dispose();
            content?.Dispose();
            archive.Dispose();
            throw;
        }
    }

    public override IReadOnlyList<FilePart> List(string path, VectorFileOptions options)
    {
        using InputFile archive = new(path);
        List<Member> members = Members(archive);
        Member? vectors = Candidates(members, options.Array ?? options.Tensor) is [Member only] ? only : null;
        return
        [
            .. members.Select(member => new FilePart(
                member.Name, member.Header?.Descr ?? "not an array", member.Header is null ? null : string.Join(" x ", member.Header.Shape),
                member == vectors
                    ? PartUse.Vector
                    : vectors?.Header is { } header && member == ChooseKeys(path, members, vectors, header.Rows, options)
                        ? PartUse.Key
                        : PartUse.Left,
                Selector: member.IsMatrix ? $"--array {member.Name}" : null)),
        ];
    }

    private static List<Member> Members(InputFile archive)
    {
        List<Member> members = [];
        foreach (ZipEntry entry in ZipDirectory.Read(archive))
        {
            if (!entry.Name.EndsWith(".npy", StringComparison.Ordinal))
            {
                members.Add(new Member(entry, entry.Name, null));
                continue;
            }

            NpyHeader? header = null;
            try
            {
                header = NpyHeader.Parse(archive.Path, ZipMember.ReadHead(archive, entry, NpyHeader.MaxBytes));
            }
            catch (VlcFormatException)
            {
                // A member that is no plain array, such as one of Python objects, is listed and left.
            }

            members.Add(new Member(entry, entry.Name[..^4], header));
        }

        return members;
    }

    private static List<Member> Candidates(List<Member> members, string? name) =>
        members.FindAll(member => name is null ? member.IsMatrix : member.Name == name && member.Header is not null);

    private static Member Choose(string path, List<Member> members, string? name)
    {
        List<Member> candidates = Candidates(members, name);
        if (candidates is [Member only]) return only;
        throw name is not null
            ? new VlcFormatException(path, "archive", $"an array '{name}'", List(members))
            : new VlcFormatException(
                path, "archive", "one two-dimensional array of f2, f4, f8, u1 or i1", candidates.Count == 0
                    ? $"none; {List(members)}"
                    : List(candidates),
                candidates.Count == 0 ? "Save the vectors with numpy.savez(f, embeddings=a)." : "Name the array with --array.");
    }

    /// <summary>The array that the options name, or the one that is called as keys are; null for none.</summary>
    private static Member? ChooseKeys(string path, List<Member> members, Member vectors, long rows, VectorFileOptions options)
    {
        if (options.KeyColumn == "") return null;
        List<Member> possible = members.FindAll(member => member != vectors && CanBeKeys(member, rows));
        return options.KeyColumn is null
            ? possible.Find(member => KeyNames.Contains(member.Name, StringComparer.OrdinalIgnoreCase))
            : possible.Find(member => member.Name == options.KeyColumn)
                ?? throw new VlcFormatException(
                    path, "archive", $"an array '{options.KeyColumn}' of {rows} integers or texts", List(members));
    }

    private static string List(List<Member> members)
    {
        const int shown = 8;
        string names = string.Join(", ", members.Take(shown).Select(member => $"'{member.Name}' {member.Shape}"));
        return members.Count == 0 ? "an empty archive" : members.Count > shown ? $"{names} and {members.Count - shown} more" : names;
    }

    private static NpyHeader Read(ZipMember content, string path, string where)
    {
        try
        {
            return NpyHeader.Read(content.File, content.Offset);
        }
        catch (VlcFormatException exception)
        {
            throw new VlcFormatException(
                path, $"{where}, {exception.Where}", exception.Expected, exception.Found, exception.Hint, exception);
        }
    }

    private static bool CanBeKeys(Member member, long rows) =>
        member.Header is { Shape: [long count] } header && count == rows && KeyBytes(header.Descr) is > 0 and <= 1 << 16;

    /// <summary>Bytes of one key: an integer, or text of a fixed length.</summary>
    private static int? KeyBytes(string descr) => descr switch
    {
        ['<' or '>' or '=' or '|', 'i' or 'u', '1' or '2' or '4' or '8'] => descr[2] - '0',
        ['<' or '>' or '=', 'U', .. string digits]
            when int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out int n) && n <= 1 << 14 => 4 * n,
        ['|', 'S', .. string digits] when int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out int n) => n,
        _ => null,
    };

    private static ReadRowTexts KeyReader(ZipMember content, NpyHeader header, string name)
    {
        int bytes = KeyBytes(header.Descr) ?? 0;
        long data = content.Offset + header.DataOffset;
        if (data + ((Int128)header.Shape[0] * bytes) != content.End)
        {
            throw new VlcFormatException(
                content.File.Path, $"array '{name}'", $"{header.Shape[0]} values of {bytes} bytes", $"{content.End - data} bytes",
                "The file is damaged.");
        }

        return (start, destination) =>
        {
            byte[] key = new byte[bytes];
            for (int i = 0; i < destination.Length; i++)
            {
                content.File.ReadExactly(key, data + ((start + i) * bytes), $"key {start + i}");
                destination[i] = KeyOf(key, header.Descr);
            }
        };
    }

    private static string KeyOf(byte[] key, string descr)
    {
        bool big = descr[0] == '>';
        switch (descr[1])
        {
            case 'U':
                Encoding utf32 = new UTF32Encoding(big, byteOrderMark: false);
                return utf32.GetString(key).TrimEnd('\0');
            case 'S':
                return Encoding.UTF8.GetString(key).TrimEnd('\0');
        }

        if (!big) Array.Reverse(key);
        ulong bits = 0;
        foreach (byte value in key) bits = (bits << 8) | value;
        if (descr[1] == 'u') return bits.ToString(CultureInfo.InvariantCulture);
        int unused = 64 - (8 * key.Length);
        return ((long)(bits << unused) >> unused).ToString(CultureInfo.InvariantCulture);
    }
}
