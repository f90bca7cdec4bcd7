namespace Vlc.Formats.Hdf5;

/// <summary>
/// Finds objects by path, through soft and external links, and lists the datasets of a file. Owns the files that external links lead to.
/// </summary>
internal sealed class Hdf5Objects : IDisposable
{
    // The library's own limit on links that lead to links.
    private const int MaxLinks = 16;

    private const int MaxObjects = 10_000, MaxDepth = 32;

    private readonly Hdf5File _main;
    private readonly Dictionary<string, Hdf5File> _external = [];

    public Hdf5Objects(Hdf5File main)
    {
        _main = main;
    }

    /// <summary>The object at a path; null where a part of it is missing.</summary>
    /// <exception cref="VlcFormatException">A link leads to itself, or to a file that is missing.</exception>
    public ObjectHeader? Find(string path)
    {
        int links = 0;
        return Find(_main, _main.Root, path, ref links);
    }

    /// <summary>All datasets that hard links lead to, by path; the first <see cref="MaxObjects"/> objects are looked at.</summary>
    public IReadOnlyList<Dataset> Datasets()
    {
        List<Dataset> found = [];
        HashSet<long> seen = [_main.Root];
        Queue<(long Address, string Path, int Depth)> open = new([(_main.Root, "", 0)]);
        while (open.TryDequeue(out (long Address, string Path, int Depth) next) && seen.Count < MaxObjects)
        {
            ObjectHeader header = new(_main, next.Address);
            if (Group.From(header) is { } group)
            {
                foreach (Link link in group.Links)
                {
                    if (link.Address is { } address && next.Depth < MaxDepth && seen.Add(address))
                    {
                        open.Enqueue((address, next.Path.Length == 0 ? link.Name : $"{next.Path}/{link.Name}", next.Depth + 1));
                    }
                }
            }
            else if (Dataset.From(header, next.Path) is { } dataset)
            {
                found.Add(dataset);
            }
        }

        return found;
    }

    public void Dispose()
    {
        foreach (Hdf5File file in _external.Values) file.Dispose();
        _main.Dispose();
    }

    private ObjectHeader? Find(Hdf5File file, long start, string path, ref int links)
    {
        ObjectHeader header = new(file, path.StartsWith('/') ? file.Root : start);
        foreach (string part in path.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            if (part == ".") continue;
            Link? link = Group.From(header)?.Links.FirstOrDefault(link => link.Name == part);
            if (link is null) return null;
            ObjectHeader? next = Follow(header, link, ref links);
            if (next is null) return null;
            header = next;
        }

        return header;
    }

    private ObjectHeader? Follow(ObjectHeader group, Link link, ref int links)
    {
        if (link.Address is { } address) return new ObjectHeader(group.File, address);
        if (++links > MaxLinks)
        {
            throw new VlcFormatException(
                group.File.Path, $"link '{link.Name}'", $"at most {MaxLinks} links that lead to links", "more, or a loop",
                "Name the dataset itself.");
        }

        if (link.ExternalFile is null) return Find(group.File, group.Address, link.Path!, ref links);
        Hdf5File other = External(group.File, link);
        return Find(other, other.Root, link.Path!, ref links);
    }

    private Hdf5File External(Hdf5File from, Link link)
    {
        string folder = Path.GetDirectoryName(Path.GetFullPath(from.Path))!;
        string path = Path.GetFullPath(link.ExternalFile!, folder);

        // As the library does: a file that has moved together with this one is found beside it.
        if (!File.Exists(path)) path = Path.Combine(folder, Path.GetFileName(link.ExternalFile!));
        if (_external.TryGetValue(path, out Hdf5File? open)) return open;
        if (!File.Exists(path))
        {
            throw new VlcFormatException(
                from.Path, $"link '{link.Name}'", $"the file '{link.ExternalFile}'", "no such file", "Put it beside this one.");
        }

        return _external[path] = Hdf5File.Open(path);
    }
}
