"""Every table of a run, opened by pandas, polars, pyarrow and DuckDB: the same names, types, rows and figures.

tables.py RUN: the folder of a finished run.
"""
import math
import os
import sys

import duckdb
import pandas
import polars
import pyarrow
import pyarrow.csv
import pyarrow.parquet

TABLES = ["results", "trades", "legging", "equity"]
# a dictionary is one type in every file; what files are joined on is plain text
WORD = pyarrow.dictionary(pyarrow.int32(), pyarrow.string())
TEXT = {"id", "world_id", "ledger", "oos_ledger"}
TIME = pyarrow.timestamp("ns", tz="UTC")

run = sys.argv[1]
failures = []


def expect(what, found, wanted):
    if found != wanted:
        failures.append(f"{what}: found {found}, wanted {wanted}")


def path(name):
    return os.path.join(run, name)


def duck(query):
    return duckdb.sql(query)


def close(a, b):
    a, b = float(a or 0), float(b or 0)
    return math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-9)


for table in TABLES:
    file = path(table + ".parquet")
    arrow = pyarrow.parquet.read_table(file)
    names = arrow.column_names
    expect(f"{table}: names that stand twice", sorted({n for n in names if names.count(n) > 1}), [])

    for field in arrow.schema:
        place = f"{table}.{field.name} in pyarrow"
        kind = field.type
        if pyarrow.types.is_dictionary(kind):
            expect(place, kind, WORD)
        elif pyarrow.types.is_string(kind):
            expect(place, field.name in TEXT, True)
        elif pyarrow.types.is_timestamp(kind):
            expect(place, kind, TIME)
        else:
            known = pyarrow.types.is_int64(kind) or pyarrow.types.is_float64(kind)
            known = known or pyarrow.types.is_boolean(kind) or pyarrow.types.is_decimal(kind)
            expect(f"{place} is {kind}", known, True)
        doc = (field.metadata or {}).get(b"doc", b"").decode()
        expect(f"{place} has a meaning", doc.rstrip().endswith("."), True)

    frame = pandas.read_parquet(file)
    lazy = polars.scan_parquet(file)
    eager = polars.read_parquet(file)
    rows = duck(f"select * from '{file}'")
    for reader, found in [
        ("pandas", list(frame.columns)),
        ("polars", eager.columns),
        ("polars, lazy", lazy.collect_schema().names()),
        ("DuckDB", rows.columns),
    ]:
        expect(f"{table}: names in {reader}", found, names)
    for reader, found in [("pandas", len(frame)), ("polars", eager.height), ("DuckDB", len(rows))]:
        expect(f"{table}: rows in {reader}", found, arrow.num_rows)

    duck_types = dict(zip(rows.columns, map(str, rows.types)))
    for field in arrow.schema:
        name, place = field.name, f"{table}.{field.name}"
        if pyarrow.types.is_timestamp(field.type):
            expect(f"{place} in pandas", str(frame[name].dtype), "datetime64[ns, UTC]")
            expect(f"{place} in polars", eager.schema[name], polars.Datetime("ns", "UTC"))
            expect(f"{place} in DuckDB", duck_types[name].startswith("TIMESTAMP"), True)
        elif pyarrow.types.is_int64(field.type):
            expect(f"{place} in polars", eager.schema[name], polars.Int64)
            expect(f"{place} in DuckDB", duck_types[name], "BIGINT")
            if arrow[name].null_count == 0:
                expect(f"{place} in pandas", str(frame[name].dtype), "int64")
            sums = [pandas.to_numeric(frame[name]).sum(), eager[name].sum()]
            sums.append(duck(f"select sum(\"{name}\") from '{file}'").fetchall()[0][0])
            expect(f"{place}: sums agree ({sums})", all(close(sums[0], other) for other in sums[1:]), True)
        elif pyarrow.types.is_dictionary(field.type):
            expect(f"{place} in pandas", str(frame[name].dtype), "category")
            expect(f"{place} in polars", isinstance(eager.schema[name], polars.Categorical), True)
            expect(f"{place} in DuckDB", duck_types[name], "VARCHAR")
        elif pyarrow.types.is_floating(field.type):
            expect(f"{place}: NaN in place of null", bool(arrow[name].to_pandas(integer_object_nulls=True).isna().sum() != arrow[name].null_count), False)

# a metric has one meaning: the part says what the whole says
results, trades = path("results.parquet"), path("trades.parquet")
made = duck(
    f"""select id, world_id, r.net_pnl, sum(t.pnl)::double as added
    from '{results}' r join '{trades}' t using (symbol, id, world_id)
    where t.run = 'in sample' and t.kind = 'money' group by all"""
).fetchall()
expect("configurations with trades", len(made) > 0, True)
for _, _, net, added in made:
    expect(f"DuckDB: net_pnl {net} is the sum of its trades {added}", abs(net - added) < 1e-6, True)
key = ["symbol", "id", "world_id"]
both = polars.read_parquet(results).join(polars.read_parquet(trades), on=key, how="inner", suffix="_entry")
expect("polars joins results and trades", both.height, polars.read_parquet(trades).height)
both = pandas.read_parquet(results).merge(pandas.read_parquet(trades), on=key)
expect("pandas joins results and trades", len(both), len(pandas.read_parquet(trades)))

# leaderboard.csv: the names of results.parquet, unique, and the figures of its rows
board = path("leaderboard.csv")
frame, eager, rows = pandas.read_csv(board), polars.read_csv(board, infer_schema_length=None), duck(f"select * from read_csv('{board}', sample_size=-1)")
head = open(board).readline().strip().split(",")
expect("leaderboard.csv: names that stand twice", sorted({n for n in head if head.count(n) > 1}), [])
for reader, found in [
    ("pandas", list(frame.columns)),
    ("polars", eager.columns),
    ("pyarrow", pyarrow.csv.read_csv(board).column_names),
    ("DuckDB", rows.columns),
]:
    expect(f"leaderboard.csv: names in {reader}", found, head)
names = pyarrow.parquet.read_schema(results).names
expect("names of results.parquet that leaderboard.csv lacks", sorted(set(names) - set(head)), [])
expect("leaderboard.csv: meets_require is a flag", str(frame["meets_require"].dtype), "bool")
whole = duck(
    f"""select count(*) from read_csv('{board}', sample_size=-1) b join '{results}' r using (symbol, id, world_id)
    where b.trades = r.trades and b.net_pnl = r.net_pnl and b.ledger = r.ledger"""
).fetchall()[0][0]
expect("rows of leaderboard.csv that are rows of results.parquet", whole, len(frame))

if failures:
    print("\n".join(failures))
    sys.exit(1)
print(f"{run}: {', '.join(TABLES)} and leaderboard.csv open in pandas, polars, pyarrow and DuckDB, and say the same")
