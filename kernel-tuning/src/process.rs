//! What the process table shows: the limit on descriptors, and whether irqbalance runs.
//!
//! Reads `/proc/self`, so the limit is that of whoever asks: a service manager may give the
//! gateway another one.

use crate::finding::{Commands, Finding, Knob};
use crate::{ReadError, Root};

/// Descriptors wanted: 65 536 proxied connections at two each.
pub(crate) const DESCRIPTORS_MIN: u64 = 131_072;

const LIMITS: &str = "proc/self/limits";
const PROCESSES: &str = "proc";

/// The kernel's own thread that is process 2 wherever all processes of the host are visible.
const KERNEL_THREAD: (&str, &str) = ("proc/2/comm", "kthreadd");

/// A soft or hard limit; none is "unlimited".
type Limit = Option<u64>;

/// Judges the soft limit on open descriptors.
pub(crate) fn check_descriptors(root: &Root) -> Finding {
    let knob = Knob {
        name: "RLIMIT_NOFILE".to_owned(),
        wanted: format!("{DESCRIPTORS_MIN} or more"),
        reason: "A proxied connection holds two descriptors, and beyond the limit new clients \
                 are refused.",
    };
    let (soft, hard) =
        match root.parse(LIMITS, "a line \"Max open files SOFT HARD files\"", parse_limits) {
            Ok(limits) => limits,
            Err(error) => return knob.unknown(error),
        };
    let current = format!("{} (hard {})", shown(soft), shown(hard));
    if soft.is_none_or(|soft| soft >= DESCRIPTORS_MIN) {
        return knob.ok(current);
    }
    let hard_wanted = hard.map(|hard| hard.max(DESCRIPTORS_MIN));
    let commands = Commands {
        how: limit_command(Some(DESCRIPTORS_MIN), hard_wanted),
        undo: limit_command(soft, hard),
    };
    knob.low(current, Some(commands))
}

/// Judges whether irqbalance moves interrupts on this host.
pub(crate) fn check_irqbalance(root: &Root) -> Finding {
    let knob = Knob {
        name: "irqbalance".to_owned(),
        wanted: "not running".to_owned(),
        reason: "It moves interrupts between cores while workers stay pinned, so a worker's \
                 latency changes though nothing else did.",
    };
    match find_irqbalance(root) {
        Ok(None) => knob.ok("not running".to_owned()),
        Ok(Some(id)) => knob.low(
            format!("running as process {id}"),
            Some(Commands {
                how: "systemctl stop irqbalance".to_owned(),
                undo: "systemctl start irqbalance".to_owned(),
            }),
        ),
        Err(error) => knob.unknown(error),
    }
}

fn find_irqbalance(root: &Root) -> Result<Option<u32>, ReadError> {
    let ids: Vec<u32> =
        root.names(PROCESSES)?.iter().filter_map(|name| name.parse().ok()).collect();
    // A process that ended since it was listed has no name to read, and is not the one.
    let named = |id: &u32| {
        root.text(&format!("{PROCESSES}/{id}/comm")).is_ok_and(|name| name == "irqbalance")
    };
    if let Some(id) = ids.into_iter().find(named) {
        return Ok(Some(id));
    }
    // In a container the host's irqbalance is out of sight: not seen is not absent.
    let (path, name) = KERNEL_THREAD;
    if root.text(path).is_ok_and(|found| found == name) {
        return Ok(None);
    }
    Err(ReadError::Unlisted {
        path: root.path(PROCESSES),
        expected: "processes of the host, only of this container",
    })
}

fn parse_limits(text: &str) -> Option<(Limit, Limit)> {
    let line = text.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    let mut words = line.split_whitespace();
    Some((parse_limit(words.next()?)?, parse_limit(words.next()?)?))
}

fn parse_limit(word: &str) -> Option<Limit> {
    if word == "unlimited" {
        return Some(None);
    }
    word.parse().ok().map(Some)
}

fn limit_command(soft: Limit, hard: Limit) -> String {
    format!("prlimit --pid $$ --nofile={}:{}", shown(soft), shown(hard))
}

fn shown(limit: Limit) -> String {
    limit.map_or_else(|| "unlimited".to_owned(), |limit| limit.to_string())
}

#[cfg(test)]
mod tests;
