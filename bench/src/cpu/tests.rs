//! Tests of the CPU choice and the pinning.

use super::*;

#[test]
fn cpu_lists_are_read() {
    fn check(text: &str, expected: &[usize]) {
        assert_eq!(cpu_list(text), expected, "{text:?}");
    }
    check("0\n", &[0]);
    check("0,2-4\n", &[0, 2, 3, 4]);
    check("3-3", &[3]);
    check("", &[]);
    check("what,1", &[1]);
}

#[test]
fn a_pinned_thread_gets_its_affinity_back() {
    let before = allowed_cpus().unwrap();
    let plan = CpuPlan::detect().unwrap();
    let pinned = PinnedThread::pin(plan.contender).unwrap();
    assert_eq!(allowed_cpus().unwrap(), [plan.contender]);
    drop(pinned);
    assert_eq!(allowed_cpus().unwrap(), before);
}

#[test]
fn a_child_runs_where_it_was_put() {
    let plan = CpuPlan::detect().unwrap();
    let mut command = Command::new("cat");
    command.arg("/proc/self/status").stdout(std::process::Stdio::piped());
    let output = spawn_pinned(&mut command, plan.contender).unwrap().wait_with_output().unwrap();
    let status = String::from_utf8(output.stdout).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).unwrap();
    assert_eq!(cpu_list(line), [plan.contender]);
}
