-- Keys under which handles and tickets are signed. Times are seconds since 1970-01-01T00:00:00 UTC.
CREATE TABLE signing_key (
    number INTEGER PRIMARY KEY NOT NULL,
    key    BLOB NOT NULL,
    made   INTEGER NOT NULL
) STRICT;
