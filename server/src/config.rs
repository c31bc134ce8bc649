//! The server's settings: one table that flags, environment variables and the TOML file are all
//! read from, and that `sally-server config` prints.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

/// Every setting of the server, read once at start.
#[derive(Clone)]
pub struct Config {
    /// `host:port`; port 0 picks a free one.
    pub listen: String,
    /// Where the SQLite file and the signing key live.
    pub data_dir: PathBuf,
    /// `sqlite://…` or `postgres://…`; unset means `sally.db` in the data directory.
    pub database_url: Option<String>,
    /// `redis://…`, `rediss://…` or `redis-cluster://a:1,b:2`; unset means that the log is in the
    /// database.
    pub redis_url: Option<String>,
    /// The HS256 secret, at least 32 bytes; unset means one that is generated and kept.
    pub jwt_secret: Option<String>,
    /// File or URL of a JWKS whose tokens are accepted too.
    pub jwks: Option<String>,
    /// The `iss` that tokens must carry.
    pub jwt_issuer: Option<String>,
    /// The `aud` that tokens must carry.
    pub jwt_audience: Option<String>,
    /// Exact origins allowed beside the server's own and the desktop's.
    pub allowed_origins: Vec<String>,
    /// Networks of proxies that say whom a request comes from (`X-Forwarded-For`).
    pub trusted_proxies: Vec<IpNet>,
    /// Whether cookies are `Secure`; unset means true unless listening on loopback.
    pub cookie_secure: Option<bool>,
    /// How far back a stream can resume.
    pub log_retention: Duration,
    /// How many events of a tenant a stream can resume over.
    pub log_max_events: u64,
    /// How long messages are kept; unset means for ever.
    pub message_retention: Option<Duration>,
    /// The heartbeat period of event streams and messaging connections.
    pub heartbeat: Duration,
    /// The time over which clients move at shutdown, and its limit.
    pub drain: Duration,
    /// Event streams a user may hold.
    pub max_streams_per_user: usize,
    /// Event streams a tenant may hold.
    pub max_streams_per_tenant: usize,
}

/// One row of the table: a setting's names, default and meaning.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// The TOML key; the flag is the same with dashes, the variable `SALLY_` and upper case.
    pub key: &'static str,
    /// What holds when nobody says anything; empty means unset.
    pub default: &'static str,
    /// What it means, in one line.
    pub help: &'static str,
    /// Whether its value is masked when printed.
    pub secret: bool,
}

impl Setting {
    /// The environment variable.
    pub fn variable(&self) -> String {
        format!("SALLY_{}", self.key.to_uppercase())
    }

    /// The flag, without the leading dashes.
    pub fn flag(&self) -> String {
        self.key.replace('_', "-")
    }
}

const fn setting(key: &'static str, default: &'static str, help: &'static str) -> Setting {
    Setting { key, default, help, secret: false }
}

const fn secret(key: &'static str, help: &'static str) -> Setting {
    Setting { key, default: "", help, secret: true }
}

/// All settings, in the order they are printed.
pub const SETTINGS: [Setting; 18] = [
    setting("listen", "127.0.0.1:8787", "Address to listen on; port 0 picks a free one"),
    setting("data_dir", "", "Directory of the SQLite file and the signing key [default: the platform's]"),
    secret("database_url", "sqlite://… or postgres://… [default: sally.db in the data directory]"),
    secret(
        "redis_url",
        "redis://…, rediss://… or redis-cluster://a:1,b:2: the log, shared by several servers, and raw publishes",
    ),
    secret("jwt_secret", "HS256 secret, at least 32 bytes [default: generated and kept in the data directory]"),
    setting("jwks", "", "File or URL of a JWKS whose RS256, ES256 and EdDSA tokens are accepted too"),
    setting("jwt_issuer", "", "Issuer that tokens must name"),
    setting("jwt_audience", "", "Audience that tokens must name"),
    setting("allowed_origins", "", "Exact origins allowed beside the server's own and the desktop's, comma separated"),
    setting(
        "trusted_proxies",
        "",
        "Addresses or networks of proxies whose X-Forwarded-For limits sign-ins by client, comma separated",
    ),
    setting("cookie_secure", "", "Whether cookies are Secure [default: true unless listening on loopback]"),
    setting("log_retention", "24h", "How far back a stream can resume"),
    setting("log_max_events", "10000", "How many of a tenant's events a stream can resume over"),
    setting("message_retention", "", "How long messages are kept, such as 365d [default: for ever]"),
    setting("heartbeat", "20s", "Heartbeat period of event streams and messaging connections"),
    setting("drain", "25s", "Time over which clients move at shutdown"),
    setting("max_streams_per_user", "16", "Event streams a user may hold"),
    setting("max_streams_per_tenant", "10000", "Event streams a tenant may hold"),
];

