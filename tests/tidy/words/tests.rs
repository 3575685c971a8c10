//! Words in and out of their rooms.

use super::*;

fn check(path: &str, text: &str, lines: &[usize]) {
    let offences = misplaced(&[(path.to_owned(), text.to_owned())]);
    let places: Vec<&str> = offences.iter().map(|offence| offence.place.as_str()).collect();
    let expected: Vec<String> = lines.iter().map(|line| format!("{path}:{line}")).collect();
    assert_eq!(places, expected, "{text}");
}

#[test]
fn a_word_is_at_home_in_its_room_only() {
    let unsafe_block = "//! Owns x.\nfn f() { unsafe { g() } }\n";
    check("core/src/table/archive.rs", unsafe_block, &[]);
    check("core/src/table/archive/tests.rs", unsafe_block, &[]);
    check("core/src/table/archives.rs", unsafe_block, &[2]);
    check("core/src/table.rs", unsafe_block, &[2]);
    check("dataplane/src/io/buffer.rs", unsafe_block, &[]);
    check("dataplane/src/engine.rs", unsafe_block, &[]);
    check("dataplane/src/conn/http1.rs", unsafe_block, &[2]);
    check("tests/e2e/main.rs", unsafe_block, &[2]);

    let engine = "use monoio::net::TcpStream;\n";
    check("dataplane/src/engine/monoio.rs", engine, &[]);
    check("dataplane/src/engine/monoio/stream.rs", engine, &[]);
    check("dataplane/src/engine/mod.rs", engine, &[1]);
    check("dataplane/src/engine/glommio.rs", "glommio::yield_now();\n", &[]);
    check("dataplane/src/worker.rs", "glommio::yield_now();\n", &[1]);
    check("core/src/signal/geo.rs", "maxminddb::Reader\n", &[]);
    check("core/src/route.rs", "maxminddb::Reader\n", &[1]);
    check("controlplane/src/source/file.rs", "use serde_saphyr as yaml;\n", &[]);
    check("src/gateway.rs", "serde_saphyr::from_str(x)\n", &[]);
    check("controlplane/src/api.rs", "use serde_saphyr as yaml;\n", &[1]);
}

#[test]
fn text_and_comments_are_free() {
    check("core/src/route.rs", "//! No unsafe, no monoio::.\nlet x = \"unsafe {\";\n", &[]);
    check("core/src/route.rs", "/* unsafe\n unsafe */ let x = 1; unsafe {}\n", &[2]);
    check("core/src/lib.rs", "#![deny(unsafe_code)]\n", &[]);
}

#[test]
fn a_crate_is_the_head_of_a_path() {
    let check_crate = |line: &str, found: bool| {
        check("dataplane/src/worker.rs", line, if found { &[1] } else { &[] });
    };
    check_crate("monoio::spawn(f)", true);
    check_crate("::monoio::spawn(f)", true);
    check_crate("use monoio as runtime;", true);
    check_crate("pub use monoio;", true);
    check_crate("extern crate monoio;", true);
    check_crate("#[monoio::main]", true);
    check_crate("Vec<monoio::net::TcpStream>", true);
    check_crate("use {monoio::spawn, std::fs};", true);
    check_crate("crate::engine::monoio::Driver", false);
    check_crate("self::monoio::Driver", false);
    check_crate("mod monoio;", false);
    check_crate("use super::{glommio, monoio};", false);
    check_crate("Engine::monoio()", false);
    check_crate("let monoio = 1;", false);
    check_crate("my_monoio::spawn(f)", false);
    check_crate("because monoio", false);
}
