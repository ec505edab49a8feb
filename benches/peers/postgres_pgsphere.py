"""PostgreSQL with pgSphere.

Install: apt install postgresql postgresql-15-pgsphere; pip install "psycopg[binary]" numpy pyarrow
"""

import math

from postgres_q3c import COLUMNS, Postgres
from postgres_server import extension
from worker import run

POINT = "spoint(radians(ra), radians(dec))"


class PostgresPgsphere(Postgres):
    """A GiST index on points; statements ad hoc. It takes points up to 1e-9 rad outside a circle as inside."""

    tasks = ("cone", "polygon", "crossmatch")
    extension = "pg_sphere"

    def index(self):
        try:
            self.connection.execute("CREATE EXTENSION IF NOT EXISTS pg_sphere")
        except Exception:
            # Debian's 1.2.0 fails as an extension on 15.20 for two operators; its script runs without them.
            with open(extension("pg_sphere")) as file:
                lines = [line for line in file if not line.startswith("\\echo") and "\\quit" not in line]
            self.server.execute_file("".join(lines).replace("MODULE_PATHNAME", "$libdir/pg_sphere"))
        if not self.connection.execute("SELECT 1 FROM pg_indexes WHERE indexname = 'sky_sphere'").fetchone():
            self.connection.execute(f"CREATE INDEX sky_sphere ON sky USING gist ({POINT})")
            self.connection.execute("VACUUM ANALYZE")

    def cone(self, probe):
        ra, dec, radius = (math.radians(probe[name]) for name in ("ra", "dec", "radius_deg"))
        circle = f"scircle(spoint({ra!r}, {dec!r}), {radius!r})"
        return self.rows(f"SELECT {COLUMNS} FROM sky WHERE {POINT} <@ {circle}")

    def polygon(self, probe):
        vertices = ", ".join(f"({ra!r}d, {dec!r}d)" for ra, dec in probe["vertices"])
        return self.rows(f"SELECT {COLUMNS} FROM sky WHERE {POINT} <@ spoly '{{{vertices}}}'")

    def crossmatch(self, radius_deg):
        here, there = (f"spoint(radians({table}.ra), radians({table}.dec))" for table in "sc")
        return self.rows(
            f"SELECT DISTINCT ON (c.id) c.id, s.source_id, degrees({here} <-> {there}) AS separation FROM second c"
            f" JOIN sky s ON {here} <@ scircle({there}, {math.radians(radius_deg)!r}) ORDER BY c.id, 3"
        )


if __name__ == "__main__":
    run(
        PostgresPgsphere(),
        'apt install postgresql postgresql-15-pgsphere; pip install "psycopg[binary]" numpy pyarrow',
    )