/// Where a setting's value came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The command line.
    Flag,
    /// An environment variable.
    Environment,
    /// The TOML file.
    File,
    /// Nobody said anything.
    Default,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Flag => "flag",
            Self::Environment => "environment",
            Self::File => "file",
            Self::Default => "default",
        })
    }
}

/// Why the settings can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A value isn't what its setting needs.
    #[error("{key} ({from}): {problem}")]
    Value {
        /// The setting.
        key: &'static str,
        /// Where the value came from.
        from: Source,
        /// What is wrong with it.
        problem: String,
    },
    /// The file can't be read.
    #[error("the settings file {path}: {problem}")]
    File {
        /// Its path.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The platform names no data directory and neither does anybody else.
    #[error("no data directory is known: set SALLY_DATA_DIR")]
    NoDataDir,
}

/// A setting's effective value and where it came from.
#[derive(Debug, Clone)]
pub struct Effective {
    /// The setting.
    pub setting: Setting,
    /// Its value; `None` when unset.
    pub value: Option<String>,
    /// Where it came from.
    pub from: Source,
}

impl fmt::Display for Effective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = match &self.value {
            Some(_) if self.setting.secret => "********",
            Some(value) => value,
            None => "(unset)",
        };
        write!(f, "{} = {value}  # {}", self.setting.key, self.from)
    }
}

/// Reads the file's settings.
///
/// # Errors
///
/// When it can't be read, isn't TOML, or has a key that is no setting.
pub fn read_file(path: &std::path::Path) -> Result<BTreeMap<String, String>, ConfigError> {
    let problem = |problem: String| ConfigError::File { path: path.to_owned(), problem };
    let text = std::fs::read_to_string(path).map_err(|error| problem(error.to_string()))?;
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| problem(error.to_string()))?;
    let mut values = BTreeMap::new();
    for (key, value) in table {
        if !SETTINGS.iter().any(|setting| setting.key == key) {
            return Err(problem(format!("unknown key {key:?}")));
        }
        let value = match value {
            toml::Value::String(text) => text,
            toml::Value::Array(items) => {
                items.iter().map(|item| item.as_str().unwrap_or_default()).collect::<Vec<_>>().join(",")
            }
            other => other.to_string(),
        };
        values.insert(key, value);
    }
    Ok(values)
}

/// Resolves every setting: a flag before a variable before the file before the default.
///
/// # Errors
///
/// [`ConfigError::Value`] for the first value that can't be used.
pub fn resolve(
    flags: &BTreeMap<String, String>,
    variables: impl Fn(&str) -> Option<String>,
    file: &BTreeMap<String, String>,
) -> Result<(Config, Vec<Effective>), ConfigError> {
    let effective: Vec<Effective> = SETTINGS
        .iter()
        .map(|setting| {
            let (value, from) = if let Some(value) = flags.get(setting.key) {
                (Some(value.clone()), Source::Flag)
            } else if let Some(value) = variables(&setting.variable()) {
                (Some(value), Source::Environment)
            } else if let Some(value) = file.get(setting.key) {
                (Some(value.clone()), Source::File)
            } else {
                (Some(setting.default.to_owned()), Source::Default)
            };
            // An empty value means unset, so that a variable can switch a file's setting off.
            Effective { setting: *setting, value: value.filter(|value| !value.is_empty()), from }
        })
        .collect();
    let config = build(&effective)?;
    Ok((config, effective))
}

