//! A control group that gets 7 % of a core, as a Lambda function with 128 MB does.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process,
};

use anyhow::Context;

/// Lambda gives a function with 1,769 MB one core, and a smaller one its share:
/// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html>.
const QUOTA: &str = "7000";
const PERIOD: &str = "100000";

/// The control group. Dropping it removes it, once its processes have ended.
pub struct SmallCpu(PathBuf);

impl Drop for SmallCpu {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}

impl SmallCpu {
    /// Creates the group, with version 2 of the kernel's interface if it is mounted, or else version 1.
    pub fn create() -> anyhow::Result<Self> {
        let name = format!("greenlight-bench-{}", process::id());
        let root = Path::new("/sys/fs/cgroup");
        let is_version_2 = root.join("cgroup.controllers").exists();
        if is_version_2 {
            // Fails where the controller is enabled already or cannot be. Setting the limit shows which.
            let _ = fs::write(root.join("cgroup.subtree_control"), "+cpu");
        }
        let group = Self(if is_version_2 { root.join(name) } else { root.join("cpu").join(name) });
        group.set_limit(is_version_2).with_context(|| format!("the control group {}", group.0.display()))?;
        Ok(group)
    }

    fn set_limit(&self, is_version_2: bool) -> io::Result<()> {
        fs::create_dir(&self.0)?;
        if is_version_2 {
            return fs::write(self.0.join("cpu.max"), format!("{QUOTA} {PERIOD}"));
        }
        fs::write(self.0.join("cpu.cfs_period_us"), PERIOD)?;
        fs::write(self.0.join("cpu.cfs_quota_us"), QUOTA)
    }

    /// Moves a process, with all its threads, into the group.
    pub fn add(&self, pid: u32) -> io::Result<()> {
        fs::write(self.0.join("cgroup.procs"), pid.to_string())
    }
}
