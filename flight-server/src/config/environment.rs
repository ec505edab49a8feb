//! Which variables of the environment set which keys?
//!
//! One static list. Sections join with an underscore: `limits.max_rows` is `SIDEREUS_LIMITS_MAX_ROWS`. Lists are separated by
//! commas. Users and table sections have no variable: they belong in the file.

use std::fmt::Display;
use std::str::FromStr;

use super::{Config, ConfigError, LogFormat};

type Setter = fn(&mut Config, &str) -> Result<(), String>;

/// Variables that other parts of the program read.
const OTHERS: [&str; 2] = ["SIDEREUS_CONFIG", "SIDEREUS_FAILPOINT"];

const VARIABLES: [(&str, Setter); 59] = [
    ("SIDEREUS_CATALOGS", |config, text| {
        config.catalogs = list(text);
        Ok(())
    }),
    ("SIDEREUS_FLIGHT", |config, text| parse(text, &mut config.flight)),
    ("SIDEREUS_HTTP", |config, text| parse(text, &mut config.http)),
    ("SIDEREUS_PUBLIC_URL", |config, text| parse(text, &mut config.public_url)),
    ("SIDEREUS_TRUSTED_PROXIES", |config, text| {
        config.trusted_proxies = list(text);
        Ok(())
    }),
    ("SIDEREUS_CORS_ORIGINS", |config, text| {
        config.cors_origins = list(text);
        Ok(())
    }),
    ("SIDEREUS_REMOTE_SECONDS", |config, text| parse(text, &mut config.remote_seconds)),
    ("SIDEREUS_ANONYMOUS", |config, text| parse(text, &mut config.anonymous)),
    ("SIDEREUS_STATE", |config, text| parse(text, &mut config.state)),
    ("SIDEREUS_JOBS_RUNNING", |config, text| parse(text, &mut config.jobs.running)),
    ("SIDEREUS_JOBS_RUNNING_EACH", |config, text| parse(text, &mut config.jobs.running_each)),
    ("SIDEREUS_JOBS_DEFAULT_SECONDS", |config, text| parse(text, &mut config.jobs.default_seconds)),
    ("SIDEREUS_JOBS_MAX_SECONDS", |config, text| parse(text, &mut config.jobs.max_seconds)),
    ("SIDEREUS_JOBS_DEFAULT_HOURS", |config, text| parse(text, &mut config.jobs.default_hours)),
    ("SIDEREUS_JOBS_MAX_HOURS", |config, text| parse(text, &mut config.jobs.max_hours)),
    ("SIDEREUS_JOBS_WAIT_SECONDS", |config, text| parse(text, &mut config.jobs.wait_seconds)),
    ("SIDEREUS_JOBS_UPLOAD_MIB", |config, text| parse(text, &mut config.jobs.upload_mib)),
    ("SIDEREUS_JOBS_KEPT_MIB", |config, text| parse(text, &mut config.jobs.kept_mib)),
    ("SIDEREUS_JOBS_FREE_MIB", |config, text| parse(text, &mut config.jobs.free_mib)),
    ("SIDEREUS_JOBS_ANONYMOUS_TABLES", |config, text| parse(text, &mut config.jobs.anonymous_tables)),
    ("SIDEREUS_JOBS_LIST_ANONYMOUS", |config, text| parse(text, &mut config.jobs.list_anonymous)),
    ("SIDEREUS_OUTGOING_HOSTS", |config, text| {
        config.outgoing.hosts =
            text.split(',').map(str::trim).filter(|host| !host.is_empty()).map(str::to_owned).collect();
        Ok(())
    }),
    ("SIDEREUS_OUTGOING_SECONDS", |config, text| parse(text, &mut config.outgoing.seconds)),
    ("SIDEREUS_LIMITS_DEFAULT_ROWS", |config, text| parse(text, &mut config.limits.default_rows)),
    ("SIDEREUS_LIMITS_MAX_ROWS", |config, text| parse(text, &mut config.limits.max_rows)),
    ("SIDEREUS_LIMITS_QUERY_SECONDS", |config, text| parse(text, &mut config.limits.query_seconds)),
    ("SIDEREUS_LIMITS_BODY_MIB", |config, text| parse(text, &mut config.limits.body_mib)),
    ("SIDEREUS_LIMITS_GRACE_SECONDS", |config, text| parse(text, &mut config.limits.grace_seconds)),
    ("SIDEREUS_LIMITS_SESSION_HOURS", |config, text| parse(text, &mut config.limits.session_hours)),
    ("SIDEREUS_CONNECTIONS_OPEN", |config, text| parse(text, &mut config.connections.open)),
    ("SIDEREUS_CONNECTIONS_OPEN_PER_ADDRESS", |config, text| parse(text, &mut config.connections.open_per_address)),
    ("SIDEREUS_CONNECTIONS_STREAMS", |config, text| parse(text, &mut config.connections.streams)),
    ("SIDEREUS_CONNECTIONS_HEADER_KIB", |config, text| parse(text, &mut config.connections.header_kib)),
    ("SIDEREUS_CONNECTIONS_HEADER_SECONDS", |config, text| parse(text, &mut config.connections.header_seconds)),
    ("SIDEREUS_TLS_CERTIFICATE", |config, text| parse(text, &mut config.tls.certificate)),
    ("SIDEREUS_TLS_KEY", |config, text| parse(text, &mut config.tls.key)),
    ("SIDEREUS_TLS_ALLOW_PLAINTEXT_CREDENTIALS", |config, text| {
        parse(text, &mut config.tls.allow_plaintext_credentials)
    }),
    ("SIDEREUS_ADMIN_LISTEN", |config, text| parse(text, &mut config.admin.listen)),
    ("SIDEREUS_ADMIN_TOKEN", |config, text| parse(text, &mut config.admin.token)),
    ("SIDEREUS_ADMISSION_QUERIES", |config, text| parse(text, &mut config.admission.queries)),
    ("SIDEREUS_ADMISSION_SCANS", |config, text| parse(text, &mut config.admission.scans)),
    ("SIDEREUS_ADMISSION_QUERIES_PER_USER", |config, text| parse(text, &mut config.admission.queries_per_user)),
    ("SIDEREUS_ADMISSION_SCANS_PER_USER", |config, text| parse(text, &mut config.admission.scans_per_user)),
    ("SIDEREUS_ADMISSION_QUEUE", |config, text| parse(text, &mut config.admission.queue)),
    ("SIDEREUS_ADMISSION_QUEUE_PER_USER", |config, text| parse(text, &mut config.admission.queue_per_user)),
    ("SIDEREUS_ADMISSION_QUEUE_SECONDS", |config, text| parse(text, &mut config.admission.queue_seconds)),
    ("SIDEREUS_ENGINE_QUERY_MEMORY_MIB", |config, text| parse(text, &mut config.engine.query_memory_mib)),
    ("SIDEREUS_ENGINE_MEMORY_MIB", |config, text| parse(text, &mut config.engine.memory_mib)),
    ("SIDEREUS_ENGINE_METADATA_CACHE_MIB", |config, text| parse(text, &mut config.engine.metadata_cache_mib)),
    ("SIDEREUS_ENGINE_CROSSMATCH_ROWS", |config, text| parse(text, &mut config.engine.crossmatch_rows)),
    ("SIDEREUS_ENGINE_THREADS", |config, text| parse(text, &mut config.engine.threads)),
    ("SIDEREUS_ENGINE_SHORT_ROWS", |config, text| parse(text, &mut config.engine.short_rows)),
    ("SIDEREUS_ENGINE_LONG_QUERIES", |config, text| parse(text, &mut config.engine.long_queries)),
    ("SIDEREUS_CACHE_FOLDER", |config, text| parse(text, &mut config.cache.folder)),
    ("SIDEREUS_CACHE_MIB", |config, text| parse(text, &mut config.cache.mib)),
    ("SIDEREUS_LANGUAGE_EXTENSIONS_OFF", |config, text| {
        config.language.extensions_off = text.split(',').map(|name| name.trim().to_owned()).collect();
        Ok(())
    }),
    ("SIDEREUS_ENGINE_RULES_OFF", |config, text| parse(text, &mut config.engine.rules_off)),
    ("SIDEREUS_LOG_FORMAT", |config, text| {
        config.log.format = match text {
            "text" => LogFormat::Text,
            "json" => LogFormat::Json,
            _ => return Err(format!("expected text or json, found {text:?}")),
        };
        Ok(())
    }),
    ("SIDEREUS_LOG_FILTER", |config, text| parse(text, &mut config.log.filter)),
];

