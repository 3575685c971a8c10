//! When a gateway is called again, when its tables are settled, and whom a change waits for.

use super::*;
use crate::publish::Publication;

fn status(connected: bool, seen: Option<u64>, applied: bool) -> GatewayStatus {
    let status = GatewayStatus::new(std::path::Path::new("/run/gateway.sock"));
    GatewayStatus { connected, seen, applied, ..status }
}

fn gateways(statuses: &[GatewayStatus]) -> (Gateways, Vec<watch::Sender<GatewayStatus>>) {
    let channels = statuses.iter().map(|status| watch::channel(status.clone()));
    let (senders, receivers): (Vec<_>, Vec<_>) = channels.unzip();
    let questions = Arc::new(Semaphore::new(1));
    (Gateways { statuses: receivers.into(), version: "test", questions }, senders)
}

fn applied(publication: Publication, statuses: &[GatewayStatus]) -> bool {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let (gateways, _senders) = gateways(statuses);
    let (_publications, newest) = watch::channel(publication);
    runtime.block_on(gateways.applied(5, newest))
}

#[test]
fn a_change_is_applied_when_every_connected_gateway_serves_it() {
    let published = Publication { change: Some(5), ..Publication::default() };
    let failed = Publication { problem: Some("why".to_owned()), ..published.clone() };
    let served = status(true, Some(6), true);
    let away = status(false, None, false);
    let rejected = status(true, Some(5), false);
    for (publication, statuses, expected) in [
        (&published, &[served.clone()][..], true),
        (&published, &[served.clone(), away.clone()], true),
        (&published, &[away.clone(), served.clone()], true),
        (&published, &[served.clone(), rejected], false),
        (&published, &[away], false),
        (&published, &[], false),
        (&failed, std::slice::from_ref(&served), false),
    ] {
        assert_eq!(applied(publication.clone(), statuses), expected, "{statuses:?}");
    }
    // Late ones are not waited for longer than promised.
    let late = status(true, Some(4), true);
    assert!(!applied(published, &[served, late]));
    assert!(!applied(Publication::default(), &[status(true, Some(9), true)]));
}

#[test]
fn pauses_grow_to_their_bound_and_never_vanish() {
    let mut backoff = Backoff::default();
    let mut longest = BACKOFF.0;
    for _ in 0..20 {
        let pause = backoff.next();
        assert!(pause >= longest / 2 && pause <= longest, "{pause:?} of {longest:?}");
        longest = (longest * 2).min(BACKOFF.1);
    }
    assert_eq!(backoff.longest, BACKOFF.1);
}
