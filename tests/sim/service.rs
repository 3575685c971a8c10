//! Instances: they answer what they were asked, and in a run with faults misbehave in every way.

use std::{cell::Cell, rc::Rc};

use crate::{
    chance::Chance,
    message::{Conversation, Framing, Message, announced, body_of, framed},
    model::Model,
    socket::Socket,
    world::World,
};

/// One instance.
pub(crate) struct Service {
    pub(crate) name: String,
    pub(crate) variant: &'static str,
    pub(crate) chance: Chance,
    pub(crate) model: Rc<Model>,
    pub(crate) world: Rc<World>,
}

/// What becomes of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Answer,
    /// Nothing at all is said.
    Close,
    Reset,
    /// Nothing is said for longer than anybody waits.
    Silence,
    /// The answer stops in its head or body.
    Cut,
    /// The answer is followed by another that nobody asked for, at once or later.
    Unasked {
        later: bool,
    },
    /// The answer is followed by the end of the connection, which was not announced.
    Leave,
    /// The body of the request is not read.
    Early,
}

impl Service {
    /// Serves one connection.
    pub(crate) async fn serve(self: Rc<Self>, socket: Rc<Socket>) {
        let appetite = self.chance.pick(&[700, 9_000, 64 * 1024]);
        let mut conversation = Conversation::new(socket, appetite);
        let mut kept = false;
        while let Some(request) = conversation.head().await {
            let id = request.start.get(1).and_then(|target| target.strip_prefix("/r/"));
            let Some(id) = id.and_then(|id| id.parse().ok()) else {
                self.world.broken(&format!("{} got {:?}", self.name, request.start));
                return;
            };
            let answered = self.model.see(&self.name, id, &request.start[0], kept);
            if !self.exchange(&mut conversation, request, id, &answered).await {
                return;
            }
            kept = true;
        }
        if conversation.rest().await && !self.world.faults {
            self.world.broken(&format!("{} got half a head", self.name));
        }
    }

    /// Serves one request; returns whether the connection goes on.
    async fn exchange(
        &self,
        conversation: &mut Conversation,
        mut request: Message,
        id: u64,
        answered: &Cell<bool>,
    ) -> bool {
        let fate = self.fate();
        let socket = Rc::clone(&conversation.socket);
        let limits = &self.world.limits;
        let hints = request.framing(false) != Framing::None && self.chance.one_in(6);
        if hints {
            let interim = b"HTTP/1.1 102 Processing\r\n\r\n";
            if socket.write(interim, usize::MAX).await.is_err() {
                return false;
            }
        }
        if self.chance.one_in(6) {
            // A small body is sent already when this begins.
            let ms = limits.upstream_idle_ms.min(limits.first_byte_ms);
            self.world.pause(&self.chance, ms).await;
        }
        if fate != Fate::Early {
            if request.field("expect").is_some() {
                self.world.broken(&format!("request {id} came with an expectation"));
            }
            let framing = request.framing(false);
            conversation.body(&mut request, framing).await;
            self.model.check_request_body(id, &request);
            if !request.whole {
                return false;
            }
            // Who still writes when the connection ends has not seen the interim answer.
            answered.set(hints);
        }
        if self.chance.one_in(3) {
            // Behind an interim answer that time runs anew.
            self.world.pause(&self.chance, limits.first_byte_ms.min(limits.upstream_idle_ms)).await;
        } else if !answered.get() && self.chance.one_in(6) {
            self.world.pause(&self.chance, limits.first_byte_ms).await;
        }
        match fate {
            Fate::Close => return false,
            Fate::Reset => {
                socket.reset();
                return false;
            }
            Fate::Silence => {
                self.world.sleep(20_000_000).await;
                return false;
            }
            _ => {}
        }
        let (answer, framing) = self.answer(&request, id, fate);
        answered.set(true);
        let length = if fate == Fate::Cut { self.chance.index(answer.len()) } else { answer.len() };
        let portion = self.chance.pick(&[usize::MAX, usize::MAX, 1_000, 37]);
        if fate == (Fate::Unasked { later: false }) {
            let both = [&answer[..], &Self::poison()].concat();
            return socket.write(&both, usize::MAX).await.is_ok() && framing != Framing::Close;
        }
        let (first, second) = answer[..length].split_at(self.pause_at(&answer[..length]));
        for (at, part) in [first, second].into_iter().enumerate() {
            if at > 0 && !part.is_empty() {
                self.world.pause(&self.chance, limits.upstream_idle_ms).await;
            }
            if socket.write(part, portion.max(length / 64)).await.is_err() {
                return false;
            }
        }
        match fate {
            Fate::Cut if framing == Framing::Close || self.chance.one_in(2) => socket.reset(),
            Fate::Unasked { later: true } => self.speak_unasked(conversation).await,
            _ => {}
        }
        // A connection that ends while bytes are unread is reset: an early answer may be lost to that.
        let ends = [Fate::Cut, Fate::Leave, Fate::Early].contains(&fate);
        !ends && framing != Framing::Close
    }

