//! Region databases for tests, written from MaxMind's specification ("MaxMind DB File Format", version 2.0).
//!
//! Owns a writer ([`Writer`]) and the small databases that tests of several packages share ([`shared`]). Does not read:
//! what it writes is read by the `maxminddb` crate, which shares no code with it.
//!
//! Invariants:
//! - of two networks that overlap the narrower one counts, in whatever order they came;
//! - equal records are written once, as real databases do it.

use std::{
    collections::{BTreeMap, HashMap, hash_map::Entry},
    net::IpAddr,
};

mod encode;
pub mod shared;

pub use encode::Value;

/// A network: an address and the number of its bits that count.
type Network = (IpAddr, u8);

/// One node of the search tree: what lies behind each bit.
#[derive(Clone, Copy, Debug, Default)]
struct Node([Record; 2]);

/// What lies behind a bit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Record {
    #[default]
    Empty,
    Node(usize),
    /// Where a record begins.
    Data(usize),
}

/// A database that grows.
#[derive(Clone, Debug)]
pub struct Writer {
    kind: String,
    built_unix_s: u64,
    record_bits: u32,
    networks: BTreeMap<u8, Vec<(u128, Value)>>,
}

impl Writer {
    /// Begins a database of this type (such as `Test-City`), built at a time in seconds since 1970.
    #[must_use]
    pub fn new(kind: &str, built_unix_s: u64) -> Self {
        Self { kind: kind.to_owned(), built_unix_s, record_bits: 28, networks: BTreeMap::new() }
    }

    /// Writes records of 24, 28 or 32 bits into the search tree.
    #[must_use]
    pub fn record_bits(self, record_bits: u32) -> Self {
        Self { record_bits, ..self }
    }

    /// Adds a network.
    ///
    /// # Panics
    /// When `network` is none such as `10.0.0.0/8`.
    #[must_use]
    pub fn network(mut self, network: &str, value: Value) -> Self {
        let (bits, length) = tree_bits(parse(network));
        self.networks.entry(length).or_default().push((bits, value));
        self
    }

    /// Writes the file.
    ///
    /// # Panics
    /// When it grows beyond what its records can refer to.
    #[must_use]
    pub fn finish(&self) -> Vec<u8> {
        let (mut nodes, mut data, mut places) = (vec![Node::default()], Vec::new(), HashMap::new());
        // Narrow networks come last, so that they take their part of wide ones.
        for (length, networks) in &self.networks {
            for (bits, value) in networks {
                let mut record = Vec::new();
                value.encode(&mut record);
                let at = match places.entry(record) {
                    Entry::Occupied(known) => *known.get(),
                    Entry::Vacant(new) => {
                        let at = data.len();
                        data.extend_from_slice(new.key());
                        *new.insert(at)
                    }
                };
                insert(&mut nodes, *bits, *length, at);
            }
        }
        let mut file = Vec::new();
        for node in &nodes {
            let of = |record: Record| match record {
                Record::Empty => nodes.len(),
                Record::Node(at) => at,
                Record::Data(at) => nodes.len() + 16 + at,
            };
            self.push_node(&mut file, node.0.map(of));
        }
        file.extend([0; 16]);
        file.extend(data);
        file.extend(b"\xab\xcd\xefMaxMind.com");
        self.metadata(nodes.len()).encode(&mut file);
        file
    }

    fn push_node(&self, file: &mut Vec<u8>, records: [usize; 2]) {
        let [left, right] = records.map(|record| u32::try_from(record).expect("a small database"));
        assert!(self.record_bits == 32 || left.max(right) >> self.record_bits == 0, "too large");
        let ([a, b, c, d], [e, f, g, h]) = (left.to_be_bytes(), right.to_be_bytes());
        match self.record_bits {
            24 => file.extend([b, c, d, f, g, h]),
            28 => file.extend([b, c, d, a << 4 | e, f, g, h]),
            32 => file.extend([a, b, c, d, e, f, g, h]),
            other => panic!("records have 24, 28 or 32 bits, not {other}"),
        }
    }

    fn metadata(&self, nodes: usize) -> Value {
        let languages = ["en", "zh-CN"].map(Value::from).to_vec();
        Value::map([
            ("binary_format_major_version", Value::U16(2)),
            ("binary_format_minor_version", Value::U16(0)),
            ("build_epoch", Value::U64(self.built_unix_s)),
            ("database_type", Value::from(self.kind.as_str())),
            ("description", Value::map([("en", Value::from("for tests"))])),
            ("ip_version", Value::U16(6)),
            ("languages", Value::Array(languages)),
            ("node_count", Value::U32(u32::try_from(nodes).expect("few nodes"))),
            ("record_size", Value::U16(u16::try_from(self.record_bits).expect("few bits"))),
        ])
    }
}

/// Reads a network such as `10.0.0.0/8`.
///
/// # Panics
/// When it is none.
#[must_use]
pub fn parse(network: &str) -> Network {
    let (address, length) = network.split_once('/').expect("address/length");
    (address.parse().expect("an address"), length.parse().expect("a length"))
}

/// Returns the bits of a network in a tree of IPv6 addresses, where IPv4 lies at `::/96`.
fn tree_bits((address, length): Network) -> (u128, u8) {
    match address {
        IpAddr::V4(address) => (u128::from(u32::from(address)), length + 96),
        IpAddr::V6(address) => (u128::from(address), length),
    }
}

fn insert(nodes: &mut Vec<Node>, bits: u128, length: u8, value: usize) {
    let mut at = 0;
    for depth in 0..length {
        let side = usize::from(bits >> (127 - depth) & 1 == 1);
        if depth + 1 == length {
            nodes[at].0[side] = Record::Data(value);
            return;
        }
        at = match nodes[at].0[side] {
            Record::Node(below) => below,
            // What was wide goes on beside what is narrow.
            wide => {
                nodes.push(Node([wide, wide]));
                nodes[at].0[side] = Record::Node(nodes.len() - 1);
                nodes.len() - 1
            }
        };
    }
}
