//! What can the operator set, and what holds where nothing is set?
//!
//! One TOML file, then `SIDEREUS_...` variables of the environment, then options of the command line; a later source wins.
//! Unknown keys are errors that show their line. `sidereus.example.toml` beside this crate's manifest documents every key with its
//! default; a test holds the two together. Nothing here opens a socket or a catalog.

mod admin;
mod admission;
mod bundled;
mod environment;
mod jobs;
mod listen;
mod network;
mod outgoing;
mod settings;
mod tables;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sidereus_engine::{BlockCacheOptions, CatalogOverrides, EngineOptions, Extension, Principal, Rules, Views};

use crate::auth::{self, Authenticator};
use crate::queries::AdmissionLimits;

use admin::Admin;
use admission::Admission;
pub(crate) use bundled::bundled_catalogs;
pub(crate) use environment::unknown_variables;
pub(crate) use jobs::Jobs;
pub(crate) use listen::Connections;
use listen::TlsFiles;
pub(crate) use network::Network;
pub(crate) use outgoing::Outgoing;
use settings::{Cache, Engine, Language, Limits, UserEntry};
pub(crate) use settings::{Log, LogFormat};
use tables::{TableOverride, View, table_name};

const MIB: usize = 1 << 20;

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read configuration {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The file is not what is expected; the text shows the line.
    #[error("configuration {}: {}", path.display(), source.to_string().trim_end())]
    Parse {
        /// The file.
        path: PathBuf,
        /// The cause, with its place.
        source: Box<toml::de::Error>,
    },
    /// A variable of the environment has a value that does not fit.
    #[error("environment variable {name}: {message}")]
    Environment {
        /// The variable.
        name: &'static str,
        /// What was expected.
        message: String,
    },
    /// A value that parses and makes no sense.
    #[error("configuration key {key}: {message}")]
    Value {
        /// The key with its section.
        key: String,
        /// What was expected.
        message: String,
    },
    /// Nothing to serve.
    #[error(
        "no catalogs: name a folder or URL with --catalogs, SIDEREUS_CATALOGS or the key `catalogs` (the bundled catalogs were not found)"
    )]
    NoCatalogs,
}

/// The whole configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// Roots of catalogs: folders or URLs; empty serves the bundled ones.
    pub(crate) catalogs: Vec<String>,
    /// Address of the Flight SQL listener; port 0 takes a free one.
    pub(crate) flight: String,
    /// Address of the HTTP listener; port 0 takes a free one.
    pub(crate) http: String,
    /// URL under which clients reach the HTTP listener, behind a proxy; empty takes the request's own host.
    pub(crate) public_url: String,
    /// Addresses and networks of proxies whose word on the client counts.
    pub(crate) trusted_proxies: Vec<String>,
    /// Origins of web pages whose scripts may ask, over HTTP; `*` is any.
    pub(crate) cors_origins: Vec<String>,
    /// Whether requests without credentials are served.
    pub(crate) anonymous: bool,
    /// Seconds after which remote roots are looked at again; 0 leaves that to `SIGHUP`.
    pub(crate) remote_seconds: u64,
    /// Folder of what must outlive the process; empty is the user's own, [`Config::state_folder`].
    pub(crate) state: String,
    /// Limits of requests.
    pub(crate) limits: Limits,
    /// Jobs and the files that are kept for users.
    pub(crate) jobs: Jobs,
    /// Limits of connections.
    pub(crate) connections: Connections,
    /// Encryption of both listeners.
    pub(crate) tls: TlsFiles,
    /// From where tables are fetched that requests name by URL.
    pub(crate) outgoing: Outgoing,
    /// The listener of operators.
    pub(crate) admin: Admin,
    /// How many queries work at the same time, and how many wait.
    pub(crate) admission: Admission,
    /// Resources of the process.
    pub(crate) engine: Engine,
    /// What is kept of remote catalogs on the local disk.
    pub(crate) cache: Cache,
    /// The language of queries.
    pub(crate) language: Language,
    /// What is logged, and how.
    pub(crate) log: Log,
    /// Users, by `[[user]]` entries.
    #[serde(rename = "user", skip_serializing_if = "Vec::is_empty")]
    pub(crate) users: Vec<UserEntry>,
    /// What differs from a catalog's own metadata, by `[table."schema.name"]` sections.
    #[serde(rename = "table", skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) tables: BTreeMap<String, TableOverride>,
    /// Queries that are tables, by `[view."schema.name"]` sections.
    #[serde(rename = "view", skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) views: BTreeMap<String, View>,
    /// Other names of tables, and what they mean.
    #[serde(rename = "alias", skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) aliases: BTreeMap<String, String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            catalogs: Vec::new(),
            flight: "127.0.0.1:32010".to_owned(),
            http: "127.0.0.1:8080".to_owned(),
            public_url: String::new(),
            trusted_proxies: Vec::new(),
            cors_origins: Vec::new(),
            anonymous: true,
            remote_seconds: 60,
            state: String::new(),
            limits: Limits::default(),
            jobs: Jobs::default(),
            connections: Connections::default(),
            tls: TlsFiles::default(),
            outgoing: Outgoing::default(),
            admin: Admin::default(),
            admission: Admission::default(),
            engine: Engine::default(),
            cache: Cache::default(),
            language: Language::default(),
            log: Log::default(),
            users: Vec::new(),
            tables: BTreeMap::new(),
            views: BTreeMap::new(),
            aliases: BTreeMap::new(),
        }
    }
}

