"""Writes the text files of this folder: python3 make.py, with numpy and pandas (1.24 and 1.5 when they were made).

Row i, component j is (i * 4 + j) / 8 - 1, which float32 and a few decimals hold exactly. Keys are "k0" to "k4", texts "text 0, \"quoted\"" to 4.
"""
import json
import os

import numpy
import pandas

here = os.path.dirname(os.path.abspath(__file__))
at = lambda name: os.path.join(here, name)
x = numpy.arange(20, dtype="float32").reshape(5, 4) / 8 - 1
keys = [f"k{i}" for i in range(5)]
texts = [f'text {i}, "quoted"' + ("\nand on" if i == 2 else "") for i in range(5)]
lists = [row.tolist() for row in x]

numpy.savetxt(at("savetxt.txt"), x)
numpy.savetxt(at("savetxt_g.txt"), x, fmt="%g")
numpy.savetxt(at("savetxt_header.txt"), x, header="a matrix of 5 rows")
numpy.savetxt(at("savetxt_comma.csv"), x, delimiter=",")
numpy.savetxt(at("savetxt_tab.tsv"), x, delimiter="\t", fmt="%.6f")
frame = pandas.DataFrame(x)
frame.to_csv(at("frame.csv"))
frame.to_csv(at("frame_no_index.csv"), index=False)
frame.to_csv(at("frame_bare.csv"), index=False, header=False)
frame.assign(id=keys)[["id", 0, 1, 2, 3]].to_csv(at("frame_id.csv"), index=False)
frame.assign(doc_id=range(100, 105), word_count=[7, 7, 9, 1, 3])[["doc_id", "word_count", 0, 1, 2, 3]].to_csv(at("frame_doc_id.csv"), index=False)
frame.add_prefix("emb_").assign(label=[1, 0, 1, 1, 0]).to_csv(at("frame_label_last.csv"), index=False)
columns = pandas.DataFrame({"id": keys, "text": texts, "embedding": lists})
columns.to_csv(at("lists.csv"), index=False)
columns.to_csv(at("lists_index.csv"))
columns.to_csv(at("lists_semicolon.csv"), index=False, sep=";")
columns.assign(embedding=[row for row in x]).to_csv(at("arrays_printed.csv"), index=False)
columns.assign(text=keys).to_csv(at("lists_tab.tsv"), index=False, sep="\t")
columns.to_json(at("records.json"), orient="records")
columns.to_json(at("lines.jsonl"), orient="records", lines=True)
columns.set_index("id").to_json(at("index.json"), orient="index")
columns.to_json(at("split.json"), orient="split")
columns.to_json(at("columns.json"), orient="columns")
json.dump({key: row for key, row in zip(keys, lists)}, open(at("dictionary.json"), "w"))
json.dump(lists, open(at("matrix.json"), "w"), indent=2)
with open(at("metadata.tsv"), "w") as file:
    file.write("word\tcount\n" + "".join(f"{key}\t{i * 10}\n" for i, key in enumerate(keys)))
