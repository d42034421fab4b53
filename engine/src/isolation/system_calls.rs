//! Which system calls the sandbox's processes are refused.
//!
//! Namespaces do not separate everything: keyrings are shared by user id, and some interfaces are only of use
//! for administering or attacking the kernel. Refused calls fail with `EPERM`, as they would without
//! privileges; `clone3`, whose flags a filter cannot read, is reported missing so that callers use `clone`.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use nix::libc;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
};

/// Refused whatever their arguments are.
const REFUSED: [libc::c_long; 36] = [
    libc::SYS_acct,
    libc::SYS_add_key,
    libc::SYS_bpf,
    libc::SYS_clock_adjtime,
    libc::SYS_clock_settime,
    libc::SYS_delete_module,
    libc::SYS_finit_module,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fsopen,
    libc::SYS_fspick,
    libc::SYS_init_module,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_io_uring_setup,
    libc::SYS_kexec_file_load,
    libc::SYS_kexec_load,
    libc::SYS_keyctl,
    libc::SYS_mount,
    libc::SYS_mount_setattr,
    libc::SYS_move_mount,
    libc::SYS_open_by_handle_at,
    libc::SYS_open_tree,
    libc::SYS_perf_event_open,
    libc::SYS_pivot_root,
    libc::SYS_quotactl,
    libc::SYS_reboot,
    libc::SYS_request_key,
    libc::SYS_setns,
    libc::SYS_settimeofday,
    libc::SYS_swapoff,
    libc::SYS_swapon,
    libc::SYS_syslog,
    libc::SYS_umount2,
    libc::SYS_userfaultfd,
    libc::SYS_vhangup,
];

/// Filters the calling process and everything it will start. It must have `no_new_privs` set.
pub fn restrict() -> Result<()> {
    let mut refused: BTreeMap<i64, Vec<SeccompRule>> = REFUSED.iter().map(|call| (*call, Vec::new())).collect();
    for call in [libc::SYS_clone, libc::SYS_unshare] {
        refused.insert(call, vec![creates_user_namespace()?]);
    }
    let missing = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
    install(refused, libc::EPERM)?;
    install(missing, libc::ENOSYS)
}

/// A user namespace would give back the privileges that opened it to the kernel's rarely used parts.
fn creates_user_namespace() -> Result<SeccompRule> {
    let flag = u64::from(libc::CLONE_NEWUSER.unsigned_abs());
    let condition = SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::MaskedEq(flag), flag)?;
    Ok(SeccompRule::new(vec![condition])?)
}

fn install(calls: BTreeMap<i64, Vec<SeccompRule>>, error: i32) -> Result<()> {
    let architecture = std::env::consts::ARCH.try_into().context("no system call filter for this processor")?;
    let refuse = SeccompAction::Errno(error.unsigned_abs());
    let filter: BpfProgram = SeccompFilter::new(calls, SeccompAction::Allow, refuse, architecture)?.try_into()?;
    seccompiler::apply_filter(&filter).context("filtering system calls")
}
