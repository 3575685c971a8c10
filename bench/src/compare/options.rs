//! Options of `halftone bench compare`.

use std::path::PathBuf;

use serde::Serialize;

use super::workload::Workload;
use crate::contender::Entrant;

/// Whether something is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Switch {
    /// It is done.
    On,
    /// It is not.
    Off,
}

/// Options of `halftone bench compare`.
#[derive(Debug, Clone, Serialize, clap::Args)]
pub struct CompareOptions {
    /// What halftone is compared with, in this order
    #[arg(long, value_enum, value_delimiter = ',', default_value = "nginx")]
    pub peers: Vec<Entrant>,
    /// What stands in the first place of every ratio
    #[arg(long, value_enum, default_value = "halftone")]
    pub subject: Entrant,
    /// What is asked for and answered, one after the other
    #[arg(long, value_enum, value_delimiter = ',', default_value = "plain")]
    pub workload: Vec<Workload>,
    /// Rounds; medians are taken over them
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub rounds: u32,
    /// Seconds per measured phase, after one second of warm-up or less
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=3600))]
    pub seconds: u32,
    /// Client connections
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=8192))]
    pub connections: u32,
    /// Requests per second of the fixed-rate phase; a fifth of it for short and b16k, a hundredth for b1m
    #[arg(long, default_value_t = 25_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub rate: u32,
    /// Measures memory instead: opens so many connections, asks once on each, and leaves them idle
    #[arg(long, value_name = "CONNECTIONS", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub idle: Option<u32>,
    /// Share of a phase that other processes may take of the CPUs before it is repeated, and then dropped
    #[arg(long, value_name = "PERCENT", default_value_t = 5, value_parser = clap::value_parser!(u32).range(0..=1000))]
    pub disturbed_max: u32,
    /// Engine `halftone` is started with
    #[arg(long, default_value = "auto")]
    pub engine: String,
    /// Whether every contender writes an access log
    #[arg(long, value_enum, default_value = "on")]
    pub access_log: Switch,
    /// Prints the report as JSON instead of tables
    #[arg(long)]
    pub json: bool,
    /// The halftone binary, if not the running one
    #[arg(long, hide = true)]
    pub halftone: Option<PathBuf>,
}