fn build(effective: &[Effective]) -> Result<Config, ConfigError> {
    let find = |key: &str| effective.iter().find(|row| row.setting.key == key);
    let text = |key: &str| find(key).and_then(|row| row.value.clone());
    fn parse<T>(row: Option<&Effective>, read: impl Fn(&str) -> Result<T, String>) -> Result<Option<T>, ConfigError> {
        let Some(Effective { setting, value: Some(value), from }) = row else { return Ok(None) };
        let fail = |problem| ConfigError::Value { key: setting.key, from: *from, problem };
        read(value).map(Some).map_err(fail)
    }
    let defaults = Config::default();
    let duration = |key: &str| parse(find(key), |value| parse_duration(value).ok_or_else(|| NO_DURATION.to_owned()));
    let count =
        |key: &str| parse(find(key), |value| value.parse::<usize>().map_err(|_| "expected a whole number".into()));

    let jwt_secret = parse(find("jwt_secret"), |value| match value.len() {
        32.. => Ok(value.to_owned()),
        bytes => Err(format!("needs at least 32 bytes, has {bytes}")),
    })?;
    let database_url = parse(find("database_url"), |value| match value.split_once("://") {
        Some(("sqlite" | "postgres" | "postgresql", _)) => Ok(value.to_owned()),
        _ => Err("expected sqlite://… or postgres://…".into()),
    })?;
    let redis_url = parse(find("redis_url"), |value| match value.split_once("://") {
        Some(("redis" | "rediss" | "redis-cluster", _)) => Ok(value.to_owned()),
        _ => Err("expected redis://…, rediss://… or redis-cluster://a:1,b:2".into()),
    })?;
    Ok(Config {
        listen: text("listen").unwrap_or(defaults.listen),
        data_dir: match text("data_dir") {
            Some(path) => path.into(),
            None => platform_data_dir().ok_or(ConfigError::NoDataDir)?,
        },
        database_url,
        redis_url,
        jwt_secret,
        jwks: text("jwks"),
        jwt_issuer: text("jwt_issuer"),
        jwt_audience: text("jwt_audience"),
        allowed_origins: parse(find("allowed_origins"), parse_origins)?.unwrap_or_default(),
        trusted_proxies: parse(find("trusted_proxies"), parse_networks)?.unwrap_or_default(),
        cookie_secure: parse(find("cookie_secure"), |value| {
            value.parse().map_err(|_| "expected true or false".to_owned())
        })?,
        log_retention: duration("log_retention")?.unwrap_or(defaults.log_retention),
        log_max_events: count("log_max_events")?.map_or(defaults.log_max_events, |count| count as u64).max(1),
        message_retention: duration("message_retention")?,
        heartbeat: duration("heartbeat")?.unwrap_or(defaults.heartbeat).max(Duration::from_millis(100)),
        drain: duration("drain")?.unwrap_or(defaults.drain),
        max_streams_per_user: count("max_streams_per_user")?.unwrap_or(defaults.max_streams_per_user),
        max_streams_per_tenant: count("max_streams_per_tenant")?.unwrap_or(defaults.max_streams_per_tenant),
    })
}

impl Default for Config {
    /// The defaults of [`SETTINGS`], with the current directory's `data` as data directory.
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8787".into(),
            data_dir: "data".into(),
            database_url: None,
            redis_url: None,
            jwt_secret: None,
            jwks: None,
            jwt_issuer: None,
            jwt_audience: None,
            allowed_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            cookie_secure: None,
            log_retention: Duration::from_secs(24 * 60 * 60),
            log_max_events: 10_000,
            message_retention: None,
            heartbeat: Duration::from_secs(20),
            drain: Duration::from_secs(25),
            max_streams_per_user: 16,
            max_streams_per_tenant: 10_000,
        }
    }
}

const NO_DURATION: &str = "expected a duration such as 500ms, 20s, 5m, 24h or 7d";

/// Reads `500ms`, `20s`, `5m`, `24h`, `7d`.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().ok()?;
    let millis = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.checked_mul(millis).map(Duration::from_millis)
}

fn parse_origins(list: &str) -> Result<Vec<String>, String> {
    list.split(',')
        .map(str::trim)
        .filter(|origin| !origin.is_empty())
        .map(|origin| match origin.split_once("://") {
            Some((scheme, host)) if !scheme.is_empty() && !host.is_empty() && !host.contains('/') => {
                Ok(origin.to_ascii_lowercase())
            }
            _ => Err(format!("{origin:?} is not an origin such as https://dispatch.example")),
        })
        .collect()
}

fn parse_networks(list: &str) -> Result<Vec<IpNet>, String> {
    list.split(',')
        .map(str::trim)
        .filter(|network| !network.is_empty())
        .map(|network| {
            let address = network.parse::<std::net::IpAddr>().map(IpNet::from);
            address
                .or_else(|_| network.parse())
                .map_err(|_| format!("{network:?} is no address such as 10.0.0.1 or 10.0.0.0/8"))
        })
        .collect()
}

