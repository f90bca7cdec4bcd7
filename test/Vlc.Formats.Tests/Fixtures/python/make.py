"""Makes the fixtures of this folder: python3 make.py

Only the standard library is used. Plain values (lists, dicts, array.array) are pickled as they are. numpy and torch are not needed: small classes
stand in for numpy.ndarray, numpy.dtype, torch.Tensor and torch storages, and answer Python's own pickler with the same reduce tuples as the real ones
(numpy/core/src/multiarray/methods.c array_reduce and array_reduce_ex_picklebuffer, descriptor.c arraydescr_reduce, torch/_tensor.py _reduce_ex_internal,
torch/serialization.py _save and _legacy_save). So the opcodes are those of Python's pickler for these objects. The archives are written by zipfile,
which numpy.savez uses, with force_zip64 as numpy does.

Every matrix has 5 rows of 4 components; row i, column j is i + j / 4, exact in binary16.
"""

import array
import collections
import io
import os
import pickle
import struct
import sys
import types
import zipfile

ROWS, COLUMNS = 5, 4
VALUES = [[i + j / 4 for j in range(COLUMNS)] for i in range(ROWS)]
FLAT = [value for row in VALUES for value in row]
HERE = os.path.dirname(os.path.abspath(__file__))


def module(name):
    made = types.ModuleType(name)
    sys.modules[name] = made
    return made


def place(owner, name, value):
    """Makes pickle find `value` as `owner.name`."""
    value.__module__, value.__qualname__, value.__name__ = owner.__name__, name, name
    setattr(owner, name, value)
    return value


numpy = module("numpy")
module("numpy.core")
multiarray, numeric = module("numpy.core.multiarray"), module("numpy.core.numeric")
reconstruct = place(multiarray, "_reconstruct", lambda *_: None)
scalar = place(multiarray, "scalar", lambda *_: None)
frombuffer = place(numeric, "_frombuffer", lambda *_: None)


class DType:
    def __init__(self, code, order):
        self.code, self.order = code, order

    def __reduce__(self):
        return numpy.dtype, (self.code, False, True), (3, self.order, None, None, None, -1, -1, 0)


class NDArray:
    def __init__(self, shape, dtype, data):
        self.shape, self.dtype, self.data = shape, dtype, data

    def __reduce_ex__(self, protocol):
        if protocol >= 5:
            return frombuffer, (pickle.PickleBuffer(bytearray(self.data)), self.dtype, self.shape, "C")
        return reconstruct, (numpy.ndarray, (0,), b"b"), (1, self.shape, self.dtype, False, self.data)


class Scalar:
    def __init__(self, dtype, data):
        self.dtype, self.data = dtype, data

    def __reduce__(self):
        return scalar, (self.dtype, self.data)


place(numpy, "dtype", DType)
place(numpy, "ndarray", NDArray)
FORMATS = {"f2": "e", "f4": "f", "f8": "d", "i8": "q"}


def ndarray(values, shape, code="f4", order="<"):
    return NDArray(shape, DType(code, order), struct.pack(order + str(len(values)) + FORMATS[code], *values))


torch = module("torch")
utils = module("torch._utils")
rebuild = place(utils, "_rebuild_tensor_v2", lambda *_: None)
STORAGES = {name: place(torch, name, type(name, (), {})) for name in ("FloatStorage", "HalfStorage")}


class Storage:
    def __init__(self, kind, values):
        self.kind, self.count = kind, len(values)
        self.data = struct.pack("<" + str(len(values)) + ("f" if kind == "FloatStorage" else "e"), *values)


class Tensor:
    def __init__(self, storage, offset, size, stride):
        self.arguments = storage, offset, size, stride, False, collections.OrderedDict()

    def __reduce_ex__(self, protocol):
        return rebuild, self.arguments


class TorchPickler(pickle.Pickler):
    def __init__(self, file, legacy):
        super().__init__(file, 2)
        self.legacy, self.storages = legacy, []

    def persistent_id(self, value):
        if not isinstance(value, Storage):
            return None
        if value not in self.storages:
            self.storages.append(value)
        key = str(self.storages.index(value))
        identifier = "storage", STORAGES[value.kind], key, "cpu", value.count
        return identifier + (None,) if self.legacy else identifier


def write(name, content):
    with open(os.path.join(HERE, name), "wb") as file:
        file.write(content)


def save_pickle(name, value, protocol):
    write(name, pickle.dumps(value, protocol))


def save_torch(name, value):
    buffer = io.BytesIO()
    pickler = TorchPickler(buffer, legacy=False)
    pickler.dump(value)
    with zipfile.ZipFile(os.path.join(HERE, name), "w", zipfile.ZIP_STORED) as archive:
        stamp = lambda member: zipfile.ZipInfo("archive/" + member, (1980, 1, 1, 0, 0, 0))
        archive.writestr(stamp("data.pkl"), buffer.getvalue())
        archive.writestr(stamp("byteorder"), b"little")
        for key, storage in enumerate(pickler.storages):
            archive.writestr(stamp(f"data/{key}"), storage.data)
        archive.writestr(stamp("version"), b"3\n")


