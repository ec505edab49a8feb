"""A server of pyarrow that answers crossmatches and takes uploads by the protocol of Sidereus.

Its catalog `hipparcos2` holds four stars of the real one, so that a test can ask either. Other names of catalogs make it fail:

    refuses        an error before the first row
    fails_late     an error after the first batch of targets
    ends_early     a clean end after the first batch of targets
    hungry         reads all targets before it answers
    echo           answers every target at once with itself, without looking at positions
"""

from __future__ import annotations

import json
import threading
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.flight as flight

from sidereus import _wire

STARS = pa.table(
    {
        "hip": pa.array([32349, 71681, 71683, 91262], pa.int32()),
        "ra": [101.28854105, 219.91412833, 219.92041034, 279.23410832],
        "dec": [-16.71314306, -60.83947139, -60.83514707, 38.78299311],
        "plx": [379.21, 796.92, 754.81, 130.23],
        "hpmag": [-1.0876, 1.2429, 0.1373, 0.0868],
    }
)
UNITS = {"ra": "deg", "dec": "deg", "plx": "mas", "hpmag": "mag"}


class MatchServer(flight.FlightServerBase):
    """The server, on a free port of this machine.

    Attributes:
        asked: the requests for crossmatches, as JSON objects.
        taken: targets that were read, over all requests.
        stored: uploaded tables by name; largest: bytes of the largest batch that came.
        resume: while it is cleared, `echo` waits with its next answer.
        ended: set when an exchange is over, however it ended.
    """

    def __init__(self) -> None:
        super().__init__("grpc://127.0.0.1:0")
        self.uri = f"grpc://127.0.0.1:{self.port}"
        self.asked: list[dict[str, Any]] = []
        self.taken = self.largest = 0
        self.stored: dict[str, pa.Table] = {}
        self.resume, self.ended = threading.Event(), threading.Event()
        self.resume.set()

    def do_exchange(self, context: Any, descriptor: Any, reader: Any, writer: Any) -> None:
        asked = json.loads(descriptor.command)["crossmatch"]
        self.asked.append(asked)
        try:
            self._exchange(asked, reader, writer)
        finally:
            self.ended.set()

    def _exchange(self, asked: dict[str, Any], reader: Any, writer: Any) -> None:
        catalog = asked["catalog"]
        if catalog == "refuses":
            raise pa.ArrowKeyError("unknown table refuses")
        schema = reader.schema
        began, held, done = False, [], 0
        for chunk in reader:
            if chunk.data is None:
                continue
            self.taken += chunk.data.num_rows
            self.largest = max(self.largest, chunk.data.nbytes)
            if catalog == "hungry":
                held.append(chunk.data)
                continue
            self.resume.wait(30)
            matched = chunk.data if catalog == "echo" else matches(chunk.data, asked)
            done += chunk.data.num_rows
            if not began:
                writer.begin(matched.schema)
                began = True
            writer.write_with_metadata(matched, json.dumps({"targets": done}).encode())
            if catalog == "fails_late":
                raise pa.ArrowInvalid("the catalog is broken at cell 17")
            if catalog == "ends_early":
                return
        if not began:
            writer.begin(matches(pa.RecordBatch.from_pylist([], schema=schema), asked).schema)
        for batch in held:
            writer.write_batch(matches(batch, asked))
        writer.write_metadata(json.dumps({"targets": done}).encode())

    def do_put(self, context: Any, descriptor: Any, reader: Any, writer: Any) -> None:
        command = dict(_wire._fields(_wire.unpacked(descriptor.command)))
        name = command[2].decode()
        if name == "refused":
            raise pa.ArrowInvalid("the name refused is refused")
        batches = []
        for chunk in reader:
            batches.append(chunk.data)
            self.largest = max(self.largest, chunk.data.nbytes)
        self.stored[name] = pa.Table.from_batches(batches, schema=reader.schema)
        writer.write(pa.py_buffer(b"\x08" + _wire._varint(self.stored[name].num_rows)))


def matches(targets: pa.RecordBatch, asked: dict[str, Any]) -> pa.RecordBatch:
    """The answer for a batch of targets, by comparing all pairs."""
    ra, dec = asked["ra"] or "ra", asked["dec"] or "dec"
    places = _vectors(targets[ra].to_numpy(zero_copy_only=False), targets[dec].to_numpy(zero_copy_only=False))
    stars = _vectors(STARS["ra"].to_numpy(), STARS["dec"].to_numpy())
    chord = np.linalg.norm(places[:, None] - stars[None], axis=2)
    separation = np.degrees(2 * np.arcsin(chord / 2)) * 3600
    pairs = []
    for row, near in enumerate(separation):
        order = [star for star in np.argsort(near) if near[star] <= asked["radius"]][: asked["k"]]
        pairs += [(row, int(star), float(near[star])) for star in order]
        if not order and asked["how"] in ("left", "anti"):
            pairs.append((row, None, None))
    if asked["how"] == "anti":
        return targets.take(pa.array([row for row, star, _ in pairs if star is None], pa.int64()))
    rows = targets.take(pa.array([row for row, _, _ in pairs], pa.int64()))
    found = pa.array([star for _, star, _ in pairs], pa.int64())
    names = STARS.column_names if asked["columns"] is None else asked["columns"]
    fields, columns = list(rows.schema), list(rows.columns)
    for name in names:
        column = STARS[name].combine_chunks().take(found)
        unit = {"unit": UNITS[name]} if name in UNITS else None
        fields.append(pa.field(f"{name}_match" if name in targets.schema.names else name, column.type, metadata=unit))
        columns.append(column)
    fields.append(pa.field("separation", pa.float64(), metadata={"unit": "arcsec"}))
    columns.append(pa.array([away for _, _, away in pairs], pa.float64()))
    return pa.RecordBatch.from_arrays(columns, schema=pa.schema(fields))


def _vectors(ra: Any, dec: Any) -> Any:
    ra, dec = np.radians(np.asarray(ra, float)), np.radians(np.asarray(dec, float))
    return np.stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)], axis=-1)
