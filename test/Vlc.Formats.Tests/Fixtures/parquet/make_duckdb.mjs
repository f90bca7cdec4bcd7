// Makes Parquet files with DuckDB (npm i @duckdb/node-api). Row i, component j is (31 i + 17 j) mod 101. In this folder: node make_duckdb.mjs
import { DuckDBInstance } from '@duckdb/node-api';
const db = await DuckDBInstance.create(':memory:'); const c = await db.connect();
await c.run(`create table t as select 'key' || i as id, i * 10 as n, [((31*i+17*j) % 101)::float for j in range(6)] as embedding, [((31*i+17*j) % 101)::double for j in range(6)]::double[6] as fixed, {'vector': [((31*i+17*j) % 101)::float for j in range(6)], 'kind': 'k' || (i % 3)} as doc, 'text ' || i as text, date '2026-01-01' + i::int as day, i % 2 = 0 as even from range(60) r(i)`);
await c.run(`copy t to 'duckdb.parquet' (format parquet)`);
await c.run(`copy t to 'duckdb_v2.parquet' (format parquet, parquet_version v2, compression zstd)`);
await c.run(`copy (select id, embedding from t) to 'duckdb_lz4.parquet' (format parquet, compression lz4_raw)`);
await c.run(`create table w as select 'key' || i as id, ${[0,1,2,3,4,5].map(j => `((31*i+17*${j}) % 101)::float as d${j}`).join(', ')}, i as label from range(60) r(i)`);
await c.run(`copy w to 'duckdb_wide.parquet' (format parquet)`);
