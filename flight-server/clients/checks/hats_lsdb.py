"""Is a catalog over HTTP the catalog that lsdb opens from its folder, and does only what is asked for travel?

Arguments: FLIGHT_URI TAP_URL BINARY. lsdb and hats, unmodified, open the bundled catalogs from both places and must find the same
rows. A proxy counts the bytes of each request. Ranges, tags, lengths and refusals are looked at by requests of our own.
"""

import http.client
import io
import socket
import sys
import threading
import urllib.parse
import warnings
from pathlib import Path

import dask
import lsdb
import pandas as pd
import pyarrow.parquet as pq

PROJECT = Path(__file__).resolve().parents[3]
CATALOGS = PROJECT / "testdata" / "catalogs"
# catalog: its folder, and that of its leaves
FOLDERS = {"openngc": ("openngc", "openngc"), "hipparcos2": ("hipparcos2", "hipparcos2"),
           "gaia_dr3_bright": ("gaia_dr3_bright_collection", "gaia_dr3_bright_collection/gaia_dr3_bright")}
MOST_RATIO = 1.3


class Proxy:
    """Passes connections on to a server and counts what comes back."""

    def __init__(self, host, port):
        self.target, self.bytes = (host, port), 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            server = socket.create_connection(self.target)
            threading.Thread(target=self.pump, args=(client, server, False), daemon=True).start()
            threading.Thread(target=self.pump, args=(server, client, True), daemon=True).start()

    def pump(self, source, sink, counted):
        try:
            while data := source.recv(1 << 16):
                self.bytes += len(data) * counted
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class Raw:
    """Requests as they are written."""

    def __init__(self, host, port):
        self.host, self.port = host, port

    def __call__(self, path, method="GET", **headers):
        connection = http.client.HTTPConnection(self.host, self.port, timeout=60)
        connection.putrequest(method, path, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name.replace("_", "-"), value)
        connection.endheaders()
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer, body


def rows(catalog):
    """All rows of a catalog in an order that does not depend on partitions."""
    frame = pd.DataFrame(catalog.compute()).reset_index()
    return frame.sort_values(list(frame.columns), kind="stable").reset_index(drop=True)


def same(name, base, keep=lambda catalog: catalog, **asked):
    """Opens a catalog from both places and compares; returns the number of rows."""
    ours, theirs = (rows(keep(lsdb.open_catalog(place, **asked))) for place in (f"{base}/{name}", CATALOGS / FOLDERS[name][0]))
    pd.testing.assert_frame_equal(ours, theirs)
    return len(ours)


def check_rows(base):
    for name, some in [("openngc", ["name", "type", "vmag"]), ("hipparcos2", ["hip", "hpmag"]), ("gaia_dr3_bright", ["source_id", "phot_g_mean_mag"])]:
        counts = {
            "default": same(name, base),
            "whole": same(name, base, columns="all"),
            "columns": same(name, base, columns=some),
            "cone": same(name, base, lambda catalog: catalog.cone_search(83.8, -5.4, 3 * 3600), columns=some),
            "opened by cone": same(name, base, columns=some, search_filter=lsdb.ConeSearch(83.8, -5.4, 3 * 3600)),
            "partition": same(name, base, lambda catalog: catalog.partitions[1], columns=some),
        }
        assert counts["default"] == counts["whole"] == counts["columns"] > counts["cone"] > 0, (name, counts)
    filters = {
        "openngc": (["name"], [
            [("type", "==", "G"), ("vmag", "<", 11.5)],
            [[("type", "==", "OCl"), ("ra", ">=", 100.25)], [("name", "in", ["NGC0224", "NGC1976"])], [("vmag", "<", 5)]],
            [[("commonnames", "==", "Carina Nebula,eta Car Nebula")], [("commonnames", "==", "Jupiter's Ghost Nebula"), ("ra", ">", 1)]],
            [("const", "not in", ["And", "Ori", "Vir"])],
            [("hubble", "not in", ["Sb", "Sc"]), ("type", "!=", "*")],
            [("name", ">", "NGC7")],
        ]),
        "hipparcos2": (["hip"], [
            [("hpmag", "<", 3.1)],
            [("hpmag", ">=", 12.5), ("dec", "<", 0)],
            [[("hip", "in", [1, 24436, 32349])], [("plx", ">", 200)]],
            [("hip", "==", 70890)],
            [("_healpix_29", "<", 2**57), ("plx", ">", 50)],
        ]),
        "gaia_dr3_bright": (["source_id"], [[("phot_g_mean_mag", "<", 4)], [[("phot_g_mean_mag", ">", 8.99)], [("dec", "<", -85)]]]),
    }
    for name, (some, wanted) in filters.items():
        for filtered in wanted:
            found = same(name, base, columns=some, filters=filtered)
            same(name, base, columns="all", filters=filtered)
            assert found > 0, (name, filtered)
            print(f"{name}: {found} rows of {filtered}")
    # Whatever a column's accuracy, its own values are found by it.
    for column in ("phot_g_mean_mag", "ra"):
        value = lsdb.open_catalog(CATALOGS / FOLDERS["gaia_dr3_bright"][0], columns=[column]).partitions[3].compute()[column].iloc[7]
        for operator in ("==", ">=", "<=", ">", "<", "!="):
            same("gaia_dr3_bright", base, lambda catalog: catalog.partitions[3], columns=[column], filters=[(column, operator, float(value))])
    # Margins stand beside their primary: a crossmatch uses them.
    def matched(place):
        gaia = lsdb.open_catalog(f"{place}/gaia_dr3_bright" if isinstance(place, str) else place / FOLDERS["gaia_dr3_bright"][0], columns=["source_id"])
        hipparcos = lsdb.open_catalog(f"{place}/hipparcos2" if isinstance(place, str) else place / "hipparcos2", columns=["hip"])
        assert gaia.margin is not None
        return rows(hipparcos.partitions[0].crossmatch(gaia, radius_arcsec=5, suffixes=("_h", "_g")))
    ours, theirs = matched(base), matched(CATALOGS)
    pd.testing.assert_frame_equal(ours, theirs)
    assert len(ours) > 1000


