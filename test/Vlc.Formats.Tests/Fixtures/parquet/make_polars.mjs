// Makes Parquet and Arrow files with polars (npm i nodejs-polars@0.25.2). Row i, component j is (31 i + 17 j) mod 101. In this folder: node make_polars.mjs
import pl from 'nodejs-polars';
const rows = [...Array(60).keys()];
const vectors = rows.map(i => [...Array(6).keys()].map(j => (31 * i + 17 * j) % 101));
const frame = pl.DataFrame({ id: rows.map(i => 'key' + i), n: rows.map(i => i * 10), text: rows.map(i => 'text ' + i) })
  .withColumn(pl.Series('embedding', vectors, pl.List(pl.Float32)))
  .withColumn(pl.Series('array', vectors, pl.FixedSizeList(pl.Float32, 6)));
for (const compression of ['zstd', 'lz4', 'brotli']) frame.writeParquet(`polars_${compression}.parquet`, { compression });
for (const compression of ['uncompressed', 'lz4', 'zstd']) frame.writeIPC(`../arrow/polars_${compression}.arrow`, { compression });
