"""PostgreSQL with q3c.

Install: apt install postgresql postgresql-15-q3c; pip install "psycopg[binary]" numpy pyarrow
"""

import os

from postgres_server import SETTINGS, Server, extension, programs
from sky_sql import ANSWER, SELECTED, SUMMARY, TABLE_COLUMNS
from worker import Peer, run

TYPES = {"DOUBLE": "double precision", "VARCHAR": "text"}
COLUMNS = ", ".join(ANSWER)


def create(table, columns):
    """A table's definition."""
    columns = ", ".join(f'"{name}" {TYPES.get(kind, kind)}' for name, kind in columns.items())
    return f"CREATE TABLE {table} ({columns})"


class Postgres(Peer):
    """What both PostgreSQL peers have in common: the tables, and all tasks without a sphere."""

    def start(self):
        import psycopg
        import pyarrow  # noqa: F401 - reads the catalog

        extension(self.extension)
        return f"PostgreSQL {os.path.basename(os.path.dirname(programs()))}, psycopg {psycopg.__version__}"

    def configuration(self):
        return {name: value for name, value in SETTINGS.items() if name not in ("listen_addresses", "max_wal_senders")}

    def load(self, sky):
        self.server = Server(sky["shared_folder"] + "/postgres")
        self.connection = self.server.connect()
        tables = {row[0] for row in self.connection.execute("SELECT tablename FROM pg_tables").fetchall()}
        if "second" not in tables:
            self.connection.execute("DROP TABLE IF EXISTS sky")
            self.copy("sky", TABLE_COLUMNS, sky["files"])
            self.connection.execute("CREATE INDEX sky_id ON sky (source_id)")
            second = {"id": "BIGINT", "ra": "DOUBLE", "dec": "DOUBLE"}
            self.copy("second", second, sky["second_files"])
        self.index()
        self.prepare()

    def index(self):
        """Makes the indexes of the extension, once."""
        raise NotImplementedError

    def prepare(self):
        """Settings and statements of one connection."""

    def copy(self, table, columns, files):
        import pyarrow.csv as csv
        import pyarrow.parquet as pq

        with self.connection.transaction():
            self.connection.execute(create(table, columns))
            with self.connection.cursor() as cursor, cursor.copy(f"COPY {table} FROM STDIN (FORMAT csv)") as copy:
                for file in files:
                    for batch in pq.ParquetFile(file).iter_batches(columns=list(columns)):
                        sink = BytesSink(copy)
                        csv.write_csv(batch.select(list(columns)), sink, csv.WriteOptions(include_header=False))

    def processes(self):
        return [pid] if hasattr(self, "server") and (pid := self.server.pid()) else []

    def client(self):
        other = type(self)()
        other.server, other.connection = self.server, self.server.connect()
        other.close = other.connection.close
        other.prepare()
        return other

    def rows(self, sql, parameters=None):
        with self.connection.cursor(binary=True) as cursor:
            cursor.execute(sql, parameters)
            return [column.name for column in cursor.description], cursor.fetchall()

    def identifier(self, probe):
        return self.rows(f"SELECT {COLUMNS} FROM sky WHERE source_id = {probe['source_id']}")

    def scan(self):
        return self.rows(f"SELECT {SUMMARY} FROM sky WHERE {SELECTED}")

    def density(self, order):
        cell = f'"_healpix_29" >> {2 * (29 - order)}'
        return self.rows(f"SELECT {cell} AS cell, count(*) AS n, avg(phot_g_mean_mag) AS mean FROM sky GROUP BY 1")

    def close(self):
        if hasattr(self, "server"):
            self.connection.close()
            self.server.stop()


class BytesSink:
    """A file that hands what is written to a COPY."""

    closed = False

    def __init__(self, copy):
        self.write = lambda data: copy.write(bytes(data))

    def flush(self):
        pass

    def close(self):
        self.closed = True


