//! Names that resolve, change, fail and hang.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

fn name(text: &str) -> Name {
    (text.to_owned(), 80)
}

fn address(text: &str) -> Address {
    Address::parse(text).expect("an address")
}

fn sockets(texts: &[&str]) -> Vec<SocketAddr> {
    texts.iter().map(|text| text.parse().expect("a socket address")).collect()
}

fn run(test: impl Future<Output = ()>) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let ended = runtime.block_on(async { time::timeout(Duration::from_secs(30), test).await });
    runtime.shutdown_background();
    ended.expect("within the deadline");
}

/// A lookup that gives one answer after the other, the last one for ever.
fn scripted(answers: Vec<io::Result<Vec<SocketAddr>>>) -> Arc<Resolver> {
    let (answers, asked) = (Mutex::new(answers), AtomicUsize::new(0));
    Resolver::new(move |_, _| {
        let answers = answers.lock().expect("not poisoned");
        let at = asked.fetch_add(1, Ordering::Relaxed).min(answers.len() - 1);
        match &answers[at] {
            Ok(addresses) => Ok(addresses.clone()),
            Err(error) => Err(io::Error::other(error.to_string())),
        }
    })
}

/// Looks everything up again and waits for the answers.
async fn refreshed(resolver: &Arc<Resolver>) {
    resolver.refresh();
    while resolver.known().values().any(|entry| entry.asking) {
        tokio::task::yield_now().await;
    }
}

#[test]
fn ipv4_comes_first_and_nothing_twice() {
    let given = ["[::1]:80", "10.0.0.2:80", "10.0.0.1:80", "[::1]:80", "10.0.0.2:80", "[::2]:80"];
    let expected = ["10.0.0.2:80", "10.0.0.1:80", "[::1]:80", "[::2]:80"];
    assert_eq!(
        rows_in_order(&sockets(&given)),
        sockets(&expected).into_iter().map(row).collect::<Vec<_>>()
    );
    let many: Vec<SocketAddr> =
        (0..100u8).map(|at| SocketAddr::from(([10, 0, 0, at], 80))).collect();
    assert_eq!(rows_in_order(&many).len(), ADDRESSES_MAX);
}

#[test]
fn addresses_without_a_name_are_themselves() {
    let resolver = scripted(vec![Ok(Vec::new())]);
    assert_eq!(resolver.rows(&address("1.2.3.4:5")), [AddressRow::V4([1, 2, 3, 4], 5)]);
    assert_eq!(resolver.rows(&address("unix:/a")), [AddressRow::Unix("/a".to_owned())]);
    assert!(resolver.rows(&address("never.asked:80")).is_empty());
}

#[test]
fn the_last_good_answer_is_kept_and_order_is_no_change() {
    run(async {
        let resolver = scripted(vec![
            Ok(sockets(&["10.0.0.1:80", "10.0.0.2:80"])),
            Ok(sockets(&["10.0.0.2:80", "10.0.0.1:80"])),
            Err(io::Error::other("no such name")),
            Ok(Vec::new()),
            Ok(sockets(&["10.0.0.3:80"])),
        ]);
        let changes = resolver.changes();
        let names = BTreeSet::from([name("app")]);
        resolver.want(&names).await;
        let first = resolver.rows(&address("app:80"));
        assert_eq!((first.len(), *changes.borrow()), (2, 1));
        assert_eq!(resolver.problem(&address("app:80")), None);
        for told in [None, Some("no such name; the addresses it had"), Some("it has no address")] {
            refreshed(&resolver).await;
            let problem = resolver.problem(&address("app:80"));
            let is_told = |told: &str| problem.as_ref().is_some_and(|one| one.contains(told));
            assert!(told.map_or(problem.is_none(), is_told), "{problem:?}, not {told:?}");
            assert_eq!((resolver.rows(&address("app:80")), *changes.borrow()), (first.clone(), 1));
        }
        refreshed(&resolver).await;
        assert_eq!(resolver.rows(&address("app:80")), [AddressRow::V4([10, 0, 0, 3], 80)]);
        assert_eq!((*changes.borrow(), resolver.problem(&address("app:80"))), (2, None));
        resolver.want(&BTreeSet::new()).await;
        assert!(resolver.rows(&address("app:80")).is_empty());
    });
}

#[test]
fn a_lookup_that_hangs_holds_up_nobody_for_long_and_tells_when_it_ends() {
    run(async {
        let (let_go, held) = std::sync::mpsc::channel::<()>();
        let held = Mutex::new(held);
        let resolver = Resolver::new(move |name, _| {
            if name == "slow" {
                let _ = held.lock().expect("not poisoned").recv();
            }
            Ok(sockets(&["10.0.0.1:80"]))
        });
        resolver.want(&BTreeSet::from([name("slow"), name("fast")])).await;
        assert_eq!(resolver.rows(&address("fast:80")).len(), 1);
        assert!(resolver.rows(&address("slow:80")).is_empty());
        let problem = resolver.problem(&address("slow:80")).expect("nobody knows yet");
        assert!(problem.contains("not resolved yet"), "{problem}");
        let mut changes = resolver.changes();
        drop(let_go);
        changes.changed().await.expect("told");
        assert_eq!(resolver.rows(&address("slow:80")).len(), 1);
    });
}