impl Config {
    /// Reads the file, if one is named, and the environment; checks every value.
    pub(crate) fn load(path: Option<&Path>) -> Result<Self, ConfigError> {
        let mut config = match path {
            Some(path) => Self::read(path)?,
            None => Self::default(),
        };
        environment::apply(&mut config, |name| std::env::var(name).ok())?;
        config.check()?;
        Ok(config)
    }

    /// The roots to serve: those that were named, else the bundled catalogs.
    pub(crate) fn roots(&self) -> Result<Vec<String>, ConfigError> {
        if !self.catalogs.is_empty() {
            return Ok(self.catalogs.clone());
        }
        bundled_catalogs().map(|path| vec![path.display().to_string()]).ok_or(ConfigError::NoCatalogs)
    }

    /// The folder of what must outlive the process.
    ///
    /// *Errors*: none is configured, and the environment names no home.
    pub(crate) fn state_folder(&self) -> Result<PathBuf, ConfigError> {
        if !self.state.is_empty() {
            return Ok(PathBuf::from(&self.state));
        }
        jobs::usual_state_folder()
            .ok_or_else(|| value("state", "name a folder: neither XDG_STATE_HOME nor HOME is set"))
    }

    /// Networks of proxies whose word counts.
    pub(crate) fn networks(&self) -> Vec<Network> {
        self.trusted_proxies.iter().filter_map(|proxy| proxy.parse().ok()).collect()
    }

    /// Rows after which an answer is cut: what was asked for or the default, below the ceiling; `None` is unlimited.
    pub(crate) fn row_limit(&self, asked: Option<u64>) -> Option<u64> {
        let default = self.limits.default_rows;
        self.row_ceiling(asked.or_else(|| (default > 0).then_some(default)))
    }

    /// The same without a default.
    pub(crate) fn row_ceiling(&self, asked: Option<u64>) -> Option<u64> {
        let ceiling = (self.limits.max_rows > 0).then_some(self.limits.max_rows);
        match (asked, ceiling) {
            (Some(asked), Some(ceiling)) => Some(asked.min(ceiling)),
            (asked, ceiling) => asked.or(ceiling),
        }
    }

    /// What differs from the catalogs' own metadata.
    pub(crate) fn overrides(&self) -> Result<CatalogOverrides, ConfigError> {
        let named = |(name, table): (&String, &TableOverride)| {
            let key = format!("table.{name:?}");
            Ok((table_name(&key, name)?, table.for_engine(&key)?))
        };
        self.tables.iter().map(named).collect()
    }

    /// What is defined beside catalogs.
    pub(crate) fn views(&self) -> Result<Views, ConfigError> {
        let alias = |(name, target): (&String, &String)| {
            let key = format!("alias.{name:?}");
            Ok((table_name(&key, name)?, table_name(&key, target)?))
        };
        Ok(Views {
            views: self.views.iter().map(|(name, view)| view.for_engine(name)).collect::<Result<_, ConfigError>>()?,
            aliases: self.aliases.iter().map(alias).collect::<Result<_, ConfigError>>()?,
        })
    }

