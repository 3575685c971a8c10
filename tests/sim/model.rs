//! The model: what was sent, what arrived where, and what must be true of it.
//!
//! Owns the rules. A request is told apart by its id, which service and caller see; neither shares code
//! with the gateway.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
};

use serde_json::Value;

use crate::{
    message::{Message, body_of},
    world::World,
};

/// A request as its caller made it.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) id: u64,
    pub(crate) method: &'static str,
    pub(crate) body_bytes: usize,
    pub(crate) variant: &'static str,
    pub(crate) http11: bool,
}

/// A request that reached an instance.
#[derive(Clone, Debug)]
struct Seen {
    instance: String,
    /// Whether its connection had carried a request before.
    kept: bool,
    /// Whether anything of an answer was sent.
    answered: Rc<Cell<bool>>,
}

/// All that is known.
pub(crate) struct Model {
    world: Rc<World>,
    ids: Cell<u64>,
    asked: RefCell<BTreeMap<u64, Asked>>,
    seen: RefCell<BTreeMap<u64, Vec<Seen>>>,
    /// By id: the status of the answer that came, whole or not.
    answered: RefCell<BTreeMap<u64, u16>>,
    /// How often each thing happened: a run in which nothing did shows nothing.
    happened: RefCell<BTreeMap<&'static str, u64>>,
}

impl Model {
    /// Returns an empty one.
    pub(crate) fn new(world: &Rc<World>) -> Rc<Self> {
        Rc::new(Self {
            world: Rc::clone(world),
            ids: Cell::new(0),
            asked: RefCell::default(),
            seen: RefCell::default(),
            answered: RefCell::default(),
            happened: RefCell::default(),
        })
    }

    /// Returns an id for a request.
    pub(crate) fn id(&self) -> u64 {
        self.ids.set(self.ids.get() + 1);
        self.ids.get()
    }

    /// Counts something.
    pub(crate) fn happened(&self, what: &'static str) {
        *self.happened.borrow_mut().entry(what).or_default() += 1;
    }

    /// Returns how often what happened.
    pub(crate) fn happenings(&self) -> BTreeMap<&'static str, u64> {
        self.happened.take()
    }

    /// Notes a request before its first byte is sent.
    pub(crate) fn ask(&self, asked: &Asked) {
        self.asked.borrow_mut().insert(asked.id, asked.clone());
    }

    /// Notes a head that reached an instance; the result is to be set when an answer begins.
    pub(crate) fn see(&self, instance: &str, id: u64, method: &str, kept: bool) -> Rc<Cell<bool>> {
        let answered = Rc::new(Cell::new(false));
        let asked = self.asked.borrow();
        let Some(asked) = asked.get(&id).filter(|asked| asked.method == method) else {
            self.world.broken(&format!("{instance} got {method} {id}, which nobody sent"));
            return answered;
        };
        let mut seen = self.seen.borrow_mut();
        let before = seen.entry(id).or_default();
        if let Some(last) = before.last() {
            let idempotent = asked.method != "POST";
            if before.len() > 1 || !idempotent || !last.kept || last.answered.get() {
                self.world.broken(&format!("request {id} was sent twice: {asked:?} {last:?}"));
            }
            self.happened("a retry");
        }
        before.push(Seen { instance: instance.to_owned(), kept, answered: Rc::clone(&answered) });
        answered
    }

    /// Checks the body of a request, whole or not.
    pub(crate) fn check_request_body(&self, id: u64, message: &Message) {
        let Some(asked) = self.asked.borrow().get(&id).cloned() else { return };
        self.check_body("request", id, asked.body_bytes, message);
    }

    /// Checks an answer to `asked`, whole or not.
    pub(crate) fn check_answer(&self, asked: &Asked, answer: &Message) {
        self.answered.borrow_mut().insert(asked.id, answer.status());
        let Some(id) = answer.number("x-id") else {
            self.happened("an answer of our own");
            if !self.world.faults {
                self.world.broken(&format!("{asked:?} was answered {:?}", answer.start));
            }
            return;
        };
        if id != asked.id {
            self.world.broken(&format!("request {} got the answer to {id}", asked.id));
            return;
        }
        if answer.field("x-variant") != Some(asked.variant) {
            self.world.broken(&format!("{asked:?} went to {:?}", answer.field("x-variant")));
        }
        let length = usize::try_from(answer.number("x-size").unwrap_or(0)).expect("fits");
        let bodiless = asked.method == "HEAD" || [204, 304].contains(&answer.status());
        self.check_body("answer", id, if bodiless { 0 } else { length }, answer);
        self.happened(if answer.whole { "a whole answer" } else { "a cut answer" });
        if !answer.whole && !self.world.faults {
            self.world.broken(&format!("{asked:?} got half an answer"));
        }
    }

    /// Checks bytes: of a whole message all and no others, of a cut one the first.
    fn check_body(&self, what: &str, id: u64, length: usize, message: &Message) {
        let expected = body_of(id, length);
        let found = &message.body;
        if message.whole && found.len() != length {
            let found = found.len();
            let start = &message.start;
            self.world.broken(&format!(
                "{what} {id} was taken for whole at {found} of {length}: {start:?}"
            ));
        } else if !expected.starts_with(found) {
            let at = found.iter().zip(&expected).position(|(found, right)| found != right);
            self.world.broken(&format!("{what} {id} differs at {at:?} of {length}"));
        }
    }

    /// Checks the access log, when all is over: every request that was served has one line.
    pub(crate) fn check_log(&self, text: &str) {
        let mut lines: BTreeMap<u64, Vec<Value>> = BTreeMap::new();
        for line in text.lines() {
            let line: Value = serde_json::from_str(line).expect("a line is JSON");
            // A head that was refused is no request, and its target may be the start of one.
            if line["rules_epoch"] == 0 {
                continue;
            }
            let id = line["target"].as_str().and_then(|target| target.strip_prefix("/r/"));
            if let Some(id) = id.and_then(|id| id.parse().ok()) {
                lines.entry(id).or_default().push(line);
            }
        }
        for (id, lines) in &lines {
            if lines.len() > 1 {
                self.world.broken(&format!("request {id} was logged twice: {lines:?}"));
            }
            if lines[0]["status"].as_u64() < Some(100) {
                self.world.broken(&format!("request {id} was logged without a status: {lines:?}"));
            }
        }
        for (id, status) in &*self.answered.borrow() {
            let logged = lines.get(id).and_then(|lines| lines[0]["status"].as_u64());
            // A head that came too slowly was no request either.
            let refused = logged.is_none() && *status == 408;
            if logged != Some(u64::from(*status)) && !refused {
                self.world.broken(&format!("request {id} got {status}, logged was {logged:?}"));
            }
        }
        for (id, seen) in &*self.seen.borrow() {
            let upstream = lines.get(id).map(|lines| lines[0]["upstream"].clone());
            let expected = seen.last().map(|seen| Value::from(seen.instance.as_str()));
            // After a fault another instance may have been tried, and not been reached.
            if upstream.is_none() || (!self.world.faults && upstream != expected) {
                self.world
                    .broken(&format!("request {id} was at {expected:?}, logged {upstream:?}"));
            }
        }
    }
}
