#!/usr/bin/env python3
"""Targets up, matches down: the crossmatch of DoExchange by pyarrow, against a search of our own in plain numpy.

    python flight_exchange.py FLIGHT_URI

All kinds of match, stars that move, names that collide, targets one by one, many and none, requests that are wrong, a client that goes away.
"""

import json
import sys
import threading
import time

import numpy as np
import pyarrow as pa
import pyarrow.flight as flight

TARGETS = 4000
ARCSECOND = 1 / 3600


def exchange(client, targets, rows_of_batch=65536, pause=0.0, stop_after=None, **asked):
    """The matches of targets, and what was told beside them."""
    writer, reader = client.do_exchange(flight.FlightDescriptor.for_command(json.dumps({"crossmatch": asked})))
    failed = []

    def write():
        try:
            writer.begin(targets.schema)
            for batch in targets.to_batches(max_chunksize=rows_of_batch):
                writer.write_batch(batch)
                time.sleep(pause)
            writer.done_writing()
        except pa.ArrowException as error:
            failed.append(error)

    thread = threading.Thread(target=write)
    thread.start()
    batches, told = [], []
    try:
        while True:
            chunk = reader.read_chunk()
            batches += [chunk.data] if chunk.data is not None and chunk.data.num_rows else []
            told += [json.loads(chunk.app_metadata.to_pybytes())] if chunk.app_metadata else []
            if stop_after is not None and len(batches) >= stop_after:
                reader.cancel()
                thread.join()
                return None, told
    except StopIteration:
        writer.close()
    finally:
        thread.join()
    counts = [note["targets"] for note in told if "targets" in note]
    assert counts == sorted(counts) and (counts or [0])[-1] == targets.num_rows, (counts[-5:], targets.num_rows)
    return pa.Table.from_batches(batches, reader.schema), told


def unit_vectors(ra, dec):
    ra, dec = np.radians(ra), np.radians(dec)
    return np.stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)], axis=1)


def pairs(ra, dec, star_ra, star_dec, radius):
    """Numbers of targets and stars within so many degrees of each other, and the separations: zones of declination, nothing more."""
    order = np.argsort(star_dec)
    sorted_dec, stars, targets = star_dec[order], unit_vectors(star_ra, star_dec)[order], unit_vectors(ra, dec)
    low, high = np.searchsorted(sorted_dec, dec - radius - 1e-9), np.searchsorted(sorted_dec, dec + radius + 1e-9)
    found = []
    for number in range(len(ra)):
        chord = np.linalg.norm(stars[low[number]:high[number]] - targets[number], axis=1)
        separation = np.degrees(2 * np.arcsin(np.minimum(chord / 2, 1)))
        near = np.flatnonzero(separation <= radius)
        found += [(number, order[low[number] + place], separation[place]) for place in near]
    return found


def nearest(found, count):
    best = {}
    for number, star, separation in found:
        best.setdefault(number, []).append((separation, star))
    return {number: sorted(stars)[:count] for number, stars in best.items()}


def check_kinds(client, targets, stars, radius, tolerance=1e-6, **asked):
    """Every kind of match of targets (columns n, ra, dec) with stars (id, ra, dec as arrays), by the id column `asked['columns'][0]`."""
    ids, star_ra, star_dec = stars
    found = pairs(np.array(targets["ra"]), np.array(targets["dec"]), star_ra, star_dec, radius * ARCSECOND)
    assert len(found) > 100, "too few pairs to tell anything"
    matched = {number for number, _, _ in found}
    column = asked["columns"][0]

    def answer(**more):
        table, _ = exchange(client, targets, radius=radius, **asked, **more)
        return table, list(zip(table["n"].to_pylist(), table[column].to_pylist(), table["separation"].to_pylist()))

    table, rows = answer(k=None)
    assert table.schema.names == ["n", "ra", "dec", column, "separation"], table.schema.names
    assert table.schema.field("separation").metadata[b"unit"] == b"arcsec", table.schema.field("separation").metadata
    assert sorted((n, star) for n, star, _ in rows) == sorted((n, ids[star]) for n, star, _ in found)
    separations = {(n, ids[star]): separation * 3600 for n, star, separation in found}
    worst = max(abs(separation - separations[n, star]) for n, star, separation in rows)
    assert worst < tolerance, f"a separation is {worst} arcseconds off"
    for count in (1, 2):
        best = nearest(found, count)
        _, rows = answer(k=count)
        expected = sorted((n, ids[star]) for n, stars in best.items() for _, star in stars)
        assert sorted((n, star) for n, star, _ in rows) == expected
        _, rows = answer(k=count, how="left")
        alone = [(n, None) for n in range(targets.num_rows) if n not in matched]
        assert sorted((n, star or 0) for n, star, _ in rows) == sorted((n, star or 0) for n, star in expected + alone)
        assert all(separation is None for n, star, separation in rows if star is None)
    _, rows = answer(k=None, how="left")
    assert len(rows) == len(found) + targets.num_rows - len(matched)
    table, _ = exchange(client, targets, radius=radius, how="anti", **asked)
    assert table.schema.names == targets.schema.names
    assert sorted(table["n"].to_pylist()) == sorted(set(range(targets.num_rows)) - matched)


