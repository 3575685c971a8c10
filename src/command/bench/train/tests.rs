//! Lessons as the command line understands them.

use super::*;

#[test]
fn every_lesson_can_be_typed() {
    for line in LESSONS {
        let lesson = Lesson::try_parse_from(line.split_ascii_whitespace());
        let lesson = lesson.unwrap_or_else(|error| panic!("{line}: {error}"));
        assert!(
            !matches!(lesson.arguments.what, What::Train | What::Floor(_)),
            "{line} would not end"
        );
    }
}

#[test]
fn every_engine_and_workload_has_a_part() {
    let (mut workloads, mut peers) = (Vec::new(), Vec::new());
    for line in LESSONS {
        let lesson =
            Lesson::try_parse_from(line.split_ascii_whitespace()).expect("it can be typed");
        if let What::Compare(options) = lesson.arguments.what {
            workloads.extend(options.workload);
            peers.extend(options.peers.iter().map(|peer| peer.name()));
        }
    }
    let known = <compare::workload::Workload as clap::ValueEnum>::value_variants();
    assert!(known.iter().all(|workload| workloads.contains(workload)), "{workloads:?}");
    for peer in ["halftone-epoll", "halftone-glommio", "halftone-shadowed"] {
        assert!(peers.contains(&peer), "{peer}: {peers:?}");
    }
}
