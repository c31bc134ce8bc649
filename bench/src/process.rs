//! Processes: started and stopped by id, their CPU time and memory from `/proc`.

use std::collections::HashMap;
use std::fs;
use std::io::{self, BufRead as _, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

/// `/proc` counts CPU time in these, whatever the kernel's own tick: `USER_HZ` is 100 on Linux.
const TICK: Duration = Duration::from_millis(10);

/// How long a program may take to end when asked.
const GRACE: Duration = Duration::from_secs(5);

/// A started program; dropping it ends the program and what it started.
pub(crate) struct Program {
    name: String,
    child: Child,
}

impl Program {
    /// Starts `command` on the processor `core`, or on all when there is none.
    ///
    /// # Errors
    ///
    /// When it can't be started.
    pub(crate) fn start(command: &mut Command, core: Option<usize>) -> Result<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        let mut pinned;
        let command = match core {
            None => command,
            // Threads inherit the mask, so it must be there before the program's first one.
            Some(core) => {
                pinned = Command::new("taskset");
                pinned.arg("--cpu-list").arg(core.to_string()).arg(&name).args(command.get_args());
                for (key, value) in command.get_envs() {
                    match value {
                        Some(value) => pinned.env(key, value),
                        None => pinned.env_remove(key),
                    };
                }
                if let Some(folder) = command.get_current_dir() {
                    pinned.current_dir(folder);
                }
                &mut pinned
            }
        };
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let child = command.spawn().with_context(|| format!("cannot start {name}"))?;
        Ok(Self { name, child })
    }

    /// What follows `prefix` in the first line that has it. Whatever else the program says is read
    /// and dropped.
    ///
    /// # Errors
    ///
    /// When it ends without such a line.
    pub(crate) fn said(&mut self, prefix: &str) -> Result<String> {
        let output: ChildStdout = self.child.stdout.take().context("a program speaks only once")?;
        let mut output = BufReader::new(output);
        let mut line = String::new();
        loop {
            line.clear();
            if output.read_line(&mut line).with_context(|| format!("cannot read from {}", self.name))? == 0 {
                bail!("{} ended before it said {prefix:?}", self.name);
            }
            if let Some(rest) = line.trim().strip_prefix(prefix) {
                thread::spawn(move || io::copy(&mut output, &mut io::sink()));
                return Ok(rest.to_owned());
            }
        }
    }

    /// Fails when the program has ended.
    ///
    /// # Errors
    ///
    /// How it ended.
    pub(crate) fn check(&mut self) -> Result<()> {
        match self.child.try_wait().with_context(|| format!("cannot look at {}", self.name))? {
            Some(status) => bail!("{} ended with {status}", self.name),
            None => Ok(()),
        }
    }

    /// The program and what it started, oldest first.
    ///
    /// # Errors
    ///
    /// When `/proc` can't be read.
    pub(crate) fn processes(&self) -> Result<Vec<u32>> {
        let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
        for entry in fs::read_dir("/proc").context("cannot read /proc")? {
            let name = entry.context("cannot read /proc")?.file_name();
            let Some(id) = name.to_str().and_then(|name| name.parse().ok()) else { continue };
            // One that has ended meanwhile is nobody's child.
            if let Ok(fields) = Stat::of(id) {
                children.entry(fields.parent).or_default().push(id);
            }
        }
        let mut found = vec![self.child.id()];
        let mut next = 0;
        while let Some(id) = found.get(next) {
            found.extend(children.remove(id).unwrap_or_default());
            next += 1;
        }
        Ok(found)
    }

    /// The CPU time of the program and what it started, so far.
    ///
    /// # Errors
    ///
    /// When it has ended.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        self.processes()?.into_iter().map(|id| Cpu::of(id).map(|cpu| cpu.0)).sum()
    }

    /// The memory of the program and what it started, shared pages by halves (PSS), in bytes.
    /// What the kernel keeps for its sockets isn't in it.
    ///
    /// # Errors
    ///
    /// When it has ended, or `/proc` shows it to its owner only.
    pub(crate) fn memory_bytes(&self) -> Result<u64> {
        let pss = |id: u32| {
            let path = format!("/proc/{id}/smaps_rollup");
            let rollup = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
            let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"));
            let kib = line.and_then(|line| line.split_whitespace().next()).and_then(|kib| kib.parse::<u64>().ok());
            Ok(kib.with_context(|| format!("{path} has no Pss"))? * 1024)
        };
        self.processes()?.into_iter().map(pss).sum()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // A program that has children ends them when asked, not when killed.
        if let Some(id) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let asked = kill_process(id, Signal::TERM);
            let end = Instant::now() + GRACE;
            while asked.is_ok() && Instant::now() < end {
                if matches!(self.child.try_wait(), Ok(Some(_)) | Err(_)) {
                    return;
                }
                thread::sleep(Duration::from_millis(20));
            }
        }
        // It may have ended at the last moment; then there is nothing to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// CPU time of one process, in the kernel and outside.
pub(crate) struct Cpu(pub(crate) Duration);

impl Cpu {
    /// That of the process `id`, with all its threads, so far; in steps of 10 ms.
    ///
    /// # Errors
    ///
    /// When there is no such process.
    pub(crate) fn of(id: u32) -> Result<Self> {
        Ok(Self(TICK * Stat::of(id)?.ticks))
    }
}

/// What is used of `/proc/<pid>/stat`, see proc(5).
struct Stat {
    parent: u32,
    ticks: u32,
}

impl Stat {
    fn of(id: u32) -> Result<Self> {
        let path = format!("/proc/{id}/stat");
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
        Self::parse(&text).with_context(|| format!("{path} has another form"))
    }

    fn parse(text: &str) -> Option<Self> {
        // The name is in parentheses and may have any character; what follows is numbered from 3.
        let (_, rest) = text.rsplit_once(") ")?;
        let fields: Vec<&str> = rest.split(' ').collect();
        let number = |field: usize| fields.get(field - 3)?.parse::<u32>().ok();
        Some(Self { parent: number(4)?, ticks: number(14)?.checked_add(number(15)?)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stat_line_is_read_whatever_the_name() {
        let stat = Stat::parse("42 (a) b (c) S 7 42 42 0 -1 4194560 1 0 0 0 250 50 9 9 20 0 1 0 5 6 7").expect("read");
        assert_eq!((stat.parent, stat.ticks), (7, 300));
    }

    #[test]
    fn a_program_is_found_with_its_children_and_ends() {
        // It speaks when the child is there.
        let mut program =
            Program::start(Command::new("sh").args(["-c", "sleep 60 & echo up; wait"]), None).expect("sh");
        assert_eq!(program.said("u").expect("a line"), "p");
        let processes = program.processes().expect("/proc");
        assert_eq!(processes.len(), 2);
        assert!(program.memory_bytes().expect("memory") > 0);
        drop(program);
        assert!(Stat::of(processes[0]).is_err());
        // The shell doesn't end what it started; init would. Here it is ended by its id.
        let sleep = Pid::from_raw(processes[1].cast_signed()).expect("an id");
        kill_process(sleep, Signal::KILL).expect("ended");
    }
}
