//! The knobs under `/proc/sys`: one number each, and the range of local ports.
//!
//! Owns their wanted values and reasons. A value beyond the wanted one is as good as it.

use crate::finding::{Commands, Finding, Knob};
use crate::process::DESCRIPTORS_MIN;
use crate::{ReadError, Root};

/// Local ports wanted; 10240 leaves the ports that services listen on alone.
const PORTS: Ports = Ports { first: 10_240, last: 65_535 };
/// Fewer local ports than this are low; the kernel's default is 28 232.
const PORTS_MIN: u32 = 50_000;

const _: () = assert!(PORTS.count() >= PORTS_MIN, "the range proposed must be judged ok");

enum Rule {
    AtLeast(u64),
    Exactly(u64),
}

struct Number {
    name: &'static str,
    rule: Rule,
    reason: &'static str,
}

const NUMBERS: [Number; 7] = [
    Number {
        name: "kernel.io_uring_disabled",
        rule: Rule::Exactly(0),
        reason: "Any other value keeps io_uring from ordinary processes and the gateway falls \
                 back to epoll; kernels before 6.6 have no such switch.",
    },
    Number {
        name: "fs.nr_open",
        rule: Rule::AtLeast(DESCRIPTORS_MIN),
        reason: "RLIMIT_NOFILE cannot be raised beyond it.",
    },
    Number {
        name: "fs.file-max",
        rule: Rule::AtLeast(2 * DESCRIPTORS_MIN),
        reason: "It bounds the open files of all processes together, and the services behind the \
                 gateway hold the other end of its connections.",
    },
    Number {
        name: "net.core.somaxconn",
        rule: Rule::AtLeast(4096),
        reason: "It caps each worker's queue of connections not yet accepted; a burst beyond it \
                 is dropped and the client waits a second to try again.",
    },
    Number {
        name: "net.ipv4.tcp_max_syn_backlog",
        rule: Rule::AtLeast(4096),
        reason: "With SYN cookies off, new clients are dropped when this many handshakes are \
                 half done; older kernels cap the queue with it always.",
    },
    Number {
        name: "net.core.netdev_max_backlog",
        rule: Rule::AtLeast(4096),
        reason: "Packets to upstreams on this host, and packets steered between cores, wait in a \
                 queue of this length and are dropped beyond it.",
    },
    Number {
        name: "net.ipv4.tcp_tw_reuse",
        rule: Rule::Exactly(1),
        reason: "A gateway opens many short connections to few upstreams, and without reuse each \
                 closed one holds its local port for a minute.",
    },
];

/// Reads and judges each of them.
pub(crate) fn check(root: &Root) -> Vec<Finding> {
    let mut findings: Vec<Finding> =
        NUMBERS.iter().map(|number| check_number(root, number)).collect();
    findings.push(check_ports(root));
    findings
}

fn check_number(root: &Root, number: &Number) -> Finding {
    let target = match number.rule {
        Rule::AtLeast(value) | Rule::Exactly(value) => value,
    };
    let knob = Knob {
        name: number.name.to_owned(),
        wanted: match number.rule {
            Rule::AtLeast(value) => format!("{value} or more"),
            Rule::Exactly(value) => value.to_string(),
        },
        reason: number.reason,
    };
    let current =
        match root.parse(&path(number.name), "a whole number", |text| text.parse::<u64>().ok()) {
            Ok(current) => current,
            Err(error) => return knob.unknown(error),
        };
    let met = match number.rule {
        Rule::AtLeast(value) => current >= value,
        Rule::Exactly(value) => current == value,
    };
    if met {
        return knob.ok(current.to_string());
    }
    let commands = Commands { how: set(number.name, target), undo: set(number.name, current) };
    knob.low(current.to_string(), Some(commands))
}

#[derive(Clone, Copy)]
struct Ports {
    first: u16,
    last: u16,
}

impl Ports {
    fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split_whitespace();
        let ports =
            Self { first: numbers.next()?.parse().ok()?, last: numbers.next()?.parse().ok()? };
        (numbers.next().is_none() && ports.first <= ports.last).then_some(ports)
    }

    const fn count(self) -> u32 {
        self.last as u32 - self.first as u32 + 1
    }

    fn command(self) -> String {
        format!("sysctl -w net.ipv4.ip_local_port_range=\"{} {}\"", self.first, self.last)
    }
}

fn check_ports(root: &Root) -> Finding {
    let name = "net.ipv4.ip_local_port_range";
    let knob = Knob {
        name: name.to_owned(),
        wanted: format!("{PORTS_MIN} ports or more"),
        reason: "Each connection to one upstream address takes a local port of its own.",
    };
    let ports: Result<Ports, ReadError> =
        root.parse(&path(name), "two port numbers in order", Ports::parse);
    let ports = match ports {
        Ok(ports) => ports,
        Err(error) => return knob.unknown(error),
    };
    let current = format!("{} ({}-{})", ports.count(), ports.first, ports.last);
    if ports.count() >= PORTS_MIN {
        return knob.ok(current);
    }
    knob.low(current, Some(Commands { how: PORTS.command(), undo: ports.command() }))
}

fn path(name: &str) -> String {
    format!("proc/sys/{}", name.replace('.', "/"))
}

fn set(name: &str, value: u64) -> String {
    format!("sysctl -w {name}={value}")
}

#[cfg(test)]
mod tests;
