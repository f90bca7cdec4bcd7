"""Makes the HDF5 fixtures with h5py and PyTables (Debian: python3-h5py, python3-tables). Row i, component j of every dataset is
(31 i + 17 j) mod 101, which every element type holds exactly. Run it in this folder."""
import h5py, numpy as np, tables

ROWS, DIM = 200, 6
V = np.array([[(31 * i + 17 * j) % 101 for j in range(DIM)] for i in range(ROWS)])
F = V.astype("f4")


def custom_float(size, sign, exponent_at, exponent, mantissa_at, mantissa, bias):
    t = h5py.h5t.IEEE_F32LE.copy()
    t.set_fields(sign, exponent_at, exponent, mantissa_at, mantissa)
    t.set_ebias(bias)
    t.set_precision(size * 8)
    t.set_size(size)
    return t


def write_as(f, name, t):
    d = h5py.h5d.create(f.id, name.encode(), t, h5py.h5s.create_simple(F.shape))
    d.write(h5py.h5s.ALL, h5py.h5s.ALL, F)


def datasets(f):
    for t in ("f2", "f4", "f8", "u1", "i1", "i4", ">f2", ">f4", ">f8", ">i4"):
        f.create_dataset(t.replace(">", "big_"), data=V.astype(t))
    write_as(f, "bfloat16", custom_float(2, 15, 7, 8, 0, 7, 127))
    f["type"] = np.dtype("f4")
    f.create_dataset("committed_type", data=F, dtype=f["type"])
    for name, o in {
        "gzip": dict(compression="gzip"), "gzip_shuffle": dict(compression="gzip", shuffle=True), "shuffle": dict(shuffle=True),
        "fletcher32": dict(fletcher32=True), "gzip_shuffle_fletcher32": dict(compression="gzip", shuffle=True, fletcher32=True),
        "lzf": dict(compression="lzf"), "lzf_shuffle_fletcher32": dict(compression="lzf", shuffle=True, fletcher32=True),
    }.items():
        f.create_dataset(name, data=F, chunks=(64, DIM), **o)
    f.create_dataset("gzip_columns", data=F, chunks=(33, 4), compression="gzip", shuffle=True)
    f.create_dataset("gzip_one", data=F, chunks=(ROWS, DIM), compression="gzip")
    f.create_dataset("chunk_over_the_end", data=F, chunks=(300, 9), maxshape=(None, None), compression="gzip")
    f.create_dataset("u1_gzip", data=V.astype("u1"), chunks=(50, 3), compression="gzip", shuffle=True)
    f.create_dataset("f8_shuffle", data=V.astype(">f8"), chunks=(50, 3), compression="gzip", shuffle=True)
    f.create_dataset("grows_down", data=F, chunks=(8, 3), maxshape=(None, DIM))
    f.create_dataset("grows_down_gzip", data=F, chunks=(3, DIM), maxshape=(None, DIM), compression="gzip")
    f.create_dataset("grows_across", data=F, chunks=(64, 2), maxshape=(ROWS, None), compression="gzip")
    f.create_dataset("grows_both", data=F, chunks=(10, 2), maxshape=(None, None), compression="gzip")
    f.create_dataset("grows_both_plain", data=F, chunks=(10, 2), maxshape=(None, None))
    f.create_dataset("grows_to_a_limit", data=F, chunks=(16, 4), maxshape=(500, 30))


def masked(name, libver):
    """Chunks whose mask says that gzip, or all of the pipeline, was not applied."""
    with h5py.File(name, "w", libver=libver) as f:
        d = f.create_dataset("masked", shape=F.shape, dtype="f4", chunks=(50, DIM), compression="gzip", shuffle=True)
        d[100:] = F[100:]
        d.id.write_direct_chunk((0, 0), F[:50].tobytes(), 0b11)
        planes = np.frombuffer(F[50:100].tobytes(), "u1").reshape(-1, 4).T.tobytes()
        d.id.write_direct_chunk((50, 0), planes, 0b10)


with h5py.File("classic.h5", "w", libver="earliest") as f:
    datasets(f)
for name in ("latest.h5",):
    with h5py.File(name, "w", libver="latest") as f:
        datasets(f)