    /// The engine's share of the configuration.
    pub(crate) fn engine_options(&self) -> Result<EngineOptions, ConfigError> {
        let defaults = EngineOptions::default();
        let rules = Rules::all().without(&self.engine.rules_off);
        let off = self.language.extensions_off.iter().map(|name| Extension::from_name(name)).collect::<Result<_, _>>();
        let threads = if self.engine.threads == 0 { defaults.threads } else { self.engine.threads };
        let long_queries = if self.engine.long_queries == 0 { 4 * threads } else { self.engine.long_queries };
        Ok(EngineOptions {
            memory_limit: self.engine.memory_mib.saturating_mul(MIB),
            query_memory: self.engine.query_memory_mib.saturating_mul(MIB),
            metadata_cache: self.engine.metadata_cache_mib.saturating_mul(MIB),
            block_cache: (!self.cache.folder.is_empty()).then(|| BlockCacheOptions {
                folder: self.cache.folder.clone().into(),
                bytes: self.cache.mib.saturating_mul(MIB as u64),
            }),
            crossmatch_rows: self.engine.crossmatch_rows,
            threads,
            short_rows: self.engine.short_rows,
            long_queries,
            rules: rules.map_err(|error| value("engine.rules_off", error.to_string()))?,
            extensions_off: off.map_err(|error| value("language.extensions_off", error.to_string()))?,
        })
    }

    /// How many queries work and wait.
    pub(crate) fn admission_limits(&self) -> Result<AdmissionLimits, ConfigError> {
        self.admission.limits(self.engine_options()?.threads)
    }

    /// An authenticator for the configured users.
    pub(crate) fn authenticator(&self) -> Authenticator {
        let users = self.users.iter().map(|user| auth::User {
            name: user.name.clone(),
            password_hash: user.password_hash.clone(),
            groups: user.groups.clone(),
        });
        Authenticator::new(users, self.anonymous, Duration::from_secs(self.limits.session_hours * 3600))
    }

    /// On whose behalf commands of the local machine run: the owner of the files, a member of every group named.
    pub(crate) fn owner(&self) -> Principal {
        let groups = self.tables.values().filter_map(|table| table.groups.as_ref()).flatten().cloned();
        Principal::user("owner", groups)
    }

    /// The effective configuration as TOML, without secrets.
    pub(crate) fn show(&self) -> Result<String, toml::ser::Error> {
        let mut shown = self.clone();
        for user in &mut shown.users {
            user.password_hash = "(hidden)".to_owned();
        }
        if !shown.admin.token.is_empty() {
            shown.admin.token = "(hidden)".to_owned();
        }
        toml::to_string_pretty(&shown)
    }

    fn read(path: &Path) -> Result<Self, ConfigError> {
        let text =
            std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        toml::from_str(&text).map_err(|source| ConfigError::Parse { path: path.to_owned(), source: Box::new(source) })
    }

    fn check(&self) -> Result<(), ConfigError> {
        check_address("flight", &self.flight)?;
        check_address("http", &self.http)?;
        if !self.public_url.is_empty() {
            check_url(&self.public_url)?;
        }
        if self.limits.body_mib == 0 || self.limits.session_hours == 0 {
            return Err(value("limits", "body_mib and session_hours must be at least 1"));
        }
        if self.limits.session_hours > 24 * 366 {
            return Err(value("limits.session_hours", "at most one year (8784)"));
        }
        if self.engine.memory_mib == 0 {
            return Err(value("engine.memory_mib", "must be at least 1"));
        }
        for proxy in &self.trusted_proxies {
            proxy.parse::<Network>().map_err(|error| value("trusted_proxies", error.to_string()))?;
        }
        for origin in self.cors_origins.iter().filter(|origin| *origin != "*") {
            check_origin(origin)?;
        }
        self.jobs.check()?;
        self.outgoing.way()?;
        self.engine_options()?;
        self.admission_limits()?;
        self.admin.check()?;
        self.connections.check()?;
        self.tls.check()?;
        self.overrides()?;
        self.views()?;
        self.check_users()
    }

    fn check_users(&self) -> Result<(), ConfigError> {
        let mut names = std::collections::BTreeSet::new();
        for user in &self.users {
            let key = format!("user {:?}", user.name);
            if user.name.is_empty() || user.name.contains(':') || user.name.chars().any(char::is_control) {
                return Err(value(key, "a name is not empty and holds no colon and no control character"));
            }
            if !names.insert(&user.name) {
                return Err(value(key, "the name is used twice"));
            }
            auth::check_hash(&user.password_hash).map_err(|error| value(key, error.to_string()))?;
        }
        Ok(())
    }
}

fn check_address(key: &str, address: &str) -> Result<(), ConfigError> {
    let port = address.rsplit_once(':').filter(|(host, _)| !host.is_empty()).and_then(|(_, port)| port.parse().ok());
    let Some(_port): Option<u16> = port else {
        return Err(value(key, format!("expected HOST:PORT, such as 127.0.0.1:8080, found {address:?}")));
    };
    Ok(())
}

