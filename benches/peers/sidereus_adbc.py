"""Sidereus as a notebook asks it: ADBC over Flight SQL.

Install: pip install adbc-driver-flightsql numpy pyarrow
"""

from worker import Peer, run

COLUMNS = "source_id, ra, dec, phot_g_mean_mag"


class SidereusAdbc(Peer):
    """The server that the harness started, asked ad hoc from Python."""

    tasks = ("cone", "polygon", "identifier", "scan", "density", "crossmatch", "export")

    def start(self):
        import adbc_driver_flightsql
        import pyarrow  # noqa: F401 - answers are Arrow tables

        return f"ADBC Flight SQL {adbc_driver_flightsql.__version__}"

    def load(self, sky):
        self.served = sky["sidereus"]
        if not self.served["endpoint"]:
            raise RuntimeError("the harness serves no Sidereus")
        self.connect()

    def connect(self):
        from adbc_driver_flightsql import dbapi

        limit = {"adbc.flight.sql.client_option.with_max_msg_size": str(1 << 30)}
        self.connection = dbapi.connect(self.served["endpoint"], db_kwargs=limit, autocommit=True)
        self.cursor = self.connection.cursor()

    def client(self):
        other = type(self)()
        other.served = self.served
        other.connect()
        return other

    def processes(self):
        return [self.served["pid"]] if hasattr(self, "served") and self.served["pid"] else []

    def rows(self, sql):
        self.cursor.execute(sql)
        return self.cursor.fetch_arrow_table()

    def cone(self, probe):
        return self.rows(self.served["cone"].format(COLUMNS, probe["ra"], probe["dec"], probe["radius_deg"]))

    def polygon(self, probe):
        vertices = ", ".join(f"{value!r}" for vertex in probe["vertices"] for value in vertex)
        return self.rows(self.served["polygon"].format(COLUMNS, vertices))

    def identifier(self, probe):
        return self.rows(self.served["identifier"].format(COLUMNS, probe["source_id"]))

    def scan(self):
        return self.rows(self.served["scan"])

    def density(self, order):
        return self.rows(self.served["density"].format(1 << 2 * (29 - order)))

    def crossmatch(self, radius_deg):
        return self.rows(self.served["crossmatch"].format(radius_deg))

    def export(self, columns):
        return self.rows(self.served["export"].format(", ".join(f'"{column}"' for column in columns)))

    def close(self):
        if hasattr(self, "connection"):
            self.cursor.close()
            self.connection.close()


if __name__ == "__main__":
    run(SidereusAdbc(), "pip install adbc-driver-flightsql numpy pyarrow")
