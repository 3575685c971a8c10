//! Real browsers meet the fingerprint: headless, with a profile of its own, each loads a page that consents, again and
//! again, and tells the page's service what came of it. No driver is between: the page does it all.
//!
//! Both keep `Secure` cookies of http://localhost, so that nothing stands between it and the gateway. What the script
//! sends is read by the page itself, which wraps `fetch` before the script is there: the gateway tells nobody.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Command, Stdio},
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, Sender, channel},
    },
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    poll::{until, until_true},
    stack::{Engine, Process, Stack},
    upstream::Upstream,
};

/// Times the page is loaded.
const LOADS: usize = 100;
/// Where features are sent.
const PATH: &str = "/.well-known/halftone/fingerprint";
/// What is set.
const COOKIE: &str = "__Host-halftone-device";
/// The longest a browser may take for a report, whatever else the machine does.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often a browser is started that is to report once.
const TRIES: usize = 3;
/// The features, as `docs/fingerprint.md` lists them.
const FEATURES: [&str; 3] = ["ua", "canvas", "webgl"];

/// A page that consents, asks its service what cookies it has sent, reports both, and begins again.
const PAGE: &str = r#"<!doctype html>
<script>
const plain = window.fetch;
let told = null;
window.fetch = (place, options) => {
  if (options && options.method === "POST") told = JSON.parse(options.body);
  return plain(place, options);
};
</script>
<script src="/.well-known/halftone/fingerprint.js"></script>
<script>
(async () => {
  const before = document.cookie;
  const given = await halftone.consent();
  const sent = await (await plain("/cookies")).text();
  const report = JSON.stringify({ given, sent, told, seen: before + document.cookie });
  const next = await (await plain("/report", { method: "POST", body: report })).text();
  if (next === "again") location.reload();
  if (next === "withdraw") {
    const given = await halftone.withdraw();
    const sent = await (await plain("/cookies")).text();
    await plain("/report", { method: "POST", body: JSON.stringify({ given, sent, told: null, seen: "" }) });
  }
})();
</script>"#;

/// A page that loads the script, and asks for a visitor whom Global Privacy Control speaks for.
const SILENT: &str = r#"<!doctype html>
<script src="/.well-known/halftone/fingerprint.js"></script>
<script>
(async () => {
  await new Promise((done) => addEventListener("load", done));
  Object.defineProperty(navigator, "globalPrivacyControl", { value: true });
  const given = await halftone.consent();
  const sent = await (await fetch("/cookies")).text();
  await fetch("/report", { method: "POST", body: JSON.stringify({ given, sent, told: null, seen: "" }) });
})();
</script>"#;

/// What a page has reported.
#[derive(Debug)]
struct Report {
    /// What `consent()` or `withdraw()` came to.
    given: bool,
    /// The value of our cookie, as it was sent.
    cookie: Option<String>,
    /// The words that the script has sent, by feature.
    told: BTreeMap<&'static str, BTreeSet<String>>,
    /// The cookies that scripts of the page can read.
    seen: String,
}

impl Report {
    fn read(text: &str) -> Self {
        let report: Value = serde_json::from_str(text).expect("a report");
        let words = |feature: &str| -> BTreeSet<String> {
            let list = report["told"][feature].as_array().into_iter().flatten();
            list.map(|word| word.as_str().expect("a word").to_owned()).collect()
        };
        let sent = report["sent"].as_str().expect("a field");
        let cookie = sent.split("; ").find_map(|pair| pair.strip_prefix("__Host-halftone-device="));
        Self {
            given: report["given"].as_bool().expect("whether"),
            cookie: cookie.map(str::to_owned),
            told: FEATURES.into_iter().map(|feature| (feature, words(feature))).collect(),
            seen: report["seen"].as_str().expect("text").to_owned(),
        }
    }

    fn id(&self) -> &str {
        let cookie = self.cookie.as_deref().unwrap_or_else(|| panic!("no cookie: {self:?}"));
        cookie.split('~').next().unwrap_or_default()
    }
}

/// A gateway, and the pages behind it.
struct Site {
    stack: Stack,
    reports: Receiver<Report>,
    /// What each report is answered.
    answers: Sender<&'static str>,
    /// The cookie that pages set before anything else, as a thief would.
    planted: Arc<Mutex<String>>,
    _pages: Upstream,
}