fn check_origin(text: &str) -> Result<(), ConfigError> {
    let url = url::Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    match url.is_some_and(|url| url.origin().ascii_serialization() == text) {
        true => Ok(()),
        false => {
            Err(value("cors_origins", format!("expected an origin such as https://sky.example.org, found {text:?}")))
        }
    }
}

fn check_url(text: &str) -> Result<(), ConfigError> {
    let url = url::Url::parse(text).map_err(|error| value("public_url", error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") || url.query().is_some() || url.fragment().is_some() {
        return Err(value("public_url", "expected an http or https URL without query and fragment"));
    }
    Ok(())
}

fn value(key: impl Into<String>, message: impl Into<String>) -> ConfigError {
    ConfigError::Value { key: key.into(), message: message.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_file_holds_the_defaults() {
        let text = include_str!("../../sidereus.example.toml");
        assert_eq!(toml::from_str::<Config>(text).unwrap(), Config::default());
        let table = toml::to_string(&Config::default()).unwrap();
        for key in table.lines().filter_map(|line| line.split_once(" = ")).map(|(key, _)| key) {
            assert!(text.lines().any(|line| line.starts_with(&format!("{key} ="))), "{key} is not documented");
        }
    }

    #[test]
    fn unknown_keys_show_their_line() {
        let error = parse("flight = \"127.0.0.1:1\"\n\n[limits]\nmax_row = 3\n").unwrap_err().to_string();
        assert!(error.contains("line 4") && error.contains("max_row"), "{error}");
    }

    #[test]
    fn senseless_values_name_their_key() {
        for (text, part) in [
            ("flight = \"32010\"", "HOST:PORT"),
            ("http = \"localhost:99999\"", "HOST:PORT"),
            ("public_url = \"ftp://x/\"", "http or https"),
            ("[limits]\nbody_mib = 0", "body_mib"),
            ("[engine]\nrules_off = \"pages\"", "page_pruning"),
            ("[tls]\nkey = \"k.pem\"", "go together"),
            ("[connections]\nheader_kib = 1", "header_kib"),
            ("[outgoing]\nhosts = [\"http://a.example/\"]", "HOST:PORT"),
            ("[admin]\nlisten = \"0.0.0.0:9090\"", "admin.token"),
            ("[admission]\nqueries = 4\nscans = 4", "fewer than admission.queries (4)"),
            ("[admission]\nqueries_per_user = 1", "fewer than admission.queries_per_user (1)"),
            ("[language]\nextensions_off = [\"cases\"]", "window-functions"),
            ("[table.tycho]\ndescription = \"x\"", "SCHEMA.TABLE"),
            ("[table.\"public.t\"]\nra = \"x\"", "go together"),
            ("[table.\"public.t\"]\nframe = \"FK4\"", "expected ICRS or FK5"),
            ("[table.\"public.t\"]\nepoch = \"2016\"", "such as J2016.0"),
            ("[table.\"public.t\"]\ndoi = \"10\"", "expected a DOI"),
            ("[view.tycho]\nquery = \"x\"", "SCHEMA.TABLE"),
            ("[alias]\n\"a.b\" = \"c\"", "SCHEMA.TABLE"),
            ("[[user]]\nname = \"a\"\npassword_hash = \"secret\"", "argon2"),
            ("[[user]]\nname = \"a:b\"\npassword_hash = \"secret\"", "colon"),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn what_is_shown_can_be_read_and_holds_no_secret() {
        let hash = auth::hash_password("moons!").unwrap();
        let text = format!("[[user]]\nname = \"galileo\"\npassword_hash = \"{hash}\"\ngroups = [\"observers\"]");
        let config = parse(&text).unwrap();
        let shown = config.show().unwrap();
        assert!(shown.contains("galileo") && !shown.contains("argon2"), "{shown}");
        assert!(!format!("{config:?}").contains("argon2"));
        toml::from_str::<Config>(&shown).unwrap();
    }

    #[test]
    fn the_owner_is_in_every_group() {
        let config = parse("[table.\"public.t\"]\ngroups = [\"survey\"]").unwrap();
        assert!(config.owner().is_member("survey"));
    }

    fn parse(text: &str) -> Result<Config, ConfigError> {
        let path = PathBuf::from("test.toml");
        let config: Config =
            toml::from_str(text).map_err(|source| ConfigError::Parse { path, source: Box::new(source) })?;
        config.check()?;
        Ok(config)
    }
}
