"""When are two answers the same?

Answers of one query come in any order and in each system's own types. The digest of an answer is its number of rows, a
checksum of what must be equal to the bit, and weighted sums of what is computed and may differ in the last digits.

    row hash   h = 0; for each exact column in order of its name: h = mix(h ^ bits)
    checksum   sum of the row hashes, modulo 2^64
    sum        of a computed column: sum of value * (1 + h / 2^64), so that a value belongs to its row

`bits` of a whole number are its 64 bits, of a float those of its double; NULL and NaN are one value, and -0.0 is 0.0.
The harness computes the same for its own answers (`compare/digest.rs`).
"""

import numpy as np

COMPUTED = ("mean", "separation")
WHOLE = ("source_id", "id", "n", "cell", "_healpix_29")
NOTHING = np.uint64(0x7FF8000000000001)
BLOCK = 1 << 20


def mix(values):
    """The finalizer of SplitMix64, on arrays of unsigned 64-bit numbers."""
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def bits(name, values):
    """What is hashed of a column."""
    missing = None
    if isinstance(values, np.ma.MaskedArray):
        missing, values = np.ma.getmaskarray(values), values.filled(0)
    if name in WHOLE:
        bits = np.asarray(values).astype(np.int64).view(np.uint64)
    else:
        values = np.asarray(values).astype(np.float64) + 0.0
        bits = values.view(np.uint64).copy()
        bits[np.isnan(values)] = NOTHING
    if missing is not None:
        bits = np.where(missing, NOTHING, bits)
    return bits


def digest(columns, check):
    """The digest of columns by name; only the rows are counted without `check`."""
    rows = len(next(iter(columns.values()))) if columns else 0
    if not check:
        return {"rows": rows}
    checksum, sums = np.uint64(0), {name: 0.0 for name in columns if name in COMPUTED}
    with np.errstate(over="ignore"):
        for begin in range(0, rows, BLOCK):
            part = {name: values[begin : begin + BLOCK] for name, values in columns.items()}
            hashes = np.zeros(len(next(iter(part.values()))), np.uint64)
            for name in sorted(name for name in part if name not in COMPUTED):
                hashes = mix(hashes ^ bits(name, part[name]))
            checksum = checksum + np.sum(hashes, dtype=np.uint64)
            weights = 1.0 + hashes.astype(np.float64) / 2.0**64
            for name in sums:
                values = np.ma.filled(np.ma.asarray(part[name]).astype(np.float64), np.nan)
                sums[name] += float(np.nansum(values * weights))
    return {"rows": rows, "checksum": f"{int(checksum):016x}", "sums": sums}


def columns_of(table):
    """Columns by name, as numpy arrays, of whatever a peer returns.

    Arrow tables, Polars and pandas frames, astropy tables, dictionaries of arrays, and pairs of names and tuples.
    """
    if isinstance(table, dict):
        return table
    if isinstance(table, tuple):
        names, rows = table
        columns = zip(*rows) if rows else [()] * len(names)
        return {name: array_of(list(values)) for name, values in zip(names, columns)}
    if hasattr(table, "column_names"):
        return {name: arrow_array(table[name]) for name in table.column_names}
    if hasattr(table, "to_arrow"):
        return columns_of(table.to_arrow())
    if hasattr(table, "colnames"):
        return {name: np.ma.asarray(table[name]) for name in table.colnames}
    return {name: array_of(table[name]) for name in table.columns}


def rows_of(table):
    """The rows of whatever a peer returns, without looking at them."""
    if isinstance(table, dict):
        return len(next(iter(table.values()), ()))
    return len(table[1]) if isinstance(table, tuple) else len(table)


def arrow_array(column):
    """A column of Arrow: masked where it has nulls."""
    import pyarrow.compute as pc

    if column.null_count == 0:
        return column.to_numpy()
    return np.ma.array(pc.fill_null(column, 0).to_numpy(), mask=column.is_null().to_numpy())


def array_of(values):
    """A column of Python values or of pandas."""
    if hasattr(values, "to_numpy"):
        missing = values.isna().to_numpy()
        if missing.any():
            return np.ma.array(values.fillna(0).to_numpy(), mask=missing)
        return values.to_numpy()
    missing = np.array([value is None for value in values], dtype=bool)
    if missing.any():
        return np.ma.array([0 if value is None else value for value in values], mask=missing)
    return np.asarray(values)
