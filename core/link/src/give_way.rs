//! Work that may take its time gives way to work that may not.
//!
//! Owns the priority of the calling thread. Invariant: it is only ever lowered, which needs no privilege and is not undone.

/// What Linux calls the nicest: beside a thread that wants the CPU it has about a seventieth of it (sched(7)).
const NICEST: i32 = 19;

/// Lets every other thread go first, from now on, on whatever CPU they share: a second spent checking a large file is no
/// second that requests wait. Where that is refused the thread goes on as it is.
///
/// The number belongs to a thread, not to its process (setpriority(2), "C library/kernel differences").
pub fn give_way() {
    let _ = rustix::process::setpriority_process(None, NICEST);
}

#[cfg(test)]
mod tests {
    use std::thread;

    use rustix::process::getpriority_process;

    use super::*;

    #[test]
    fn a_thread_gives_way_alone() {
        let own = getpriority_process(None).expect("a priority");
        let other = thread::spawn(|| {
            give_way();
            getpriority_process(None).expect("a priority")
        });
        assert_eq!(other.join().expect("it ended"), NICEST);
        assert_eq!(getpriority_process(None).expect("a priority"), own);
    }
}