class PostgresQ3c(Postgres):
    """Searches prepared with a generic plan: q3c's text has a hundred ranges, which take milliseconds to plan."""

    tasks = ("cone", "polygon", "identifier", "scan", "density", "crossmatch", "export", "ingest")
    extension = "q3c"

    def index(self):
        self.connection.execute("CREATE EXTENSION IF NOT EXISTS q3c")
        if not self.connection.execute("SELECT 1 FROM pg_indexes WHERE indexname = 'second_q3c'").fetchone():
            self.connection.execute("CREATE INDEX sky_q3c ON sky (q3c_ang2ipix(ra, dec))")
            self.connection.execute("CLUSTER sky USING sky_q3c")
            self.connection.execute("CREATE INDEX second_q3c ON second (q3c_ang2ipix(ra, dec))")
            self.connection.execute("VACUUM ANALYZE")

    def prepare(self):
        number = "double precision"
        self.connection.execute("SET plan_cache_mode = force_generic_plan")
        self.connection.execute(
            f"PREPARE cone({number}, {number}, {number}) AS"
            f" SELECT {COLUMNS} FROM sky WHERE q3c_radial_query(ra, dec, $1, $2, $3)"
        )
        self.connection.execute(
            f"PREPARE polygon({number}[]) AS SELECT {COLUMNS} FROM sky WHERE q3c_poly_query(ra, dec, $1)"
        )

    def cone(self, probe):
        return self.rows(f"EXECUTE cone({probe['ra']!r}, {probe['dec']!r}, {probe['radius_deg']!r})")

    def polygon(self, probe):
        vertices = ", ".join(f"{value!r}" for vertex in probe["vertices"] for value in vertex)
        return self.rows(f"EXECUTE polygon(ARRAY[{vertices}]::double precision[])")

    def crossmatch(self, radius_deg):
        return self.rows(
            "SELECT DISTINCT ON (c.id) c.id, s.source_id, q3c_dist(c.ra, c.dec, s.ra, s.dec) AS separation"
            f" FROM second c, sky s WHERE q3c_join(c.ra, c.dec, s.ra, s.dec, {radius_deg!r}) ORDER BY c.id, 3"
        )

    def export(self, columns):
        """Arrow through ADBC where it is installed, else tuples."""
        names = ", ".join(f'"{column}"' for column in columns)
        try:
            from adbc_driver_postgresql import dbapi
        except ImportError:
            return self.rows(f"SELECT {names} FROM sky")
        with dbapi.connect(f"postgresql:///postgres?host={self.server.folder}&user=postgres") as connection:
            with connection.cursor() as cursor:
                cursor.execute(f"SELECT {names} FROM sky")
                return cursor.fetch_arrow_table()

    def ingest(self, source, folder):
        """COPY, the q3c index, and the rows put in its order."""
        if not source.endswith(".csv"):
            raise NotImplementedError(f"{os.path.splitext(source)[1]} is not read")
        columns = {name: kind for name, kind in TABLE_COLUMNS.items() if name != "_healpix_29"}
        columns["healpix29"] = "BIGINT"
        self.connection.execute("DROP TABLE IF EXISTS made")
        with self.connection.transaction(), open(source, "rb") as file:
            self.connection.execute(create("made", columns))
            names = file.readline().decode()
            with self.connection.cursor() as cursor:
                with cursor.copy(f"COPY made ({names}) FROM STDIN (FORMAT csv)") as copy:
                    while data := file.read(1 << 20):
                        copy.write(data)
        self.connection.execute("CREATE INDEX made_q3c ON made (q3c_ang2ipix(ra, dec))")
        self.connection.execute("CLUSTER made USING made_q3c")
        self.connection.execute("ANALYZE made")

    def ingested(self, folder):
        rows = self.rows("SELECT source_id FROM made")
        self.connection.execute("DROP TABLE made")
        return rows


if __name__ == "__main__":
    run(
        PostgresQ3c(),
        'apt install postgresql postgresql-15-q3c; pip install "psycopg[binary]" numpy pyarrow',
    )
