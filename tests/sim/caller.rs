//! Callers: they ask, check what they get, and in a run with faults misbehave in every way.

use std::{iter, os::unix::net::UnixStream, rc::Rc};

use crate::{
    chance::Chance,
    engine::Sim,
    message::{Conversation, Framing, announced, body_of, framed},
    model::{Asked, Model},
    world::World,
};

/// One caller.
pub(crate) struct Caller {
    pub(crate) engine: Sim,
    /// The other end of the listening socket.
    pub(crate) knock: Rc<UnixStream>,
    pub(crate) chance: Chance,
    pub(crate) model: Rc<Model>,
    pub(crate) world: Rc<World>,
}

/// How a caller leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leave {
    Close,
    Reset,
    /// Says that it is done and waits for the end.
    HalfClose,
    /// Says nothing and waits for the end.
    Wait,
}

impl Caller {
    /// Makes a few connections, one after the other.
    pub(crate) async fn call(self) {
        for _ in 0..1 + self.chance.below(4) {
            self.world.sleep(self.chance.below(700_000)).await;
            self.converse().await;
        }
    }

    async fn converse(&self) {
        let appetite = self.chance.pick(&[64 * 1024, 64 * 1024, 5_000, 400]);
        let socket = self.engine.call(&self.knock);
        let mut conversation = Conversation::new(socket, appetite);
        if self.world.faults && self.chance.one_in(6) {
            return self.never_read(&conversation).await;
        }
        for _ in 0..1 + self.chance.below(6) {
            if self.chance.one_in(4) {
                self.world.sleep(self.chance.below(2_000_000)).await;
            }
            let goes_on = if self.chance.one_in(5) {
                self.pipeline(&mut conversation).await
            } else {
                self.ask(&mut conversation).await
            };
            if !goes_on {
                return;
            }
        }
        match self.chance.pick(&[Leave::Close, Leave::Reset, Leave::HalfClose, Leave::Wait]) {
            Leave::Close => {}
            Leave::Reset => conversation.socket.reset(),
            leave => {
                if leave == Leave::HalfClose {
                    conversation.socket.end_write();
                }
                if conversation.rest().await {
                    self.world.broken("a caller got what it had not asked for");
                }
            }
        }
    }

    /// Asks once; returns whether the connection goes on.
    async fn ask(&self, conversation: &mut Conversation) -> bool {
        let (asked, bytes) = self.request(&["", "", "Expect: 100-continue\r\n"]);
        self.model.ask(&asked);
        let misbehaves = self.world.faults && self.chance.one_in(8);
        let sent = if misbehaves { self.chance.index(bytes.len()) } else { bytes.len() };
        let portion = self.chance.pick(&[usize::MAX, usize::MAX, 1_400, 11]).max(bytes.len() / 64);
        // What was answered early is read even if nobody took the rest.
        let taken = self.send(conversation, &bytes[..sent], portion).await;
        if misbehaves {
            return self.misbehave(conversation).await;
        }
        self.read_answer(conversation, &asked).await && taken
    }