def scattered(chance, ra, dec, arcseconds):
    dec = np.clip(dec + chance.normal(0, arcseconds * ARCSECOND, len(dec)), -90, 90)
    ra = (ra + chance.normal(0, arcseconds * ARCSECOND, len(ra)) / np.maximum(np.cos(np.radians(dec)), 1e-6)) % 360
    return pa.table({"n": np.arange(len(ra)), "ra": ra, "dec": dec})


def check_matches(client):
    chance = np.random.default_rng(20)
    gaia = client.do_get(flight.Ticket("SELECT source_id, ra, dec FROM gaia_dr3_bright")).read_all()
    ids, ra, dec = (np.array(gaia[name]) for name in ("source_id", "ra", "dec"))
    chosen = chance.choice(len(ids), TARGETS, replace=False)
    targets = scattered(chance, ra[chosen], dec[chosen], 2)
    check_kinds(client, targets, (ids.tolist(), ra, dec), 3.0, catalog="gaia_dr3_bright", columns=["source_id"])
    check_kinds(client, targets, (ids.tolist(), ra, dec), 400.0, catalog="public.GAIA_DR3_BRIGHT", columns=["SOURCE_ID".lower()])
    return targets


def check_stars_that_move(client):
    chance = np.random.default_rng(21)
    text = "SELECT hip, ra, dec, pmra, pmdec FROM hipparcos2 WHERE SQRT(pmra * pmra + pmdec * pmdec) > 100"
    stars = client.do_get(flight.Ticket(text)).read_all()
    everything = client.do_get(flight.Ticket("SELECT hip, ra, dec, pmra, pmdec FROM hipparcos2")).read_all()
    years = 2016.0 - 1991.25

    def moved(table):
        hip, ra, dec, pmra, pmdec = (np.array(table[name], dtype=float) for name in ("hip", "ra", "dec", "pmra", "pmdec"))
        # Along the tangent, as IVO_APPLY_PM moves: to first order, then back onto the sphere.
        east = np.stack([-np.sin(np.radians(ra)), np.cos(np.radians(ra)), np.zeros(len(ra))], axis=1)
        north = np.stack([-np.sin(np.radians(dec)) * np.cos(np.radians(ra)), -np.sin(np.radians(dec)) * np.sin(np.radians(ra)), np.cos(np.radians(dec))], axis=1)
        way = np.radians(years / 3.6e6) * (pmra[:, None] * east + pmdec[:, None] * north)
        place = unit_vectors(ra, dec) + way
        place /= np.linalg.norm(place, axis=1)[:, None]
        return hip.astype(int).tolist(), np.degrees(np.arctan2(place[:, 1], place[:, 0])) % 360, np.degrees(np.arcsin(place[:, 2]))

    _, ra, dec = moved(stars)
    targets = scattered(chance, ra[:TARGETS], dec[:TARGETS], 0.3)
    check_kinds(client, targets, moved(everything), 1.0, tolerance=0.01, catalog="hipparcos2", columns=["hip"], epoch=2016.0, catalog_epoch=1991.25)
    still, _ = exchange(client, targets, catalog="hipparcos2", radius=1.0, columns=["hip"])
    assert still.num_rows < targets.num_rows / 10, "the stars were found where they had been in 1991"


def check_names(client):
    targets = pa.table({"RAJ2000": [56.75], "DEJ2000": [24.12], "Separation": [7], "t_0": ["x"], "source_id": [2**60 + 1], 'a "b"': [None]},
                       schema=pa.schema([("RAJ2000", pa.float64()), ("DEJ2000", pa.float64()), ("Separation", pa.int64()), ("t_0", pa.string()),
                                         pa.field("source_id", pa.int64(), metadata={"ucd": "meta.id"}), ('a "b"', pa.float32())]))
    table, _ = exchange(client, targets, catalog="gaia_dr3_bright", radius=20000, k=1, columns=["Source_ID", "ra", "dec"])
    assert table.schema.names == targets.schema.names + ["source_id_match", "ra", "dec", "separation_match"], table.schema.names
    row = table.to_pylist()[0]
    assert row["source_id"] == 2**60 + 1 and row["Separation"] == 7 and row["t_0"] == "x" and row['a "b"'] is None
    assert table.schema.field("source_id").metadata[b"ucd"] == b"meta.id"
    assert table.schema.field("ra").metadata[b"unit"] == b"deg"
    whole, _ = exchange(client, targets, catalog="openngc", radius=20000)
    columns = client.get_schema(flight.FlightDescriptor.for_path("public", "openngc")).schema.names
    assert len(whole.schema.names) == targets.num_columns + len(columns) + 1
    named, _ = exchange(client, targets.rename_columns(["x", "y", "ra", "dec", "source_id", "z"]), catalog="gaia_dr3_bright", radius=20000,
                        columns=["hip"], ra="x", dec="y")
    assert named.schema.names == ["x", "y", "ra", "dec", "source_id", "z", "hip", "separation"] and named.num_rows == 1


