"""Makes the HDF5 fixtures with h5py and PyTables (Debian: python3-h5py, python3-tables). Row i, component j of every dataset is
(31 i + 17 j) mod 101, which every element type holds exactly. Run it in this folder."""
import ctypes
import h5py, numpy as np, tables

LIBRARY = ctypes.CDLL("libhdf5_serial.so.103")
LIBRARY.H5Pset_istore_k.argtypes = [ctypes.c_int64, ctypes.c_uint]

ROWS, DIM = 60, 6


def values(rows):
    return np.array([[(31 * i + 17 * j) % 101 for j in range(DIM)] for i in range(rows)])


V = values(ROWS)
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


def types(f):
    for t in ("f2", "f4", "f8", "u1", "i1", "i4", ">f2", ">f4", ">f8", ">i4"):
        f.create_dataset(t.replace(">", "big_"), data=V.astype(t))
    write_as(f, "bfloat16", custom_float(2, 15, 7, 8, 0, 7, 127))
    f["type"] = np.dtype("f4")
    f.create_dataset("committed_type", data=F, dtype=f["type"])


def filters(f):
    for name, o in {
        "gzip": dict(compression="gzip"), "gzip_shuffle": dict(compression="gzip", shuffle=True), "shuffle": dict(shuffle=True),
        "fletcher32": dict(fletcher32=True), "gzip_shuffle_fletcher32": dict(compression="gzip", shuffle=True, fletcher32=True),
        "lzf": dict(compression="lzf"), "lzf_shuffle_fletcher32": dict(compression="lzf", shuffle=True, fletcher32=True),
    }.items():
        f.create_dataset(name, data=F, chunks=(25, DIM), **o)


def shapes(f):
    f.create_dataset("columns", data=F, chunks=(33, 4), compression="gzip", shuffle=True)
    f.create_dataset("one", data=F, chunks=(ROWS, DIM), compression="gzip")
    f.create_dataset("over_the_end", data=F, chunks=(300, 9), maxshape=(None, None), compression="gzip")
    f.create_dataset("u1", data=V.astype("u1"), chunks=(25, 4), compression="gzip", shuffle=True)
    f.create_dataset("big_f8", data=V.astype(">f8"), chunks=(25, 4), compression="gzip", shuffle=True)


def growing(f):
    f.create_dataset("down", data=F, chunks=(8, 3), maxshape=(None, DIM))
    f.create_dataset("down_gzip", data=F, chunks=(1, DIM), maxshape=(None, DIM), compression="gzip")
    f.create_dataset("across", data=F, chunks=(25, 2), maxshape=(ROWS, None), compression="gzip")
    f.create_dataset("both", data=F, chunks=(5, 2), maxshape=(None, None), compression="gzip")
    f.create_dataset("both_plain", data=F, chunks=(10, 2), maxshape=(None, None))
    f.create_dataset("to_a_limit", data=F, chunks=(16, 4), maxshape=(500, 30))


def create(name, latest):
    """Small trees of chunks keep the classic files small; their size stands in the superblock."""
    if latest:
        return h5py.File(name, "w", libver="latest")
    plist = h5py.h5p.create(h5py.h5p.FILE_CREATE)
    LIBRARY.H5Pset_istore_k(plist.id, 2)
    return h5py.File(h5py.h5f.create(name.encode(), h5py.h5f.ACC_TRUNC, fcpl=plist))


def masked(name, libver):
    """Chunks whose mask says that gzip, or all of the pipeline, was not applied."""
    with h5py.File(name, "w", libver=libver) as f:
        d = f.create_dataset("masked", shape=F.shape, dtype="f4", chunks=(20, DIM), compression="gzip", shuffle=True)
        d[40:] = F[40:]
        d.id.write_direct_chunk((0, 0), F[:20].tobytes(), 0b11)
        planes = np.frombuffer(F[20:40].tobytes(), "u1").reshape(-1, 4).T.tobytes()
        d.id.write_direct_chunk((20, 0), planes, 0b10)


for make in (types, filters, shapes, growing):
    for latest in (False, True):
        with create("%s_%s.h5" % (make.__name__, "latest" if latest else "classic"), latest) as f:
            make(f)
masked("masked_classic.h5", "earliest")
masked("masked_latest.h5", "latest")

with h5py.File("indexes.h5", "w", libver="latest") as f:
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_chunk((32, 4))
    plist.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    d = h5py.h5d.create(f.id, b"implicit", h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple(F.shape), plist)
    d.write(h5py.h5s.ALL, h5py.h5s.ALL, F)
    f.create_dataset("paged", data=values(200).astype("u1"), chunks=(1, 1))
    f.create_dataset("super_blocks", data=V.astype("u1"), chunks=(1, 1), maxshape=(None, DIM))
    f.create_dataset("deep_tree", data=V.astype("u1"), chunks=(1, 1), maxshape=(None, None))
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_layout(h5py.h5d.COMPACT)
    d = h5py.h5d.create(f.id, b"compact", h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple(F.shape), plist)
    d.write(h5py.h5s.ALL, h5py.h5s.ALL, F)

with h5py.File("userblock.h5", "w", userblock_size=512) as f:
    f.create_dataset("train", data=F, chunks=(25, DIM), compression="gzip")
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
    d = f.create_dataset("gzip", shape=F.shape, dtype="f4", chunks=(20, 4), compression="gzip", fillvalue=7)
    d[:20] = F[:20]
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
    f.create_dataset("szip", data=F, chunks=(20, DIM), compression="szip")
    f.create_dataset("scaleoffset", data=V.astype("i4"), chunks=(20, DIM), scaleoffset=0)
    f.create_dataset("compound", data=np.zeros((4, 2), dtype=[("a", "f4"), ("b", "f4")]))
    f.create_dataset("three", data=F.reshape(15, 4, DIM))
    f.create_dataset("virtual_source", data=F)
    layout = h5py.VirtualLayout(shape=F.shape, dtype="f4")
    layout[:] = h5py.VirtualSource("refused.h5", "virtual_source", shape=F.shape)
    f.create_virtual_dataset("virtual", layout)
    f.create_dataset("external", shape=F.shape, dtype="f4", external="raw.bin")
with h5py.File("beside.h5", "w") as f:
    f.create_dataset("vectors", data=F, compression="gzip")
    f.create_dataset("ids", data=np.array(["key%d" % i for i in range(ROWS)], dtype="S8"), compression="gzip")
    f.create_dataset("text", data=["text %d \u00e4" % i for i in range(ROWS)], dtype=h5py.string_dtype())
    f.create_dataset("label", data=np.arange(ROWS, dtype=">i8"))
    f.create_dataset("score", data=np.arange(ROWS, dtype="f8") / 4)
    f.create_dataset("other", data=np.arange(ROWS + 1))
with tables.open_file("blosc.h5", "w") as f:
    f.create_carray("/", "blosc", obj=F, filters=tables.Filters(complevel=5, complib="blosc"))
    f.create_carray("/", "zlib", obj=F, filters=tables.Filters(complevel=5, complib="zlib", fletcher32=True))