def save_torch_legacy(name, value):
    buffer = io.BytesIO()
    pickle.dump(0x1950A86A20F9469CFC6C, buffer, 2)
    pickle.dump(1001, buffer, 2)
    pickle.dump({"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}, buffer, 2)
    pickler = TorchPickler(buffer, legacy=True)
    pickler.dump(value)
    pickle.dump([str(key) for key in range(len(pickler.storages))], buffer, 2)
    for storage in pickler.storages:
        buffer.write(struct.pack("<q", storage.count) + storage.data)
    write(name, buffer.getvalue())


def npy(descr, shape, data):
    text = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}"
    text += " " * (63 - (10 + len(text)) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode() + data


def save_npz(name, compression, **arrays):
    with zipfile.ZipFile(os.path.join(HERE, name), "w", compression) as archive:
        for member, content in arrays.items():
            info = zipfile.ZipInfo(member + ".npy", (1980, 1, 1, 0, 0, 0))
            info.compress_type = compression
            with archive.open(info, "w", force_zip64=True) as file:
                file.write(content)


for protocol in range(6):
    save_pickle(f"list_{protocol}.pkl", VALUES, protocol)
    save_pickle(f"words_{protocol}.pkl", {f"wörd{i}": row for i, row in enumerate(VALUES)}, protocol)
    save_pickle(f"numpy_{protocol}.pkl", ndarray(FLAT, (ROWS, COLUMNS)), protocol)
    save_pickle(f"arrays_{protocol}.pkl", [array.array("f", row) for row in VALUES], protocol)

RECORDS = [{"id": 100 + i, "text": f"text {i}", "embedding": row, "score": i / 2} for i, row in enumerate(VALUES)]
save_pickle("records.pkl", RECORDS, 4)
save_pickle("ids_beside.pkl", {"ids": [f"k{i}" for i in range(ROWS)], "embeddings": VALUES, "model": "m"}, 4)
save_pickle("tuples.pkl", [tuple(row) for row in VALUES], 4)
save_pickle("integers.pkl", [[i, 2 * i, 1, 0] for i in range(ROWS)], 4)
save_pickle("numpy_f2.pkl", ndarray(FLAT, (ROWS, COLUMNS), "f2"), 4)
save_pickle("numpy_f8_big.pkl", ndarray(FLAT, (ROWS, COLUMNS), "f8", ">"), 4)
save_pickle("numpy_words.pkl", {f"wörd{i}": ndarray(row, (COLUMNS,)) for i, row in enumerate(VALUES)}, 4)
F4 = DType("f4", "<")
save_pickle("numpy_scalars.pkl", [[Scalar(F4, struct.pack("<f", value)) for value in row] for row in VALUES], 4)
save_pickle("two.pkl", {"train": VALUES, "test": VALUES[:2]}, 4)

WEIGHT = Storage("FloatStorage", [-1.0] + FLAT)
save_torch("tensor.pt", Tensor(WEIGHT, 1, (ROWS, COLUMNS), (COLUMNS, 1)))
save_torch("half.pt", Tensor(Storage("HalfStorage", FLAT), 0, (ROWS, COLUMNS), (COLUMNS, 1)))
STATE = collections.OrderedDict([
    ("embedding.weight", Tensor(WEIGHT, 1, (ROWS, COLUMNS), (COLUMNS, 1))),
    ("embedding.bias", Tensor(Storage("FloatStorage", FLAT[:4]), 0, (4,), (1,))),
])
save_torch("state.pt", {"epoch": 3, "state_dict": STATE})
save_torch("transposed.pt", Tensor(WEIGHT, 1, (ROWS, COLUMNS), (1, ROWS)))
save_torch_legacy("legacy.pt", STATE)

MATRIX = npy("<f4", (ROWS, COLUMNS), struct.pack("<20f", *FLAT))
IDS = npy("<i8", (ROWS,), struct.pack("<5q", *(10 + i for i in range(ROWS))))
NAMES = npy("<U5", (ROWS,), b"".join(f"wörd{i}".encode("utf-32-le") for i in range(ROWS)))
save_npz("stored.npz", zipfile.ZIP_STORED, embeddings=MATRIX, ids=IDS)
save_npz("one.npz", zipfile.ZIP_STORED, arr_0=MATRIX)
save_npz("two.npz", zipfile.ZIP_STORED, train=MATRIX, test=MATRIX)
save_npz("deflated.npz", zipfile.ZIP_DEFLATED, embeddings=MATRIX, words=NAMES, scores=npy("<f8", (ROWS,), struct.pack("<5d", *range(ROWS))))


class Evil:
    def __reduce__(self):
        return os.system, ("echo unpickled",)


save_pickle("evil.pkl", [VALUES, Evil()], 4)
write("evil_inst.pkl", b"(S'echo unpickled'\nios\nsystem\n.")
write("evil_obj.pkl", b"\x80\x02(cos\nsystem\nX\x0e\x00\x00\x00echo unpickledo.")

for parent in ("chromadb", "chromadb.segment", "chromadb.segment.impl", "chromadb.segment.impl.vector"):
    module(parent)
chroma = module("chromadb.segment.impl.vector.local_persistent_hnsw")
PersistentData = place(chroma, "PersistentData", type("PersistentData", (), {}))
STATE_OF_SEGMENT = {
    "dimensionality": COLUMNS, "total_elements_added": ROWS, "max_seq_id": 5, "id_to_label": {f"id{i}": i + 1 for i in range(ROWS)},
    "label_to_id": {i + 1: f"id{i}" for i in range(ROWS)}, "id_to_seq_id": {f"id{i}": i + 1 for i in range(ROWS)},
}
persisted = PersistentData()
persisted.__dict__.update(STATE_OF_SEGMENT)
save_pickle("chroma_object.pickle", persisted, 5)
save_pickle("chroma_dict.pickle", STATE_OF_SEGMENT, 3)
