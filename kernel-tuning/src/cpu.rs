//! Processors and memory: which CPUs are online, their governor, and huge pages.

use crate::finding::{Commands, Finding, Knob, write_command};
use crate::{ReadError, Root};

const CPUS: &str = "sys/devices/system/cpu";
const CPUS_ONLINE: &str = "sys/devices/system/cpu/online";
const HUGE_PAGES: &str = "sys/kernel/mm/transparent_hugepage/enabled";
const GOVERNOR: &str = "performance";

/// CPU numbers end here; the largest that Linux is built for on x86-64.
const CPU_IDS_END: u32 = 8192;

/// Judges whether huge pages are given to mappings that did not ask.
pub(crate) fn check_huge_pages(root: &Root) -> Finding {
    let knob = Knob {
        name: "transparent_hugepage".to_owned(),
        wanted: "madvise or never".to_owned(),
        reason: "Huge pages given to every mapping swell a worker's memory, and making room for \
                 them stalls requests.",
    };
    let command = |value: &str| write_command(&[(format!("/{HUGE_PAGES}"), value.to_owned())]);
    match root.parse(HUGE_PAGES, "one of [always], [madvise], [never]", parse_choice) {
        Ok("always") => knob.low(
            "always".to_owned(),
            Some(Commands { how: command("madvise"), undo: command("always") }),
        ),
        Ok(choice) => knob.ok(choice.to_owned()),
        Err(error) => knob.unknown(error),
    }
}

/// Judges the frequency governor of every CPU that has one.
pub(crate) fn check_governor(root: &Root) -> Finding {
    let knob = Knob {
        name: "scaling_governor".to_owned(),
        wanted: format!("{GOVERNOR} on every CPU"),
        reason: "A CPU that slows down while idle adds its way back up to the latency of the \
                 next request.",
    };
    let governors = match read_governors(root) {
        Ok(governors) => governors,
        Err(error) => return knob.unknown(error),
    };
    let low: Vec<(String, String)> =
        governors.iter().filter(|(_, name)| name != GOVERNOR).cloned().collect();
    let current = describe(&governors);
    if low.is_empty() {
        return knob.ok(current);
    }
    let wanted: Vec<(String, String)> =
        low.iter().map(|(path, _)| (path.clone(), GOVERNOR.to_owned())).collect();
    knob.low(current, Some(Commands { how: write_command(&wanted), undo: write_command(&low) }))
}

/// Reads which CPUs are online, in order.
pub(crate) fn read_online(root: &Root) -> Result<Vec<u32>, ReadError> {
    root.parse(CPUS_ONLINE, "a list of CPUs such as 0-3,8", parse_cpus)
}

/// Parses the kernel's list of CPUs, as in `0-3,8`.
fn parse_cpus(text: &str) -> Option<Vec<u32>> {
    let mut cpus = Vec::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
        if first > last || last >= CPU_IDS_END || cpus.last().is_some_and(|&before| before >= first)
        {
            return None;
        }
        cpus.extend(first..=last);
    }
    Some(cpus)
}

fn parse_choice(text: &str) -> Option<&'static str> {
    let chosen =
        text.split_whitespace().find_map(|word| word.strip_prefix('[')?.strip_suffix(']'))?;
    ["always", "madvise", "never"].into_iter().find(|&known| known == chosen)
}

/// Reads pairs of the governor's absolute path and its name; a CPU that is offline has none.
fn read_governors(root: &Root) -> Result<Vec<(String, String)>, ReadError> {
    let mut cpus: Vec<u32> = root
        .names(CPUS)?
        .iter()
        .filter_map(|name| name.strip_prefix("cpu")?.parse().ok())
        .collect();
    cpus.sort_unstable();
    let mut governors = Vec::new();
    for cpu in cpus {
        let path = format!("{CPUS}/cpu{cpu}/cpufreq/scaling_governor");
        match root.parse(&path, "the name of a governor", parse_governor) {
            Ok(governor) => governors.push((format!("/{path}"), governor)),
            Err(ReadError::Missing { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    if governors.is_empty() {
        return Err(ReadError::Unlisted {
            path: root.path(CPUS),
            expected: "CPU with a governor, as in most guests",
        });
    }
    Ok(governors)
}

fn parse_governor(text: &str) -> Option<String> {
    // A leading dash would be an option of the command that restores it.
    let named = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    named.then(|| text.to_owned())
}

fn describe(governors: &[(String, String)]) -> String {
    let mut names: Vec<&str> = governors.iter().map(|(_, name)| name.as_str()).collect();
    names.sort_unstable();
    let groups =
        names.chunk_by(|a, b| a == b).map(|group| format!("{} on {}", group[0], group.len()));
    groups.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