impl Site {
    fn start() -> Self {
        let (told, reports) = channel();
        let (answers, given) = channel::<&'static str>();
        let given = Mutex::new(given);
        let planted = Arc::new(Mutex::new(String::new()));
        let plant = Arc::clone(&planted);
        let pages = Upstream::answering(move |request| {
            let path = request.start.split(' ').nth(1).unwrap_or_default();
            match path {
                "/cookies" => text(request.field("cookie").unwrap_or_default(), "", "text/plain"),
                "/report" => {
                    let _ = told.send(Report::read(&request.text()));
                    let given = given.lock().expect("one at a time");
                    text(given.recv().unwrap_or("done"), "", "text/plain")
                }
                "/silent" => text(SILENT, "", "text/html"),
                "/" => text(PAGE, &plant.lock().expect("one at a time"), "text/html"),
                // Icons, which must not set the cookie once more.
                _ => text("", "", "text/plain"),
            }
        });
        let upstream = format!("http://{}", pages.address());
        let engine = if Engine::IoUring.runs_here() { Engine::IoUring } else { Engine::Epoll };
        let stack = Stack::start(engine, &["--fingerprint", "--upstream", &upstream]);
        Self { stack, reports, answers, planted, _pages: pages }
    }

    /// Opens a page in a browser; it is there until the result is dropped.
    fn open(&self, browser: Browser, profile: &TempDir, page: &str, setting: &str) -> Running {
        let place = format!("http://localhost:{}{page}", self.stack.listen.port());
        let folder = profile.path().join("profile");
        let mut command = browser.command(&folder, setting);
        command.arg(place).stdin(Stdio::null());
        // A group of its own: a browser is many processes.
        Running(Process::start(command.process_group(0), profile.path()))
    }

    /// Returns the next report, and has its page do `next`.
    fn report(&self, next: &'static str) -> Report {
        let report = self.reports.recv_timeout(PATIENCE).expect("the browser reports");
        self.answers.send(next).expect("the service listens");
        report
    }

    /// Returns what a new browser is given that has this setting, and this cookie if it is one.
    fn met(&self, browser: Browser, page: &str, setting: &str, cookie: &str) -> Report {
        let planted = if cookie.is_empty() {
            String::new()
        } else {
            format!("Set-Cookie: {COOKIE}={cookie}; Path=/; Secure; HttpOnly\r\n")
        };
        *self.planted.lock().expect("one at a time") = planted;
        // One that does not come up on a busy machine is started again.
        for _ in 0..TRIES {
            let profile = tempfile::tempdir().expect("a folder");
            let running = self.open(browser, &profile, page, setting);
            if let Ok(report) = self.reports.recv_timeout(PATIENCE) {
                self.answers.send("done").expect("the service listens");
                return report;
            }
            eprintln!("{browser:?} did not report; it has written: {}", running.0.output());
        }
        panic!("{browser:?} does not report with {setting:?}");
    }

    /// Returns how often features were sent.
    fn sent(&self) -> usize {
        let log = self.stack.log(1);
        log.iter().filter(|line| line["target"] == PATH && line["method"] == "POST").count()
    }
}

/// A browser with all its processes, which end when it is dropped.
struct Running(Process);

impl Drop for Running {
    fn drop(&mut self) {
        // Errors mean that all have ended already.
        let group = i32::try_from(self.0.pid()).ok().and_then(Pid::from_raw);
        let _ = group.map(|group| kill_process_group(group, Signal::KILL));
    }
}

#[derive(Clone, Copy, Debug)]
enum Browser {
    Chromium,
    Firefox,
}

impl Browser {
    /// Returns its command line. `setting` is a flag of Chromium, or a line of preferences of Firefox.
    fn command(self, profile: &Path, setting: &str) -> Command {
        fs::create_dir_all(profile).expect("a folder");
        match self {
            Self::Chromium => {
                let mut command = Command::new("chromium");
                command.args(["--headless=new", "--no-sandbox", "--disable-dev-shm-usage"]);
                command.args(["--no-first-run", "--disable-background-networking"]);
                command.args(["--disable-component-update", "--disable-breakpad"]);
                command.arg("--remote-debugging-port=0");
                command.arg(format!("--user-data-dir={}", profile.display()));
                command.args(setting.split(' ').filter(|flag| !flag.is_empty()));
                command
            }
            Self::Firefox => {
                fs::write(profile.join("user.js"), setting).expect("a file");
                let mut command = Command::new("firefox-esr");
                command.args(["--headless", "--no-remote", "--profile"]).arg(profile);
                command.env("MOZ_DISABLE_CONTENT_SANDBOX", "1");
                command
            }
        }
    }

    /// Three devices: as it comes, one without WebGL or with another agent, and one with a finer screen.
    fn settings(self) -> [&'static str; 3] {
        match self {
            Self::Chromium => ["", "--disable-3d-apis", "--force-device-scale-factor=2"],
            Self::Firefox => [
                "",
                "user_pref(\"general.useragent.override\", \"Mozilla/5.0 (Windows NT 10.0; Win64; x64)\");",
                "user_pref(\"layout.css.devPixelsPerPx\", \"2\");",
            ],
        }
    }