    /// Returns where a service pauses within its answer, behind its interim one or behind its head; its end mostly.
    fn pause_at(&self, answer: &[u8]) -> usize {
        let head = answer.windows(4).position(|four| four == b"\r\n\r\n");
        match head.map(|at| at + 4) {
            Some(head) if self.chance.one_in(4) => {
                let interim = answer.starts_with(b"HTTP/1.1 103");
                if interim { head } else { head + self.chance.index(answer.len() - head + 1) }
            }
            _ => answer.len(),
        }
    }

    fn fate(&self) -> Fate {
        if !self.world.faults || !self.chance.one_in(4) {
            return Fate::Answer;
        }
        self.chance.pick(&[
            Fate::Close,
            Fate::Reset,
            Fate::Silence,
            Fate::Cut,
            Fate::Cut,
            Fate::Unasked { later: false },
            Fate::Unasked { later: true },
            Fate::Leave,
            Fate::Leave,
            Fate::Early,
        ])
    }

    /// Says something while nothing is asked, when the gateway can still notice before it asks.
    async fn speak_unasked(&self, conversation: &Conversation) {
        self.world.sleep(self.chance.below(800_000)).await;
        if conversation.is_quiet() {
            let _ = conversation.socket.write(&Self::poison(), usize::MAX).await;
            self.model.happened("an unasked answer");
        }
    }

    fn poison() -> Vec<u8> {
        b"HTTP/1.1 200 OK\r\nX-Id: 0\r\nX-Variant: none\r\nContent-Length: 5\r\n\r\nwrong".to_vec()
    }

    fn answer(&self, request: &Message, id: u64, fate: Fate) -> (Vec<u8>, Framing) {
        let status = self.chance.pick(&[200, 200, 200, 200, 404, 204, 304]);
        let size = match self.chance.below(12) {
            0 => 0,
            1..6 => self.chance.index(200),
            6..9 => self.chance.index(6_000),
            9..11 => 60_000 + self.chance.index(10_000),
            _ => 200_000 + self.chance.index(100_000),
        };
        let mut framing =
            self.chance.pick(&[Framing::Length, Framing::Length, Framing::Chunked, Framing::Close]);
        // A reset behind the end of an answer that ends with its connection could reach into it.
        if matches!(fate, Fate::Unasked { .. } | Fate::Leave | Fate::Early)
            && framing == Framing::Close
        {
            framing = Framing::Length;
        }
        let bodiless = request.start[0] == "HEAD" || [204, 304].contains(&status);
        if bodiless && framing != Framing::Length {
            framing = Framing::None;
        }
        let mut out = Vec::new();
        if self.chance.one_in(6) {
            out.extend_from_slice(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n");
        }
        let announced = if status == 204 { String::new() } else { announced(framing, size) };
        let (variant, name) = (self.variant, &self.name);
        out.extend_from_slice(
            format!(
                "HTTP/1.1 {status} Some words\r\nX-Id: {id}\r\nX-Size: {size}\r\nX-Variant: {variant}\r\n\
                 X-Instance: {name}\r\n{announced}\r\n"
            )
            .as_bytes(),
        );
        if !bodiless {
            let chunk = 1 + self.chance.index(9_000);
            out.extend_from_slice(&framed(&body_of(id, size), framing, chunk));
        }
        (out, framing)
    }
}
