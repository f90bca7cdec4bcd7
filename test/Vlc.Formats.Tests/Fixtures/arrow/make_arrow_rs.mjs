// Makes an Arrow stream and a Parquet file with arrow-rs (npm i parquet-wasm), from a file of Arrow C++. In this folder: node make_arrow_rs.mjs
import { readFileSync, writeFileSync } from 'node:fs';
import { readParquet, writeParquet, Table, WriterPropertiesBuilder, Compression } from 'parquet-wasm';
const table = readParquet(readFileSync('../parquet/arrow_fixed_groups.parquet'));
const stream = table.intoIPCStream();
writeFileSync('arrow_rs_stream.arrow', stream);
writeFileSync('../parquet/arrow_rs.parquet', writeParquet(Table.fromIPCStream(stream), new WriterPropertiesBuilder().setCompression(Compression.ZSTD).build()));