    /// A device with other hardware. Firefox has no WebGL here that could tell it.
    fn moved(self) -> Option<&'static str> {
        match self {
            Self::Chromium => Some(self.settings()[1]),
            Self::Firefox => None,
        }
    }

    /// The first device, whose browser says that it is a newer one.
    fn updated(self) -> &'static str {
        match self {
            Self::Chromium => "--user-agent=Mozilla/5.0(X11;Linux)Chrome/999.0.0.0",
            Self::Firefox => {
                "user_pref(\"general.useragent.override\", \"Mozilla/5.0 (X11; Linux) Firefox/999.0\");"
            }
        }
    }
}

/// The share of equal words.
fn likeness(one: &BTreeSet<String>, other: &BTreeSet<String>) -> f64 {
    let any = one.union(other).count();
    if any == 0 { 1.0 } else { one.intersection(other).count() as f64 / any as f64 }
}

/// Loads the page again and again; returns the first report.
fn reload(browser: Browser, site: &Site) -> Report {
    let profile = tempfile::tempdir().expect("a folder");
    let running = site.open(browser, &profile, "/", "");
    let first = site.report("again");
    assert!(first.given, "{first:?}");
    let mut least = [1.0f64; 3];
    for load in 2..=LOADS {
        let again = site.report(if load < LOADS { "again" } else { "withdraw" });
        assert_eq!(again.id(), first.id(), "load {load}");
        assert_eq!(again.seen, "", "no script reads the cookie");
        for (least, feature) in least.iter_mut().zip(FEATURES) {
            *least = least.min(likeness(&first.told[feature], &again.told[feature]));
        }
    }
    println!("{browser:?}: {LOADS} loads, one id; least likeness {FEATURES:?} {least:.2?}");
    assert!(least.iter().all(|least| *least >= 0.9), "{least:?}");
    // Who takes consent back has no cookie any more.
    let withdrawn = site.report("done");
    assert!(withdrawn.given && withdrawn.cookie.is_none(), "{withdrawn:?}");
    drop(running);
    first
}

fn check(browser: Browser) {
    let site = Site::start();
    let first = reload(browser, &site);
    let alike = |report: &Report| {
        FEATURES.map(|feature| likeness(&first.told[feature], &report.told[feature]))
    };
    // Each setting is a device with an id of its own, which it has again without a cookie.
    let mut ids = BTreeSet::new();
    for setting in browser.settings() {
        let [one, other] = [0, 1].map(|_| site.met(browser, "/", setting, ""));
        assert_eq!(one.id(), other.id(), "{setting}");
        println!("{browser:?} {setting:?}: likeness to the first {FEATURES:?} {:.2?}", alike(&one));
        ids.insert(one.id().to_owned());
    }
    assert_eq!(ids.len(), 3, "{ids:?}");
    assert!(ids.contains(first.id()));

    // With the cookie of the first, an update is it, and other hardware is not.
    let cookie = first.cookie.as_deref().expect("a cookie");
    let updated = site.met(browser, "/", browser.updated(), cookie);
    println!("{browser:?}, updated: likeness to the first {FEATURES:?} {:.2?}", alike(&updated));
    assert!(updated.given && alike(&updated)[0] < 0.9, "{updated:?}");
    assert_eq!(updated.id(), first.id());
    if let Some(setting) = browser.moved() {
        let moved = site.met(browser, "/", setting, cookie);
        println!("{browser:?}, moved: likeness to the first {FEATURES:?} {:.2?}", alike(&moved));
        assert!(moved.given, "{moved:?}");
        assert_ne!(moved.id(), first.id(), "{moved:?}");
    }

    let expected = LOADS + 2 * 3 + 1 + usize::from(browser.moved().is_some());
    let before = until("the log", || Some(site.sent()).filter(|sent| *sent >= expected));
    let silent = site.met(browser, "/silent", "", "");
    assert!(!silent.given && silent.cookie.is_none(), "{silent:?}");
    // The page has asked for its cookies after what it did not send: the log has that, and no more of the other.
    until_true("the log", || {
        site.stack.log(1).iter().any(|line| line["target"] == "/silent" && line["status"] == 200)
    });
    assert_eq!(site.sent(), before, "nobody asks without consent");
}

#[test]
fn chromium_is_one_device_and_three_settings_are_three() {
    check(Browser::Chromium);
}

#[test]
fn firefox_is_one_device_and_three_settings_are_three() {
    check(Browser::Firefox);
}

/// An answer of this type, with further fields.
fn text(body: &str, fields: &str, kind: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n{fields}\r\n{body}"
    )
    .into_bytes()
}
