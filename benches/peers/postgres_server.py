"""Where does PostgreSQL run?

A cluster of its own in the scratch folder, on a socket there and no port, shared by both PostgreSQL peers. Under root
it runs as the user `postgres`, as PostgreSQL demands.
"""

import glob
import os
import pwd
import shutil
import subprocess

SETTINGS = {
    "listen_addresses": "''", "shared_buffers": "'2GB'", "work_mem": "'256MB'", "maintenance_work_mem": "'1GB'",
    "max_parallel_workers_per_gather": os.cpu_count(), "random_page_cost": 1.1, "jit": "off", "autovacuum": "off",
    "wal_level": "minimal", "max_wal_senders": 0, "max_wal_size": "'8GB'", "synchronous_commit": "off",
}


def programs():
    """Folder of the newest server's programs. *Errors*: FileNotFoundError."""
    found = [os.path.dirname(path) for path in glob.glob("/usr/lib/postgresql/*/bin/initdb")]
    found = sorted(found, key=lambda path: int(path.split("/")[4]))
    if found:
        return found[-1]
    if path := shutil.which("initdb"):
        return os.path.dirname(path)
    raise FileNotFoundError("the program initdb of PostgreSQL")


def extension(name):
    """The newest installation script of an extension. *Errors*: FileNotFoundError."""
    shared = subprocess.check_output([f"{programs()}/pg_config", "--sharedir"], text=True).strip()
    scripts = [path for path in glob.glob(f"{shared}/extension/{name}--*.sql") if path.count("--") == 1]
    if not scripts:
        raise FileNotFoundError(f"the extension {name} of PostgreSQL")
    return max(scripts, key=os.path.getmtime)


class Server:
    """A running cluster."""

    def __init__(self, folder):
        self.data = f"{folder}/data"
        os.makedirs(folder, exist_ok=True)
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
        self.folder = folder
        if not os.path.exists(f"{self.data}/PG_VERSION"):
            self.run("initdb", "-D", self.data, "-U", "postgres", "--auth=trust", "-E", "UTF8", "--locale=C")
            with open(f"{self.data}/postgresql.auto.conf", "a") as file:
                file.writelines(f"{name} = {value}\n" for name, value in SETTINGS.items())
        if self.pid() is None:
            log = f"{folder}/log"
            self.run("pg_ctl", "-D", self.data, "-l", log, "-w", "-o", f"-k {folder}", "start")

    def run(self, program, *arguments):
        user = pwd.getpwnam("postgres").pw_uid if os.geteuid() == 0 else None
        subprocess.run(
            [f"{programs()}/{program}", *arguments], check=True, cwd=self.folder, user=user,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )

    def pid(self):
        """The postmaster, where it runs."""
        try:
            with open(f"{self.data}/postmaster.pid") as file:
                pid = int(file.readline())
            os.kill(pid, 0)
            return pid
        except (OSError, ValueError):
            return None

    def connect(self):
        import psycopg

        return psycopg.connect(host=self.folder, user="postgres", dbname="postgres", autocommit=True)

    def execute_file(self, text):
        """Runs a script statement by statement, errors passed over."""
        subprocess.run(
            [f"{programs()}/psql", "-h", self.folder, "-U", "postgres", "-q"], input=text, text=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )

    def stop(self):
        if self.pid() is not None:
            try:
                self.run("pg_ctl", "-D", self.data, "-m", "fast", "-w", "stop")
            except subprocess.CalledProcessError:
                pass  # the other PostgreSQL peer has stopped it