    /// Sends a request, perhaps with a pause within its body; returns whether all of it was taken.
    async fn send(&self, conversation: &Conversation, bytes: &[u8], portion: usize) -> bool {
        let head = bytes.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4);
        let at = match head {
            Some(head) if self.chance.one_in(2) => head + self.chance.index(bytes.len() - head + 1),
            _ => bytes.len(),
        };
        if conversation.socket.write(&bytes[..at], portion).await.is_err() {
            return false;
        }
        if at < bytes.len() {
            self.world.pause(&self.chance, self.world.limits.stall_ms).await;
        }
        conversation.socket.write(&bytes[at..], portion).await.is_ok()
    }

    /// Asks and asks, waits for a word each time, and reads none: whatever it is that is not taken, it ends.
    async fn never_read(&self, conversation: &Conversation) {
        self.model.happened("a caller that never reads");
        for _ in 0..self.chance.below(60) {
            let (asked, bytes) = iter::repeat_with(|| self.request(&["Expect: 100-continue\r\n"]))
                .find(|(asked, _)| asked.http11 && (1..300).contains(&asked.body_bytes))
                .expect("there are such");
            self.model.ask(&asked);
            let head = bytes.windows(4).position(|four| four == b"\r\n\r\n");
            let (head, body) = bytes.split_at(head.map_or(0, |at| at + 4));
            for part in [head, body] {
                if conversation.socket.write(part, usize::MAX).await.is_err() {
                    return;
                }
                self.world.sleep(self.chance.below(40_000)).await;
            }
        }
        self.world.sleep(90_000_000).await;
        if conversation.socket.write(b"G", 1).await.is_ok() {
            self.world.broken("a caller that takes nothing is held for ever");
        }
    }

    /// Stops in the middle of a request.
    async fn misbehave(&self, conversation: &mut Conversation) -> bool {
        self.model.happened("half a request");
        match self.chance.below(4) {
            0 => conversation.socket.reset(),
            1 => {}
            2 => {
                conversation.socket.end_write();
                conversation.rest().await;
            }
            _ => {
                conversation.rest().await;
            }
        }
        false
    }

    /// Asks several times at once.
    async fn pipeline(&self, conversation: &mut Conversation) -> bool {
        // Large ones would have to be sent while answers are read: the gateway takes one at a time.
        let small =
            || iter::repeat_with(|| self.request(&[""])).find(|(asked, _)| asked.body_bytes < 300);
        let requests: Vec<(Asked, Vec<u8>)> =
            (0..2 + self.chance.below(2)).filter_map(|_| small()).collect();
        requests.iter().for_each(|(asked, _)| self.model.ask(asked));
        let bytes: Vec<u8> = requests.iter().flat_map(|(_, bytes)| bytes.clone()).collect();
        let taken = conversation.socket.write(&bytes, usize::MAX).await.is_ok();
        for (asked, _) in &requests {
            if !self.read_answer(conversation, asked).await {
                return false;
            }
        }
        taken
    }

    /// Reads the answer; returns whether the connection goes on.
    async fn read_answer(&self, conversation: &mut Conversation, asked: &Asked) -> bool {
        let mut answer = loop {
            let Some(answer) = conversation.head().await else {
                self.model.happened("no answer");
                if !self.world.faults {
                    self.world.broken(&format!("{asked:?} was not answered"));
                }
                return false;
            };
            if answer.status() >= 200 {
                break answer;
            }
            if !asked.http11 {
                self.world.broken(&format!("{asked:?} got an interim answer"));
            }
        };
        if self.world.faults && self.chance.one_in(20) {
            self.world.sleep(self.chance.below(6_000_000)).await;
            if self.chance.one_in(2) {
                conversation.socket.reset();
                return false;
            }
        }
        if self.chance.one_in(6) {
            self.world.pause(&self.chance, self.world.limits.stall_ms).await;
        }
        let bodiless = asked.method == "HEAD" || [204, 304].contains(&answer.status());
        let framing = if bodiless { Framing::None } else { answer.framing(true) };
        conversation.body(&mut answer, framing).await;
        self.model.check_answer(asked, &answer);
        answer.whole && framing != Framing::Close && !answer.closes() && asked.http11
    }

    /// Returns a request, with one of `expectations` if it has a body.
    fn request(&self, expectations: &[&'static str]) -> (Asked, Vec<u8>) {
        let id = self.model.id();
        let method = self.chance.pick(&["GET", "GET", "GET", "HEAD", "POST", "POST", "PUT"]);
        let http11 = !self.chance.one_in(10);
        let framing = match method {
            "GET" | "HEAD" => Framing::None,
            _ if http11 && self.chance.one_in(2) => Framing::Chunked,
            _ => Framing::Length,
        };
        let body_bytes = match (framing, self.chance.below(6)) {
            (Framing::None, _) => 0,
            (_, 0..3) => self.chance.index(300),
            (_, 3 | 4) => self.chance.index(9_000),
            _ => 60_000 + self.chance.index(60_000),
        };
        let variant = self.chance.pick(&["stable", "canary"]);
        let version = if http11 { "1.1" } else { "1.0" };
        let announced = announced(framing, body_bytes);
        let expects = if framing == Framing::None { "" } else { self.chance.pick(expectations) };
        let mut bytes = format!(
            "{method} /r/{id} HTTP/{version}\r\nHost: sim\r\nX-Group: {variant}\r\n{expects}{announced}\r\n"
        )
        .into_bytes();
        let chunk = 1 + self.chance.index(4_000);
        if framing != Framing::None {
            bytes.extend_from_slice(&framed(&body_of(id, body_bytes), framing, chunk));
        }
        (Asked { id, method, body_bytes, variant, http11 }, bytes)
    }
}
