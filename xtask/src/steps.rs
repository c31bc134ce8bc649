//! Stages with their durations.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// The stages of one command.
pub(crate) struct Steps {
    started: Instant,
    done: Vec<(String, Duration)>,
}

impl Steps {
    pub(crate) fn new() -> Self {
        Self { started: Instant::now(), done: Vec::new() }
    }

    /// Announces a stage, runs it, and says how long it took.
    ///
    /// # Errors
    ///
    /// The stage's own, with its name before it.
    pub(crate) fn run<T>(&mut self, name: &str, stage: impl FnOnce() -> Result<T>) -> Result<T> {
        println!("\n==> {name}");
        let started = Instant::now();
        let outcome = stage().with_context(|| name.to_owned())?;
        let took = started.elapsed();
        println!("<== {name}: {}", seconds(took));
        self.done.push((name.to_owned(), took));
        Ok(outcome)
    }

    /// Prints every stage with its duration, and the sum.
    pub(crate) fn print(&self) {
        println!();
        for (name, took) in &self.done {
            println!("{:>9}  {name}", seconds(*took));
        }
        println!("{:>9}  in all", seconds(self.started.elapsed()));
    }
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}