fn list(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// Applies every variable that `read` knows.
pub(super) fn apply(config: &mut Config, read: impl Fn(&str) -> Option<String>) -> Result<(), ConfigError> {
    for (name, set) in VARIABLES {
        if let Some(text) = read(name) {
            set(config, text.trim()).map_err(|message| ConfigError::Environment { name, message })?;
        }
    }
    Ok(())
}

/// Variables that look like ours and set nothing, for `sidereus config check`.
pub(crate) fn unknown_variables() -> Vec<String> {
    let mut names: Vec<String> = std::env::vars_os()
        .filter_map(|(name, _)| name.into_string().ok())
        .filter(|name| name.starts_with("SIDEREUS_"))
        .filter(|name| !OTHERS.contains(&name.as_str()) && VARIABLES.iter().all(|(known, _)| known != name))
        .collect();
    names.sort_unstable();
    names
}

fn parse<T: FromStr<Err: Display>>(text: &str, value: &mut T) -> Result<(), String> {
    *value = text.parse().map_err(|error| format!("{error}, found {text:?}"))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_override_the_file() {
        let mut config = Config { flight: "127.0.0.1:1".to_owned(), ..Config::default() };
        let read = |name: &str| match name {
            "SIDEREUS_CATALOGS" => Some("/data/a, s3://bucket/b".to_owned()),
            "SIDEREUS_LIMITS_MAX_ROWS" => Some("12".to_owned()),
            "SIDEREUS_ANONYMOUS" => Some("false".to_owned()),
            _ => None,
        };
        apply(&mut config, read).unwrap();
        assert_eq!(config.catalogs, ["/data/a", "s3://bucket/b"]);
        assert_eq!((config.limits.max_rows, config.anonymous), (12, false));
        assert_eq!(config.flight, "127.0.0.1:1");
    }

    #[test]
    fn a_bad_value_names_its_variable() {
        let read = |name: &str| (name == "SIDEREUS_LIMITS_MAX_ROWS").then(|| "many".to_owned());
        let error = apply(&mut Config::default(), read).unwrap_err().to_string();
        assert!(error.contains("SIDEREUS_LIMITS_MAX_ROWS") && error.contains("many"), "{error}");
    }

    #[test]
    fn every_key_outside_lists_has_a_variable() {
        let toml::Value::Table(table) = toml::Value::try_from(Config::default()).unwrap() else { panic!("a table") };
        for (key, value) in table {
            let names: Vec<String> = match value {
                toml::Value::Table(section) => section.keys().map(|inner| format!("{key}_{inner}")).collect(),
                _ if key == "user" => Vec::new(),
                _ => vec![key],
            };
            for name in names {
                let variable = format!("SIDEREUS_{}", name.to_uppercase());
                assert!(VARIABLES.iter().any(|(known, _)| *known == variable), "{variable} is missing");
            }
        }
    }
}