masked("masked_classic.h5", "earliest")
masked("masked_latest.h5", "latest")

with h5py.File("early.h5", "w", libver="latest") as f:
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_chunk((32, 4))
    plist.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    d = h5py.h5d.create(f.id, b"implicit", h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple(F.shape), plist)
    d.write(h5py.h5s.ALL, h5py.h5s.ALL, F)
    f.create_dataset("paged", data=V.astype("u1"), chunks=(1, 1))
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_layout(h5py.h5d.COMPACT)
    d = h5py.h5d.create(f.id, b"compact", h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple(F.shape), plist)
    d.write(h5py.h5s.ALL, h5py.h5s.ALL, F)

with h5py.File("userblock.h5", "w", userblock_size=512) as f:
    f.create_dataset("train", data=F, chunks=(64, DIM), compression="gzip")
with open("userblock.h5", "r+b") as f:
    f.write(b"A user block." + b" " * 40)

for name, libver in (("links.h5", "earliest"), ("links_latest.h5", "latest")):
    with h5py.File(name, "w", libver=libver, track_order=libver == "latest") as f:
        g = f.create_group("a/b")
        g.create_dataset("vectors", data=F, compression="gzip")
        f["soft"] = h5py.SoftLink("/a/b/vectors")
        f["to_group"] = h5py.SoftLink("a/b")
        g["relative"] = h5py.SoftLink("vectors")
        f["loop"] = h5py.SoftLink("/loop2")
        f["loop2"] = h5py.SoftLink("/loop")
        f["external"] = h5py.ExternalLink("userblock.h5", "/train")
        f["external_loop"] = h5py.ExternalLink(name, "/external_loop")
        f["external_missing"] = h5py.ExternalLink("missing.h5", "/train")
        f["dangling"] = h5py.SoftLink("/nothing")
        many = f.create_group("many")
        for i in range(60):
            many["a_link_with_a_long_name_%d" % i] = h5py.SoftLink("/a/b/vectors")

with h5py.File("partial.h5", "w") as f:
    d = f.create_dataset("gzip", shape=F.shape, dtype="f4", chunks=(50, 4), compression="gzip", fillvalue=7)
    d[:50] = F[:50]
    f.create_dataset("contiguous", shape=F.shape, dtype="f4", fillvalue=7)

with h5py.File("refused.h5", "w") as f:
    write_as(f, "float24", custom_float(4, 23, 16, 7, 0, 16, 63))
    write_as(f, "float8", custom_float(1, 7, 3, 4, 0, 3, 7))
    t = h5py.h5t.STD_I32LE.copy()
    t.set_precision(12)
    d = h5py.h5d.create(f.id, b"int12", t, h5py.h5s.create_simple(F.shape))
    d.write(h5py.h5s.ALL, h5py.h5s.ALL, V.astype("i4"))
    t = h5py.h5t.STD_I32LE.copy()
    t.set_precision(16)
    t.set_offset(8)
    h5py.h5d.create(f.id, b"shifted", t, h5py.h5s.create_simple(F.shape)).write(h5py.h5s.ALL, h5py.h5s.ALL, V.astype("i4"))
    f.create_dataset("int64", data=V)
    f.create_dataset("szip", data=F, chunks=(50, DIM), compression="szip")
    f.create_dataset("scaleoffset", data=V.astype("i4"), chunks=(50, DIM), scaleoffset=0)
    f.create_dataset("compound", data=np.zeros((4, 2), dtype=[("a", "f4"), ("b", "f4")]))
    f.create_dataset("three", data=F.reshape(50, 4, DIM))
    f.create_dataset("virtual_source", data=F)
    layout = h5py.VirtualLayout(shape=F.shape, dtype="f4")
    layout[:] = h5py.VirtualSource("refused.h5", "virtual_source", shape=F.shape)
    f.create_virtual_dataset("virtual", layout)
    f.create_dataset("external", shape=F.shape, dtype="f4", external="raw.bin")
with tables.open_file("blosc.h5", "w") as f:
    f.create_carray("/", "blosc", obj=F, filters=tables.Filters(complevel=5, complib="blosc"))
    f.create_carray("/", "zlib", obj=F, filters=tables.Filters(complevel=5, complib="zlib", fletcher32=True))
