//! The page of metrics, as Prometheus's own tool reads it.

use std::{
    io::Write as _,
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{
    message::Wire,
    on_each_engine,
    poll::until_true,
    ports::free_address,
    stack::{Engine, Process, get, halftone},
    upstream::Upstream,
};

/// Returns promtool: the one that `tests/setup.sh` has put below `target/tools`, or the path's.
fn promtool() -> Command {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/bin/promtool");
    let program = if own.exists() { own } else { PathBuf::from("promtool") };
    let mut command = Command::new(program);
    command.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    command.stderr(Stdio::piped());
    command
}

/// Returns all that promtool complains about; nothing when it is content.
fn complaints(page: &str) -> String {
    let mut child = promtool().spawn().expect("promtool is installed by tests/setup.sh");
    child.stdin.take().expect("a pipe").write_all(page.as_bytes()).expect("promtool reads");
    let output = child.wait_with_output().expect("promtool ends");
    let mut text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    if !output.status.success() {
        text.push_str(&output.status.to_string());
    }
    text
}

#[test]
fn a_page_that_is_wrong_is_complained_about() {
    let page = "# TYPE requests counter\nrequests 1\n";
    assert!(complaints(page).contains("requests"), "{}", complaints(page));
    assert_ne!(complaints("requests{ 1\n"), "");
}

on_each_engine! {
    /// Before the first table, and after answers of several kinds by several variants.
    fn promtool_is_content(engine: Engine) {
        let directory = tempfile::tempdir().expect("a directory");
        let path = |name: &str| {
            let path = directory.path().join(name);
            std::fs::create_dir(&path).expect("a directory");
            path
        };
        let (listen, admin, api) = (free_address(), free_address(), free_address());
        let (data, run) = (path("gateway"), path("gateway-output"));
        let mut gateway = halftone(&["gateway", "--engine", engine.name()]);
        gateway.args(["--listen", &listen.to_string(), "--admin", &admin.to_string()]);
        let _gateway = Process::start(gateway.arg("--data").arg(&data), &run);
        until_true("the admin address", || TcpStream::connect(admin).is_ok());
        let ask = |path: &str| Wire::connect(admin).send(get(path, &[])).answer();
        let page = || ask("/metrics").text();
        assert_eq!(complaints(&page()), "", "{}", page());

        let stable = Upstream::named("stable");
        let mut control = halftone(&["control", "--api", &api.to_string()]);
        control.arg("--gateway").arg(data.join("gateway.sock")).arg("--data").arg(path("control"));
        control.args(["--upstream", &format!("http://{}", stable.address())]);
        let _control = Process::start(&mut control, &path("control-output"));
        until_true("a gateway that is ready", || ask("/readyz").status() == 200);
        for _ in 0..3 {
            assert_eq!(Wire::connect(listen).send(get("/", &[])).answer().status(), 200);
        }
        assert_eq!(Wire::connect(listen).send("GET / HTTP/1.1\r\n\r\n").answer().status(), 400);
        until_true("counted requests", || page().contains("stable"));
        assert_eq!(complaints(&page()), "", "{}", page());

        let of_control = || Wire::connect(api).send(get("/metrics", &[])).answer().text();
        until_true("its gateway", || of_control().contains("halftone_gateway_connected{"));
        assert_eq!(complaints(&of_control()), "", "{}", of_control());
    }
}
