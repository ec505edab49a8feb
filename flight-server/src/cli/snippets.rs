//! What does a person paste to get stars?
//!
//! Addresses and snippets that `serve` prints, with the name and columns of a table that is really there.

use std::net::SocketAddr;

use sidereus_engine::TableDescription;

/// Schemas that describe the others.
const SYSTEM_SCHEMAS: [&str; 2] = ["tap_schema", "information_schema"];

/// Columns of an example.
const COLUMNS: usize = 4;

/// The greeting: two lines that programs may read, then snippets for people.
pub(super) fn text(flight: SocketAddr, http: SocketAddr, tables: &[TableDescription]) -> String {
    let (flight, http) = (reachable(flight), reachable(http));
    let mut text = format!("flight: grpc://{flight}\nhttp: http://{http}/tap\n");
    let Some(query) = example(tables).map(query) else {
        text.push_str("\nno table can be queried without credentials\n");
        return text;
    };
    text.push_str(&format!(
        r#"
# pyarrow (pip install pyarrow)
import pyarrow.flight as flight
client = flight.connect("grpc://{flight}")
info = client.get_flight_info(flight.FlightDescriptor.for_command("{query}"))
print(client.do_get(info.endpoints[0].ticket).read_all())

# ADBC (pip install adbc-driver-flightsql adbc-driver-manager pyarrow)
import adbc_driver_flightsql.dbapi as flight_sql
with flight_sql.connect("grpc://{flight}") as connection, connection.cursor() as cursor:
    cursor.execute("{query}")
    print(cursor.fetch_arrow_table())

# pyvo (pip install pyvo)
import pyvo
print(pyvo.dal.TAPService("http://{http}/tap").search("{query}").to_table())

# curl
curl -sS http://{http}/tap/sync -d LANG=ADQL -d RESPONSEFORMAT=csv --data-urlencode "QUERY={query}"

"#
    ));
    text
}

/// Whether a table describes others rather than the sky.
pub(super) fn is_system(table: &TableDescription) -> bool {
    SYSTEM_SCHEMAS.iter().any(|schema| table.name.schema.eq_ignore_ascii_case(schema))
}

/// An address that a client on this machine can use.
fn reachable(address: SocketAddr) -> String {
    let port = address.port();
    if !address.ip().is_unspecified() {
        address.to_string()
    } else if address.is_ipv6() {
        format!("[::1]:{port}")
    } else {
        format!("127.0.0.1:{port}")
    }
}

/// The table with the most rows among those with positions, else any of the catalogs, whose names need no delimiters.
fn example(tables: &[TableDescription]) -> Option<&TableDescription> {
    tables
        .iter()
        .filter(|table| !is_system(table) && is_plain(&table.name.schema) && is_plain(&table.name.table))
        .filter(|table| table.columns.iter().any(|column| is_plain(&column.name)))
        .max_by_key(|table| (position(table, "ra").is_some(), table.rows.unwrap_or_default()))
}

/// A query in one line, without quotes, that both languages understand and that needs no sorting.
fn query(table: &TableDescription) -> String {
    let mut columns: Vec<&str> =
        [column_with_ucd(table, "meta.id;meta.main"), position(table, "ra"), position(table, "dec")]
            .into_iter()
            .flatten()
            .filter(|name| is_plain(name))
            .collect();
    for name in table.columns.iter().map(|column| column.name.as_str()).filter(|name| is_plain(name)) {
        if columns.len() < COLUMNS && !columns.contains(&name) {
            columns.push(name);
        }
    }
    let name = if table.name.schema == "public" { table.name.table.clone() } else { table.name.to_string() };
    format!("SELECT TOP 5 {} FROM {name}", columns.join(", "))
}

fn position<'a>(table: &'a TableDescription, axis: &str) -> Option<&'a str> {
    column_with_ucd(table, &format!("pos.eq.{axis};meta.main"))
}

fn column_with_ucd<'a>(table: &'a TableDescription, ucd: &str) -> Option<&'a str> {
    let found =
        table.columns.iter().find(|column| column.ucd.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(ucd)));
    found.map(|column| column.name.as_str())
}

fn is_plain(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use arrow::datatypes::{DataType, Field, Schema};
    use sidereus_engine::{About, ColumnDescription, TableName};

    #[test]
    fn the_largest_table_with_positions_is_the_example() {
        let tables = [
            table("public", "small", 5, true),
            table("public", "big", 50, true),
            table("public", "huge", 500, false),
            table("tap_schema", "columns", 5000, true),
        ];
        let text = text("0.0.0.0:1".parse().unwrap(), "127.0.0.1:2".parse().unwrap(), &tables);
        assert!(text.starts_with("flight: grpc://127.0.0.1:1\nhttp: http://127.0.0.1:2/tap\n"), "{text}");
        assert_eq!(text.matches("SELECT TOP 5 ra, dec FROM big").count(), 4, "{text}");
    }

    #[test]
    fn without_tables_there_are_only_addresses() {
        let text = text("127.0.0.1:1".parse().unwrap(), "127.0.0.1:2".parse().unwrap(), &[]);
        assert!(!text.contains("SELECT"));
    }

    fn table(schema: &str, name: &str, rows: u64, positions: bool) -> TableDescription {
        let columns = ["ra", "dec"].map(|axis| ColumnDescription {
            name: axis.to_owned(),
            field: Field::new(axis, DataType::Float64, true),
            datatype: "double",
            arraysize: None,
            xtype: None,
            unit: None,
            ucd: positions.then(|| format!("pos.eq.{axis};meta.main")),
            utype: None,
            description: None,
            indexed: false,
            principal: true,
        });
        TableDescription {
            name: TableName { schema: schema.to_owned(), table: name.to_owned() },
            table_type: "table",
            description: None,
            about: About::default(),
            rows: Some(rows),
            bytes: None,
            schema: Arc::new(Schema::empty()),
            columns: columns.to_vec(),
        }
    }
}
