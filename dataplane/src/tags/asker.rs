//! The asker: one thread that asks a control plane about users, for all workers.
//!
//! Owns every question that is under way: who waits for it, until when, and what has not been answered. Does not read
//! the socket: the thread of the connection ([`crate::link`]) passes on what comes. It alone writes to it.
//!
//! Invariants:
//! - an id is asked for once while it is in flight, however many wait for it;
//! - whoever asks is told within the budget, counted from the moment it asked, whatever the control plane does;
//! - a write never waits: less is under way than a socket takes, and beyond that nobody is asked;
//! - an answer that comes late is passed on to those who wanted it.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    io,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use crossbeam::channel::{Receiver, RecvTimeoutError};
use halftone_core::{
    limits::{TAG_QUERIES_MAX, TAG_QUERY_BYTES_MAX, TAG_QUERY_IDS_MAX},
    signal::tags::Tags,
    table::{TagFilter, archive::Archive},
    wire::Frame,
};
use halftone_link::Channel;

use super::{Key, News, Outcome};
use crate::publish::Publisher;

/// Most events that are taken before what they ask for is sent.
const EVENTS_MAX: usize = 256;

/// A worker's question.
#[derive(Clone, Debug)]
pub struct Ask {
    /// Which worker.
    pub worker: u32,
    /// About whom.
    pub key: Key,
    /// When its request came to need it.
    pub at: Instant,
}

/// What the asker is told.
#[derive(Debug)]
pub enum Event {
    /// A worker wants to know.
    Ask(Ask),
    /// A control plane can be asked from now on; its number, and a channel to write to.
    Connected(u64, Box<Channel>),
    /// A control plane has answered.
    Answered {
        /// Which one.
        peer: u64,
        /// The number of the question.
        number: u64,
        /// The revision of the tags.
        revision: u64,
        /// By id; no list when they cannot be read.
        found: Option<Vec<Option<Tags>>>,
    },
    /// A control plane says whose tags there are by now.
    Filter(Arc<Archive<TagFilter>>),
    /// A worker has begun, and knows nothing.
    Started(u32),
    /// A control plane is gone.
    Lost(u64),
}

/// Starts the thread; it ends when nobody can tell it anything any more.
///
/// # Errors
/// When it cannot be started.
pub fn start(publisher: Arc<Publisher>, events: Receiver<Event>, budget_ms: u64) -> io::Result<()> {
    let budget = Duration::from_millis(budget_ms);
    let tell = move |worker: Option<u32>, news: News| publisher.tell(worker, news);
    let mut asker = Asker::new(budget, Box::new(tell));
    thread::Builder::new().name("tags".to_owned()).spawn(move || asker.run(&events)).map(drop)
}

/// Tells one worker, or all of them.
type Tell = Box<dyn FnMut(Option<u32>, News) + Send>;

/// A control plane that can be asked.
struct Peer {
    number: u64,
    channel: Box<Channel>,
    /// Questions without an answer.
    open: HashMap<u64, Vec<Key>>,
    bytes: usize,
}

/// An id that is asked for.
#[derive(Default)]
struct Flight {
    /// Who waits, and until when.
    waiting: Vec<(u32, Instant)>,
    /// Who was told that it takes too long.
    late: Vec<u32>,
}

struct Asker {
    budget: Duration,
    tell: Tell,
    /// The newest is asked.
    peers: Vec<Peer>,
    /// By tenant, for workers that begin.
    filters: BTreeMap<String, Arc<Archive<TagFilter>>>,
    flights: HashMap<Key, Flight>,
    /// When somebody has to be told, in the order of their asking.
    due: VecDeque<(Instant, Key)>,
    /// What is to be asked next.
    fresh: Vec<Key>,
    questions: u64,
    /// What workers are told next.
    told: BTreeMap<u32, Vec<(Key, Outcome)>>,
}

impl Asker {
    fn new(budget: Duration, tell: Tell) -> Self {
        Self {
            budget,
            tell,
            peers: Vec::new(),
            filters: BTreeMap::new(),
            flights: HashMap::new(),
            due: VecDeque::new(),
            fresh: Vec::new(),
            questions: 0,
            told: BTreeMap::new(),
        }
    }