def check_sizes(client, targets):
    none, told = exchange(client, targets.slice(0, 0), catalog="gaia_dr3_bright", radius=3.0, columns=["source_id"])
    assert (none.num_rows, told) == (0, []) and none.schema.names[-1] == "separation"
    whole, _ = exchange(client, targets, catalog="gaia_dr3_bright", radius=3.0, columns=["source_id"])
    slow, told = exchange(client, targets.slice(0, 30), 1, 0.03, catalog="gaia_dr3_bright", radius=3.0, columns=["source_id"])
    few = whole.filter(pa.compute.less(whole["n"], 30))
    assert slow.sort_by("n").equals(few.sort_by("n")) and len(told) > 5, "a slow client is answered as its targets come"
    many = pa.concat_tables([targets] * 100)
    table, told = exchange(client, many, 7777, catalog="gaia_dr3_bright", radius=3.0, columns=["source_id"])
    assert table.num_rows == 100 * whole.num_rows
    nowhere = pa.table({"ra": [None, float("nan"), 10.0, 400.0], "dec": [1.0, 1.0, 91.0, float("inf")], "n": [0, 1, 2, 3]})
    table, _ = exchange(client, nowhere, catalog="gaia_dr3_bright", radius=3.0, how="anti")
    assert sorted(table["n"].to_pylist()) == [0, 1, 2, 3], "what has no position is near nothing"


def check_limits(client, targets):
    # 10 rows of the first window, or all that its targets have: the others are told of all the same.
    for most in (10, pairs_of_first_window(client, targets)):
        check_cut(client, targets, most)
    # A client that goes away, and the next is served.
    assert exchange(client, pa.concat_tables([targets] * 50), stop_after=1, catalog="gaia_dr3_bright", radius=3.0)[0] is None
    assert exchange(client, targets, catalog="gaia_dr3_bright", radius=3.0)[0].num_rows > 100


def pairs_of_first_window(client, targets):
    return exchange(client, targets.slice(0, 512), catalog="gaia_dr3_bright", radius=3.0)[0].num_rows


def check_cut(client, targets, most):
    options = flight.FlightCallOptions(headers=[(b"x-sidereus-max-rows", str(most).encode())])
    asked = {"crossmatch": {"catalog": "gaia_dr3_bright", "radius": 3.0}}
    writer, reader = client.do_exchange(flight.FlightDescriptor.for_command(json.dumps(asked)), options)
    writer.begin(targets.schema)
    writer.write_table(targets)
    writer.done_writing()
    rows, last = 0, None
    while True:
        try:
            chunk = reader.read_chunk()
        except StopIteration:
            break
        rows, last = rows + chunk.data.num_rows, chunk.app_metadata
    assert rows == most and json.loads(last.to_pybytes()) == {"overflow": True}, (rows, most, last)


def check_refusals(client, targets):
    good = {"catalog": "gaia_dr3_bright", "radius": 1.0}
    for change, part in [
        ({"catalog": "nope"}, "no table"), ({"radius": 0}, "radius"), ({"radius": -1}, "radius"), ({"radius": "x"}, "radius"), ({"k": 0}, "k:"),
        ({"columns": ["colour"]}, "no column"), ({"how": "outer"}, "inner"), ({"ra": "x"}, "both"), ({"ra": "x", "dec": "y"}, "no column"),
        ({"catalog": "TAP_SCHEMA.tables", "epoch": 2000.0}, "no column ra"), ({"catalog": "TAP_SCHEMA.tables"}, "position"), ({"epoch": 1e9}, "epoch"), ({"catalog": "hipparcos2", "epoch": 2000.0}, "catalog_epoch"), ({"colour": 1}, "colour"),
        ({"catalog": "gaia_dr3_bright; DROP TABLE x"}, "no table"), ({"columns": ['ra" FROM x --']}, "no column"),
    ]:
        try:
            exchange(client, targets, **{**good, **change})
        except (pa.ArrowException, flight.FlightError) as error:
            assert part in str(error), f"{change}: {part!r} is not in {error}"
        else:
            raise AssertionError(f"{change} was taken")
    for command in (b"", b"{}", b"SELECT 1", b"\xff"):
        _, reader = client.do_exchange(flight.FlightDescriptor.for_command(command))
        try:
            reader.read_chunk()
        except pa.ArrowInvalid as error:
            assert "crossmatch" in str(error), error
        else:
            raise AssertionError(f"{command} was taken")
    try:
        exchange(client, pa.table({"x": [1.0], "y": [2.0]}), **good)
    except pa.ArrowInvalid as error:
        assert "ra and dec" in str(error), error
    else:
        raise AssertionError("targets without positions were taken")


def main():
    client = flight.connect(sys.argv[1])
    targets = check_matches(client)
    check_stars_that_move(client)
    check_names(client)
    check_sizes(client, targets)
    check_limits(client, targets)
    check_refusals(client, targets)
    print("exchange: all kinds of match, moving stars, names, sizes, limits and refusals")


main()