def leaves(name):
    """Each leaf of a catalog: its path over HTTP, and its file."""
    folder = CATALOGS / FOLDERS[name][1] / "dataset"
    prefix = f"/hats/{name}" + ("/gaia_dr3_bright" if name == "gaia_dr3_bright" else "")
    for file in sorted(folder.glob("Norder=*/Dir=*/Npix=*")):
        inner = file if file.is_file() else next(file.glob("*.parquet"))
        yield f"{prefix}/dataset/{file.relative_to(folder)}" + ("" if file.is_file() else ".parquet"), inner


def chunk_bytes(file, columns):
    metadata = pq.read_metadata(file)
    groups = (metadata.row_group(group) for group in range(metadata.num_row_groups))
    chunks = (group.column(column) for group in groups for column in range(group.num_columns))
    return sum(chunk.total_compressed_size for chunk in chunks if chunk.path_in_schema.split(".")[0] in columns)


def check_bytes(raw, proxy, base):
    """What travels for columns: at most 1.3 times their chunks, headers and all."""
    through = Raw("127.0.0.1", proxy.port)
    for name, columns in [("gaia_dr3_bright", ["source_id", "phot_g_mean_mag", "ra", "dec", "_healpix_29"]),
                          ("hipparcos2", ["hip", "ra", "dec", "_healpix_29"])]:
        before, chunks, whole = proxy.bytes, 0, 0
        for path, file in leaves(name):
            _, body = through(f"{path}?columns={','.join(columns)}")
            made, source = pq.read_table(io.BytesIO(body)), pq.read_table(file, columns=columns, partitioning=None)
            assert made.schema.equals(source.schema, check_metadata=True) and made.equals(source), path
            chunks += chunk_bytes(file, columns)
            whole += file.stat().st_size
        wire = proxy.bytes - before
        print(f"{name}: {wire} bytes of {chunks} in the chunks of {len(columns)} columns ({wire / chunks:.3f}), {whole} in whole files")
        assert wire <= MOST_RATIO * chunks, (name, wire, chunks)
        # The client itself: fsspec reads the last million bytes of a file twice, so small files travel twice.
        catalog = lsdb.open_catalog(f"{base}/{name}", columns=columns)
        before = proxy.bytes
        catalog.compute()
        wire = proxy.bytes - before
        print(f"{name}: lsdb took {wire} bytes ({wire / chunks:.3f})")
        assert wire <= 2 * MOST_RATIO * chunks, (name, wire, chunks)
    path, file = next(leaves("hipparcos2"))
    _, body = through(f"{path}?columns=hip&filters=hpmag%3C4")
    print(f"hipparcos2: {len(body)} bytes for the rows of a filter, {file.stat().st_size} in the whole file")
    table = pq.read_table(io.BytesIO(body))
    assert table.column_names == ["hip", "hpmag"] and table.num_rows == pq.read_table(file, filters=[("hpmag", "<", 4)], partitioning=None).num_rows
    assert len(body) * 10 < file.stat().st_size


