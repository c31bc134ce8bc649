//! The Lua scripts, and how one is called for a tenant.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use redis::{AsyncCommands as _, FromRedisValue, Script, Value, from_redis_value};
use sally_protocol::Tenant;
use sally_protocol::cursor::Epoch;

use super::SIGNAL_CHANNEL;
use crate::link::Link;
use crate::log::{LogError, Position};

/// The set of all tenants that have a log.
const TENANTS_KEY: &str = "sally:tenants";

/// All scripts; each begins with `stand.lua`.
pub(super) struct Scripts {
    pub(super) append: Script,
    pub(super) position: Script,
    pub(super) read: Script,
    pub(super) compacted: Script,
    pub(super) trim: Script,
}

impl Scripts {
    fn new() -> Self {
        let script = |page: &str| Script::new(&format!("{}\n{page}", include_str!("stand.lua")));
        Self {
            append: script(include_str!("append.lua")),
            position: script(include_str!("position.lua")),
            read: script(include_str!("read.lua")),
            compacted: script(include_str!("compacted.lua")),
            trim: script(include_str!("trim.lua")),
        }
    }
}

/// Calls scripts, and remembers where each tenant's log was seen to stand: a log that has fallen
/// behind that has lost writes, and the next script begins its next life.
pub(super) struct Caller {
    pub(super) scripts: Scripts,
    link: Arc<Link>,
    known: Mutex<HashMap<Tenant, Position>>,
}

/// What a script is given beside the tenant and what is known of it.
#[derive(Default)]
pub(super) struct Given {
    /// The keys from 6 on.
    pub(super) keys: Vec<String>,
    /// The arguments from 7 on.
    pub(super) arguments: Vec<String>,
}

impl Given {
    pub(super) fn arguments<const N: usize>(arguments: [String; N]) -> Self {
        Self { keys: Vec::new(), arguments: arguments.into() }
    }
}

impl Caller {
    pub(super) fn new(link: Arc<Link>) -> Self {
        Self { scripts: Scripts::new(), link, known: Mutex::default() }
    }

    /// Calls a script of a tenant whose log begins where there is none.
    pub(super) async fn call<T: FromRedisValue>(
        &self,
        tenant: &Tenant,
        script: &Script,
        given: &Given,
    ) -> Result<(Position, T), LogError> {
        if let Some(answer) = self.call_existing(tenant, script, given).await? {
            return Ok(answer);
        }
        // Whoever notes a gap goes by this set, so the tenant is in it before its log begins.
        let mut wire = self.link.wire().await?;
        let _: () = self.checked(wire.sadd(TENANTS_KEY, tenant.as_str()).await)?;
        let answer = self.invoke(tenant, script, given, true).await?;
        answer.ok_or_else(|| LogError::Corrupt("a log did not begin".into()))
    }

    /// Calls a script; `None` where the tenant has no log.
    pub(super) async fn call_existing<T: FromRedisValue>(
        &self,
        tenant: &Tenant,
        script: &Script,
        given: &Given,
    ) -> Result<Option<(Position, T)>, LogError> {
        self.invoke(tenant, script, given, false).await
    }

    async fn invoke<T: FromRedisValue>(
        &self,
        tenant: &Tenant,
        script: &Script,
        given: &Given,
        may_begin: bool,
    ) -> Result<Option<(Position, T)>, LogError> {
        let mut wire = self.link.wire().await?;
        let fresh_epoch = rand::random::<u64>() >> 1;
        let (epoch, head) = match self.known(tenant) {
            Some(known) => (known.epoch.0.to_string(), known.offset),
            None => (String::new(), 0),
        };
        let mut call = script.prepare_invoke();
        for part in ["meta", "log", "view", "entities", "leaves"] {
            call.key(key(tenant, part));
        }
        call.key(&given.keys).arg(tenant.as_str()).arg(u8::from(may_begin)).arg(fresh_epoch);
        call.arg(epoch).arg(head).arg(SIGNAL_CHANNEL).arg(&given.arguments);
        let answer: Vec<Value> = self.checked(call.invoke_async(&mut wire).await)?;
        let Ok([epoch, head, found]) = <[Value; 3]>::try_from(answer) else { return Ok(None) };
        let position = Position { epoch: Epoch(number(epoch)?), offset: number(head)? };
        self.learn(tenant, position);
        Ok(Some((position, from_redis_value(found).map_err(|error| LogError::Corrupt(error.to_string()))?)))
    }

    /// All tenants that have a log.
    pub(super) async fn tenants(&self) -> Result<Vec<Tenant>, LogError> {
        let mut wire = self.link.wire().await?;
        // Should the set have lost its newest members, this node's own tenants are still in it.
        let mut names: std::collections::BTreeSet<String> =
            self.known_tenants().iter().map(|tenant| tenant.as_str().to_owned()).collect();
        if !names.is_empty() {
            let _: () = self.checked(wire.sadd(TENANTS_KEY, &names).await)?;
        }
        names.extend(self.checked(wire.smembers::<_, Vec<String>>(TENANTS_KEY).await)?);
        names.iter().map(|name| Tenant::parse(name).map_err(|error| LogError::Corrupt(error.to_string()))).collect()
    }

    /// Takes note of where a log was seen to stand.
    pub(super) fn learn(&self, tenant: &Tenant, seen: Position) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        match known.get_mut(tenant) {
            Some(known) if known.epoch == seen.epoch => known.offset = known.offset.max(seen.offset),
            Some(known) => *known = seen,
            None => drop(known.insert(tenant.clone(), seen)),
        }
    }

    fn known(&self, tenant: &Tenant) -> Option<Position> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(tenant).copied()
    }

    fn known_tenants(&self) -> Vec<Tenant> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
    }

    /// Has the connection checked after a failure.
    fn checked<T>(&self, answer: Result<T, redis::RedisError>) -> Result<T, LogError> {
        answer.map_err(|error| {
            self.link.doubt();
            LogError::Backend(error.to_string())
        })
    }
}

/// One of a tenant's keys. The braces keep all of them in one slot of a cluster.
pub(super) fn key(tenant: &Tenant, part: &str) -> String {
    format!("sally:{{{tenant}}}:{part}", tenant = tenant.as_str())
}

fn number(value: Value) -> Result<u64, LogError> {
    let text: String = from_redis_value(value).map_err(|error| LogError::Corrupt(error.to_string()))?;
    text.parse().map_err(|_| LogError::Corrupt(format!("not a number: {text:?}")))
}
