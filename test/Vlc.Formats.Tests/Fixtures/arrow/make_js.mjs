// Makes Arrow files with the JavaScript library (npm i apache-arrow), whose text is dictionaries. In this folder: node make_js.mjs
import { writeFileSync } from 'node:fs';
import { Bool, Field, Float32, List, Struct, TimestampMillisecond, Utf8, Dictionary, Int32, Table, vectorFromArray, tableToIPC } from 'apache-arrow';
const rows = [...Array(60).keys()];
const vectors = rows.map(i => [...Array(6).keys()].map(j => (31 * i + 17 * j) % 101));
const item = new Field('item', new Float32(), true);
const table = new Table({
  id: vectorFromArray(rows.map(i => 'key' + i), new Utf8()),
  kind: vectorFromArray(rows.map(i => i % 5 == 4 ? null : 'k' + i % 3), new Dictionary(new Utf8(), new Int32())),
  even: vectorFromArray(rows.map(i => i % 2 == 0), new Bool()),
  at: vectorFromArray(rows.map(i => 1767225600000 + i * 1000), new TimestampMillisecond()),
  doc: vectorFromArray(rows.map(i => ({ vector: vectors[i], text: 'text ' + i })), new Struct([new Field('vector', new List(item), true), new Field('text', new Utf8(), true)])),
});
writeFileSync('js_stream.arrow', tableToIPC(table, 'stream'));
writeFileSync('js_file.arrow', tableToIPC(table, 'file'));
