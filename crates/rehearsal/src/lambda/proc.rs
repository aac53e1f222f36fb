//! Facts about a process from the kernel, on systems with `/proc`.

use std::{fs, time::Duration};

/// The kernel's unit for CPU time. `USER_HZ` is 100 on every Linux, whatever the machine.
const CLOCK_TICK: Duration = Duration::from_millis(10);

/// The resident memory of a process, in bytes.
pub(super) fn resident(pid: u32) -> Option<u64> {
    // `statm` would not do: it counts in pages, whose size depends on the machine.
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let kilobytes = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.trim().strip_suffix("kB")?;
    Some(kilobytes.trim().parse::<u64>().ok()? * 1024)
}

/// Whether this process runs as root.
pub(super) fn is_root() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ids = status.lines().find_map(|line| line.strip_prefix("Uid:"));
    ids.is_some_and(|ids| ids.split_whitespace().nth(1) == Some("0"))
}

/// The CPU time of a process so far, in user and kernel mode, of all threads together. It is still available for a
/// process that has ended and whose exit status has not been read.
pub(super) fn cpu(pid: u32) -> Option<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the program's name in parentheses, which can contain any characters.
    let fields: Vec<_> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |field: usize| fields.get(field - 3)?.parse::<u32>().ok();
    Some(CLOCK_TICK * (ticks(14)? + ticks(15)?))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory_and_time() {
        let own = std::process::id();
        assert!(resident(own).unwrap() > 1 << 20);
        let before = cpu(own).unwrap();
        while cpu(own).unwrap() <= before {
            std::hint::black_box(fs::read("/proc/self/stat").unwrap());
        }
        assert_eq!((resident(0), cpu(0)), (None, None), "there is no such process");
    }
}