def check_ranges(raw):
    path, file = next(leaves("openngc"))
    stored = file.read_bytes()
    for target, known in [(path, stored), (path.replace("=", "%3D"), stored), ("/hats/openngc/partition_info.csv", None),
                          ("/hats/hipparcos2/hats.properties", None), (f"{path}?columns=name,ra", None), (f"{path}?columns=name&filters=ra%3E3.5", None)]:
        whole, body = raw(target)
        assert whole.status == 200 and known in (None, body), (target, whole.status)
        tag, length = whole.headers["ETag"], len(body)
        assert whole.headers["Accept-Ranges"] == "bytes" and int(whole.headers["Content-Length"]) == length
        head, nothing = raw(target, "HEAD", Accept_Encoding="gzip, deflate, zstd")
        assert head.status == 200 and int(head.headers["Content-Length"]) == length and not nothing and head.headers["ETag"] == tag
        packed, same_body = raw(target, Accept_Encoding="gzip, deflate, zstd")
        assert packed.headers["Content-Encoding"] is None and same_body == body
        for asked, first, last in [("bytes=0-9", 0, 9), (f"bytes={length - 8}-", length - 8, length - 1), ("bytes=-8", length - 8, length - 1),
                                   (f"bytes=5-{10 * length}", 5, length - 1)]:
            part, some = raw(target, Range=asked)
            assert part.status == 206 and some == body[first:last + 1], (target, asked)
            assert part.headers["Content-Range"] == f"bytes {first}-{last}/{length}" and int(part.headers["Content-Length"]) == len(some)
        for asked in (f"bytes={length}-", "bytes=-0"):
            beyond, _ = raw(target, Range=asked)
            assert beyond.status == 416 and beyond.headers["Content-Range"] == f"bytes */{length}", asked
        for asked in ("bytes=0-1,3-4", "lines=1-2", "bytes=9-3"):
            assert raw(target, Range=asked)[1] == body, asked
        assert raw(target, Range="bytes=0-9", If_Range=tag)[0].status == 206
        for other in ('"other"', f"W/{tag}", "Sun, 06 Nov 1994 08:49:37 GMT"):
            changed, all_of_it = raw(target, Range="bytes=0-9", If_Range=other)
            assert changed.status == 200 and all_of_it == body, other
        assert raw(target, If_None_Match=tag)[0].status == 304
        # What is made is made alike.
        assert raw(target)[1] == body


def check_refusals(raw):
    path, _ = next(leaves("openngc"))
    for target, status, said in [
        ("/hats/nothing/hats.properties", 404, "no catalog nothing"),
        ("/hats/openngc", 404, "has no file"),
        ("/hats/openngc/dataset/Norder=7/Dir=0/Npix=1.parquet", 404, "has no file"),
        ("/hats/openngc/dataset/Norder=0/Dir=10000/Npix=1.parquet", 404, "has no file"),
        ("/hats/openngc/dataset/Norder=0/Dir=0/Npix=1.fits", 404, "has no file"),
        ("/hats/openngc/dataset/Norder=0/Dir=0/", 404, "has no file"),
        ("/hats/openngc/README.md", 404, "has no file"),
        ("/hats/tap_schema.tables/hats.properties", 404, "no catalog"),
        ("/hats/gaia_dr3_bright/hats.properties", 404, "has no file"),
        (f"{path}?columns=name,brightness", 400, 'there is no column "brightness", expected some of'),
        (f"{path}?filters=ra", 400, "character 3: expected =="),
        (f"{path}?filters=ra%3E1,dek%3C2", 400, "character 6: expected the name of a column"),
        (f"{path}?filters=ra%3Eeast", 400, "character 4: expected a number for column ra"),
        (f"{path}?filters=namein5", 400, "expected"),
        (f"{path}?cols=name", 400, 'unknown parameter "cols"'),
        ("/hats/openngc/hats.properties?columns=ra", 400, "from leaf files alone"),
    ]:
        answer, body = raw(target)
        assert answer.status == status and said in body.decode(), (target, answer.status, body[:300])
    up = ["..", "%2e%2e", "%2E.", "..%2f", "%2e%2e%2f", "..%5c", "....//", "%252e%252e", "..%00", "%c0%ae%c0%ae"]
    tails = ["hipparcos2/hats.properties", "README.md", "etc/passwd", "%2fetc%2fpasswd"]
    targets = [f"/hats/openngc/{front}{'/'.join([climb] * depth)}/{tail}" for front in ("", "dataset/", "dataset/Norder=0/")
               for climb in up for depth in (1, 2, 3, 8) for tail in tails]
    targets += ["/hats/openngc/hats.properties%00", "/hats/openngc/hats.properties%00.fits", "/hats/openngc%2fhats.properties",
                "/hats/openngc/dataset%2f_metadata", "/hats/openngc/.%2fhats.properties", "/hats/..%2f..%2fetc%2fpasswd",
                "/hats/openngc/dataset/Norder=0/Dir=0/Npix=0.parquet/..", "/hats/openngc/file:%2f%2f%2fetc%2fpasswd"]
    for target in targets:
        answer, body = raw(target)
        assert answer.status in (400, 404) and b"obs_collection" not in body and b"root:" not in body, (target, answer.status)
    assert raw("/hats/openngc/hats.properties", "PUT")[0].status == 405


def main():
    warnings.filterwarnings("ignore")
    dask.config.set(scheduler="threads")
    address = urllib.parse.urlsplit(sys.argv[2])
    raw, proxy = Raw(address.hostname, address.port), Proxy(address.hostname, address.port)
    base = f"http://127.0.0.1:{proxy.port}/hats"
    listed, body = raw("/hats/")
    assert listed.status == 200 and b'"public.openngc"' in body, body
    check_refusals(raw)
    check_ranges(raw)
    check_bytes(raw, proxy, base)
    check_rows(base)
    print("ok")


if __name__ == "__main__":
    main()