    fn run(&mut self, events: &Receiver<Event>) {
        loop {
            let event = match self.due.front() {
                Some((at, _)) => events.recv_deadline(*at),
                None => events.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match event {
                Ok(event) => {
                    self.take(event);
                    events.try_iter().take(EVENTS_MAX).for_each(|event| self.take(event));
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.ask();
            self.expire(Instant::now());
            self.report();
        }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Ask(ask) => self.want(ask),
            Event::Connected(number, channel) => {
                self.peers.push(Peer { number, channel, open: HashMap::new(), bytes: 0 });
            }
            Event::Answered { peer, number, revision, found } => {
                self.answered(peer, number, revision, found);
            }
            Event::Filter(filter) => {
                self.filters.insert(filter.table().tenant.to_string(), Arc::clone(&filter));
                (self.tell)(None, News::Filter(filter));
            }
            Event::Started(worker) => {
                for filter in self.filters.values() {
                    (self.tell)(Some(worker), News::Filter(Arc::clone(filter)));
                }
            }
            Event::Lost(peer) => self.lose(peer),
        }
    }

    fn want(&mut self, Ask { worker, key, at }: Ask) {
        let until = at + self.budget;
        let flight = self.flights.entry(key.clone()).or_insert_with(|| {
            self.fresh.push(key.clone());
            Flight::default()
        });
        flight.waiting.push((worker, until));
        // Workers ask at once; what little they are out of order by is waited for.
        self.due.push_back((until, key));
    }

    /// Asks for what is new, tenant by tenant.
    fn ask(&mut self) {
        self.fresh.sort();
        let fresh = std::mem::take(&mut self.fresh);
        for keys in fresh.chunk_by(|a, b| a.tenant == b.tenant) {
            for keys in keys.chunks(TAG_QUERY_IDS_MAX) {
                if !self.send(keys) {
                    keys.iter().for_each(|key| self.end(key, &Outcome::Unreachable));
                }
            }
        }
    }

    fn send(&mut self, keys: &[Key]) -> bool {
        let Some(peer) = self.peers.last_mut() else { return false };
        let bytes: usize = keys.iter().map(|key| key.id.len() + key.tenant.len()).sum();
        let most = peer.open.len() < TAG_QUERIES_MAX;
        if !most || (peer.bytes > 0 && peer.bytes + bytes > TAG_QUERY_BYTES_MAX) {
            return false;
        }
        self.questions += 1;
        let (number, tenant) = (self.questions, keys[0].tenant.to_string());
        let ids = keys.iter().map(|key| key.id.to_string()).collect();
        if let Err(error) = peer.channel.send(&Frame::TagQuery { number, tenant, ids }) {
            tracing::warn!(%error, "A control plane cannot be asked about users.");
            // Its thread sees the end, and says so.
            let _ = peer.channel.stream().shutdown(std::net::Shutdown::Both);
            return false;
        }
        peer.bytes += bytes;
        peer.open.insert(number, keys.to_vec());
        true
    }

    fn answered(
        &mut self,
        peer: u64,
        number: u64,
        revision: u64,
        found: Option<Vec<Option<Tags>>>,
    ) {
        let Some(peer) = self.peers.iter_mut().find(|one| one.number == peer) else { return };
        let Some(keys) = peer.open.remove(&number) else { return };
        let bytes: usize = keys.iter().map(|key| key.id.len() + key.tenant.len()).sum();
        peer.bytes -= bytes;
        match found.filter(|found| found.len() == keys.len()) {
            Some(found) => {
                for (key, tags) in keys.iter().zip(found) {
                    self.end(key, &Outcome::Answered { revision, tags });
                }
            }
            None => keys.iter().for_each(|key| self.end(key, &Outcome::Unreachable)),
        }
    }

    fn lose(&mut self, number: u64) {
        let Some(at) = self.peers.iter().position(|peer| peer.number == number) else { return };
        let peer = self.peers.remove(at);
        for key in peer.open.into_values().flatten() {
            self.end(&key, &Outcome::Unreachable);
        }
    }

    /// Tells everybody who wants `key`; those who were told that it is late learn an answer, nothing else.
    fn end(&mut self, key: &Key, outcome: &Outcome) {
        let Some(flight) = self.flights.remove(key) else { return };
        let is_answer = matches!(outcome, Outcome::Answered { .. });
        let late = flight.late.into_iter().filter(|_| is_answer);
        for worker in flight.waiting.into_iter().map(|(worker, _)| worker).chain(late) {
            self.told.entry(worker).or_default().push((key.clone(), outcome.clone()));
        }
    }

    /// Tells those whose budget is over.
    fn expire(&mut self, now: Instant) {
        while self.due.front().is_some_and(|(at, _)| *at <= now) {
            let Some((_, key)) = self.due.pop_front() else { return };
            let Some(flight) = self.flights.get_mut(&key) else { continue };
            let Flight { waiting, late } = flight;
            for (worker, _) in waiting.extract_if(.., |(_, until)| *until <= now) {
                if !late.contains(&worker) {
                    late.push(worker);
                }
                self.told.entry(worker).or_default().push((key.clone(), Outcome::Late));
            }
        }
    }

    fn report(&mut self) {
        for (worker, told) in std::mem::take(&mut self.told) {
            (self.tell)(Some(worker), News::Told(told));
        }
    }
}

#[cfg(test)]
mod tests;
