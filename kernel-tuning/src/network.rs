//! Network devices: whether the work of receiving reaches every CPU.
//!
//! A device counts when a driver stands behind it; loopback, bridges and the ends of virtual
//! pairs do not.

use crate::cpu::read_online;
use crate::finding::{Commands, Finding, Knob, write_command};
use crate::{ReadError, Root};

const DEVICES: &str = "sys/class/net";

/// One word of a mask of CPUs has this many bits; words are joined by commas, highest first.
const MASK_WORD_BITS: u32 = 32;

/// The receive queues of one device: absolute path and value of each one's `rps_cpus`.
type Queues = Vec<(String, String)>;

/// Judges each device; without any, one finding says so.
pub(crate) fn check_receive_steering(root: &Root) -> Vec<Finding> {
    match read_devices(root) {
        Ok(devices) => devices.iter().map(|device| check_device(root, device)).collect(),
        Err(error) => vec![knob("rps_cpus".to_owned(), "every CPU".to_owned()).unknown(error)],
    }
}

fn knob(name: String, wanted: String) -> Knob {
    Knob {
        name,
        wanted,
        reason: "With fewer receive queues than CPUs and no steering, one core does the kernel's \
                 receive work for all workers.",
    }
}

fn check_device(root: &Root, device: &str) -> Finding {
    let name = format!("rps_cpus {device}");
    let (online, queues) =
        match read_online(root).and_then(|online| Ok((online, read_queues(root, device)?))) {
            Ok(read) => read,
            Err(error) => return knob(name, "every CPU".to_owned()).unknown(error),
        };
    let knob = knob(name, format!("{} CPUs by queues or steering", online.len()));
    let mut steered: Vec<u32> =
        queues.iter().flat_map(|(_, mask)| parse_mask(mask).unwrap_or_default()).collect();
    steered.sort_unstable();
    steered.dedup();
    let current = format!("{} by queues, {} by steering", queues.len(), steered.len());
    if queues.len() >= online.len() || online.iter().all(|cpu| steered.contains(cpu)) {
        return knob.ok(current);
    }
    let mask = format_mask(&online);
    let wanted: Queues = queues.iter().map(|(path, _)| (path.clone(), mask.clone())).collect();
    knob.low(current, Some(Commands { how: write_command(&wanted), undo: write_command(&queues) }))
}

fn read_devices(root: &Root) -> Result<Vec<String>, ReadError> {
    let mut devices = root.names(DEVICES)?;
    devices.retain(|device| is_plain(device) && root.has(&format!("{DEVICES}/{device}/device")));
    if devices.is_empty() {
        return Err(ReadError::Unlisted {
            path: root.path(DEVICES),
            expected: "device with a driver",
        });
    }
    Ok(devices)
}

fn read_queues(root: &Root, device: &str) -> Result<Queues, ReadError> {
    let directory = format!("{DEVICES}/{device}/queues");
    let mut queues = Vec::new();
    for queue in root.names(&directory)? {
        if queue.strip_prefix("rx-").is_none_or(|number| number.parse::<u32>().is_err()) {
            continue;
        }
        let path = format!("{directory}/{queue}/rps_cpus");
        let mask =
            root.parse(&path, "a mask of CPUs", |text| parse_mask(text).map(|_| text.to_owned()))?;
        queues.push((format!("/{path}"), mask));
    }
    if queues.is_empty() {
        return Err(ReadError::Unlisted { path: root.path(&directory), expected: "receive queue" });
    }
    Ok(queues)
}

/// Tells whether a device's name can stand in a command unquoted; the kernel allows far more.
fn is_plain(device: &str) -> bool {
    device.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '@'))
}

/// Parses a mask of CPUs, as in `00000001,000000ff`, into the CPUs it names.
fn parse_mask(text: &str) -> Option<Vec<u32>> {
    let mut cpus = Vec::new();
    let mut first = 0;
    for word in text.rsplit(',') {
        if word.is_empty() || word.len() > 8 || !word.chars().all(|c| c.is_ascii_hexdigit()) {
            return None;
        }
        let bits = u32::from_str_radix(word, 16).ok()?;
        cpus.extend((0..MASK_WORD_BITS).filter(|bit| bits >> bit & 1 == 1).map(|bit| first + bit));
        first += MASK_WORD_BITS;
    }
    Some(cpus)
}

fn format_mask(cpus: &[u32]) -> String {
    let words_count = cpus.iter().max().map_or(1, |last| last / MASK_WORD_BITS + 1);
    let word = |index: u32| {
        let bits = cpus
            .iter()
            .filter(|&cpu| cpu / MASK_WORD_BITS == index)
            .map(|cpu| 1 << (cpu % MASK_WORD_BITS));
        bits.fold(0_u32, |word, bit| word | bit)
    };
    let words: Vec<String> =
        (0..words_count).rev().map(|index| format!("{:08x}", word(index))).collect();
    words.join(",")
}

#[cfg(test)]
mod tests;
