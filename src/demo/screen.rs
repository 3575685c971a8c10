//! What the demo shows.
//!
//! Owns the text: the live view, what to try next, the summary; and how it is drawn, in place on a
//! terminal or as one block after another. Does not ask for anything.

use std::{io::Write, path::Path, time::Duration};

use anyhow::{Context as _, Result};

use super::{
    Demo, RELEASE, TENANT, VERSIONS, registration,
    traffic::{Counts, OVERRIDE_EVERY, RATE, USERS, canary_users},
    variants,
};
use crate::{api::Gateway, table};

/// Goes to the top left corner.
const HOME: &str = "\x1b[H";
/// Clears the whole terminal.
const CLEAR: &str = "\x1b[2J";
/// Clears to the end of the line.
const CLEAR_LINE: &str = "\x1b[K\n";
/// Clears what is below.
const CLEAR_BELOW: &str = "\x1b[J";

/// What is known at one moment.
#[derive(Debug)]
pub(super) struct Moment {
    /// The gateway; nothing while the API is away.
    pub(super) gateway: Option<Gateway>,
    /// What the callers met.
    pub(super) counts: Counts,
    /// Since the first request.
    pub(super) running: Duration,
}

/// Where the demo is shown.
pub(super) struct Screen<'a> {
    output: &'a mut dyn Write,
    in_place: bool,
    head: String,
    next: String,
    /// Whether anything was drawn.
    begun: bool,
    /// The last gateway that was heard of.
    last: Option<Gateway>,
}

impl<'a> Screen<'a> {
    /// Prepares to show `demo`, whose bundle lies at `bundle`.
    pub(super) fn new(demo: &Demo, bundle: &Path, output: &'a mut dyn Write) -> Self {
        let (head, next) = (head(demo), next(demo, bundle));
        Self { output, in_place: demo.in_place, head, next, begun: false, last: None }
    }

    /// Draws the view of one moment.
    ///
    /// # Errors
    /// The output cannot be written.
    pub(super) fn draw(&mut self, moment: Moment) -> Result<()> {
        let view = view(&moment);
        self.last = moment.gateway.or(self.last.take());
        let text = match (self.in_place, self.begun) {
            (true, begun) => {
                let lines =
                    format!("{}\n{view}\n{}\nCtrl-C ends the demo.\n", self.head, self.next);
                let clear = if begun { "" } else { CLEAR };
                format!("{clear}{HOME}{}{CLEAR_BELOW}", lines.replace('\n', CLEAR_LINE))
            }
            (false, false) => format!("{}\n{}\n{view}\n", self.head, self.next),
            (false, true) => format!("{view}\n"),
        };
        self.begun = true;
        self.write(&text)
    }

    /// Shows what came of it; without a last answer of the gateway, the last one that was drawn.
    ///
    /// # Errors
    /// The output cannot be written.
    pub(super) fn summary(&mut self, gateway: Option<Gateway>, counts: &Counts) -> Result<()> {
        let gateway = gateway.or(self.last.take());
        let counted = gateway.as_ref().map(variants).unwrap_or_default();
        let text = format!(
            "summary: {} requests answered, {} failed{}\n{}",
            counts.answered,
            counts.failed,
            failure(counts),
            table::variants(&counted),
        );
        self.write(&text)
    }

    fn write(&mut self, text: &str) -> Result<()> {
        let written = self.output.write_all(text.as_bytes()).and_then(|()| self.output.flush());
        written.context("cannot write to standard output")
    }
}

fn head(demo: &Demo) -> String {
    let [stable, canary, _] = VERSIONS;
    format!(
        "halftone demo\n  gateway http://{}, API http://{}, state in {}\n  \
         service hello: {} is stable, {} is canary\n  \
         bundle {TENANT}: 20 % of users to canary by the bucket of x-user-id under {RELEASE}: \
         {} of the demo's {USERS}\n  \
         traffic: {RATE} requests/s, one in {OVERRIDE_EVERY} with X-Release-Group: canary\n",
        demo.stack.listen,
        demo.stack.api,
        demo.stack.place.root().display(),
        stable.version,
        canary.version,
        canary_users(),
    )
}

fn view(moment: &Moment) -> String {
    let counts = &moment.counts;
    let mut view = format!(
        "after {} s: {} requests answered, {} failed{}\n",
        moment.running.as_secs(),
        counts.answered,
        counts.failed,
        failure(counts),
    );
    let Some(gateway) = &moment.gateway else {
        view.push_str("the API does not answer; the gateway serves on\n");
        return view;
    };
    if let Some(state) = &gateway.gateway {
        let (workers, epochs) = (table::workers(state), table::epochs(gateway));
        view.push_str(&format!("engine {}, {workers}; epochs: {epochs}\n", state.engine));
    }
    format!("{view}\n{}", table::variants(&variants(gateway)))
}

fn failure(counts: &Counts) -> String {
    counts.last_failure.as_ref().map(|failure| format!(" (last: {failure})")).unwrap_or_default()
}

/// Writes the lines to try, each to be pasted as it stands.
fn next(demo: &Demo, bundle: &Path) -> String {
    let Demo { stack, services, binary, .. } = demo;
    let (gateway, api) = (format!("http://{}/", stack.listen), format!("http://{}", stack.api));
    let [.., (version, address)] = [0, 1, 2].map(|at| (&VERSIONS[at], services[at]));
    let instance = serde_json::to_string(&registration(version, address)).unwrap_or_default();
    let status = if stack.api.to_string() == "127.0.0.1:8081" {
        String::new()
    } else {
        format!(" --api {api}")
    };
    format!(
        "try next, in another terminal:\n\
         # one user meets one version, every time\n\
         curl -H 'x-user-id: user-7' {gateway}\n\
         # ask for the canary by name\n\
         curl -H 'X-Release-Group: canary' {gateway}\n\
         # register {new}, which shares the canary's requests with v2 then\n\
         curl -X POST {api}/v1/instances -d '{instance}'\n\
         # half of all users: nobody who had the canary loses it\n\
         sed 's/20%/50%/' {bundle} | curl -X PUT -H 'Content-Type: application/yaml' \
         --data-binary @- {api}/v1/tenants/{TENANT}/bundle\n\
         # what every gateway runs and counts\n\
         {binary} status{status}\n",
        new = version.version,
        bundle = bundle.display(),
    )
}