fn platform_data_dir() -> Option<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = if cfg!(windows) {
        variable("APPDATA")
    } else if cfg!(target_os = "macos") {
        variable("HOME").map(|home| home.join("Library/Application Support"))
    } else {
        variable("XDG_DATA_HOME").or_else(|| variable("HOME").map(|home| home.join(".local/share")))
    };
    base.map(|base| base.join("sally-server"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect()
    }

    fn resolve_from(
        flags: &[(&str, &str)],
        variables: &[(&str, &str)],
        file: &[(&str, &str)],
    ) -> Result<(Config, Vec<Effective>), ConfigError> {
        let variables = map(variables);
        let mut file = map(file);
        file.entry("data_dir".into()).or_insert_with(|| "d".into());
        resolve(&map(flags), |name| variables.get(name).cloned(), &file)
    }

    #[test]
    fn a_flag_wins_over_a_variable_over_the_file() {
        let (config, rows) = resolve_from(
            &[("heartbeat", "1s")],
            &[("SALLY_HEARTBEAT", "2s"), ("SALLY_DRAIN", "2s")],
            &[("heartbeat", "3s"), ("drain", "3s"), ("log_retention", "3s"), ("message_retention", "365d")],
        )
        .expect("valid");
        assert_eq!(
            (config.heartbeat, config.drain, config.log_retention),
            (Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(3))
        );
        assert_eq!(config.message_retention, Some(Duration::from_secs(365 * 86_400)));
        let from = |key| rows.iter().find(|row| row.setting.key == key).expect("a row").from;
        assert_eq!(
            (from("heartbeat"), from("drain"), from("log_retention"), from("listen")),
            (Source::Flag, Source::Environment, Source::File, Source::Default)
        );
    }

    #[test]
    fn defaults_of_the_table_and_of_the_struct_agree() {
        let (config, _) = resolve_from(&[], &[], &[]).expect("valid");
        let defaults = Config::default();
        assert_eq!(config.listen, defaults.listen);
        assert_eq!((config.log_retention, config.heartbeat), (defaults.log_retention, defaults.heartbeat));
        assert_eq!((config.drain, config.log_max_events), (defaults.drain, defaults.log_max_events));
        assert_eq!(config.max_streams_per_user, defaults.max_streams_per_user);
        assert_eq!(config.message_retention, defaults.message_retention);
        assert_eq!(config.max_streams_per_tenant, defaults.max_streams_per_tenant);
    }

    #[test]
    fn a_bad_value_names_its_setting_and_source() {
        let error = |key: &str, value: &str| match resolve_from(&[(key, value)], &[], &[]) {
            Ok(_) => panic!("{key}={value} was taken"),
            Err(error) => error.to_string(),
        };
        assert_eq!(error("jwt_secret", "short"), "jwt_secret (flag): needs at least 32 bytes, has 5");
        assert!(error("heartbeat", "20").starts_with("heartbeat (flag): expected a duration"));
        assert!(error("message_retention", "for ever").starts_with("message_retention (flag): expected a duration"));
        assert!(error("allowed_origins", "dispatch.example").contains("is not an origin"));
        assert!(error("redis_url", "localhost").contains("redis://"));
        assert!(error("database_url", "mysql://db/sally").contains("postgres://"));
    }

    #[test]
    fn secrets_are_masked_when_printed() {
        let flags =
            [("jwt_secret", "sss-sss-sss-sss-sss-sss-sss-sss-"), ("database_url", "postgres://sally:sss@db/sally")];
        let (config, rows) = resolve_from(&flags, &[], &[]).expect("valid");
        assert_eq!(config.database_url.as_deref(), Some(flags[1].1));
        assert!(rows.iter().all(|row| !row.to_string().contains("sss")));
    }

    #[test]
    fn durations_have_units() {
        assert_eq!(parse_duration("500ms"), Some(Duration::from_millis(500)));
        assert_eq!(parse_duration("24h"), Some(Duration::from_secs(86_400)));
        for bad in ["", "20", "s", "1.5s", "-1s", "1w", "99999999999999999999s"] {
            assert_eq!(parse_duration(bad), None, "{bad}");
        }
    }
}
