//! Which system calls the sandbox's processes are refused.
//!
//! Namespaces do not separate everything: keyrings are shared by user id, and some interfaces are only of use
//! for administering or attacking the kernel. Refused calls fail with `EPERM`, as they would without
//! privileges; `clone3`, whose flags a filter cannot read, is reported missing so that callers use `clone`; sockets of
//! unusual families are not supported. Nobody signals the toolbox, nor everybody at once where the toolbox is among them.

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

/// Socket families that programs need; the kernel has some forty others, most of them full of rarely used code, and
/// `AF_VSOCK` leads out of virtual machines.
const FAMILIES: [libc::c_int; 4] = [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK];

/// The families of `AF_NETLINK` that programs need: addresses and sockets.
const NETLINK_PROTOCOLS: [libc::c_int; 2] = [libc::NETLINK_ROUTE, libc::NETLINK_SOCK_DIAG];

/// Calls that signal the process, or refer to it, that their first argument names.
const SIGNALLING: [libc::c_long; 6] = [
    libc::SYS_kill,
    libc::SYS_pidfd_open,
    libc::SYS_rt_sigqueueinfo,
    libc::SYS_rt_tgsigqueueinfo,
    libc::SYS_tgkill,
    libc::SYS_tkill,
];

/// Whether the toolbox has a user of its own, whom the sandbox's processes cannot signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ToolboxUser {
    /// It has: everybody else can be signalled at once.
    Own,
    /// It has the same, or one that an administrator inside may signal.
    Shared,
}

/// Filters the calling process, the toolbox, and everything it will start. It must have `no_new_privs` set.
pub fn restrict(toolbox: ToolboxUser) -> Result<()> {
    let mut refused: BTreeMap<i64, Vec<SeccompRule>> = REFUSED.iter().map(|call| (*call, Vec::new())).collect();
    for call in [libc::SYS_clone, libc::SYS_unshare] {
        refused.insert(call, vec![creates_user_namespace()?]);
    }
    let own = i32::try_from(std::process::id()).context("the toolbox's process id")?;
    for call in SIGNALLING {
        refused.insert(call, vec![rule([is(0, own)?])?]);
    }
    if toolbox == ToolboxUser::Shared {
        refused.entry(libc::SYS_kill).or_default().push(rule([is(0, -1)?])?);
    }
    let missing = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
    let unusual = rule(FAMILIES.map(|family| is_not(0, family)).into_iter().collect::<Result<Vec<_>>>()?)?;
    let netlink = rule(
        std::iter::once(is(0, libc::AF_NETLINK))
            .chain(NETLINK_PROTOCOLS.map(|protocol| is_not(2, protocol)))
            .collect::<Result<Vec<_>>>()?,
    )?;
    let sockets = BTreeMap::from([
        (libc::SYS_socket, vec![unusual, netlink]),
        (libc::SYS_socketpair, vec![rule([is_not(0, libc::AF_UNIX)?])?]),
    ]);
    install(sockets, libc::EAFNOSUPPORT)?;
    install(refused, libc::EPERM)?;
    install(missing, libc::ENOSYS)
}

fn rule(conditions: impl Into<Vec<SeccompCondition>>) -> Result<SeccompRule> {
    Ok(SeccompRule::new(conditions.into())?)
}

fn is(argument: u8, value: i32) -> Result<SeccompCondition> {
    compare(argument, SeccompCmpOp::Eq, value)
}

fn is_not(argument: u8, value: i32) -> Result<SeccompCondition> {
    compare(argument, SeccompCmpOp::Ne, value)
}

/// Compares the 32 bits that the kernel reads of an `int`.
fn compare(argument: u8, operator: SeccompCmpOp, value: i32) -> Result<SeccompCondition> {
    Ok(SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operator, u64::from(value.cast_unsigned()))?)
}

/// A user namespace would give back the privileges that opened it to the kernel's rarely used parts.
fn creates_user_namespace() -> Result<SeccompRule> {
    let flag = u64::from(libc::CLONE_NEWUSER.unsigned_abs());
    rule([SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::MaskedEq(flag), flag)?])
}

/// Processes of the x32 ABI number the same calls with this bit set.
#[cfg(target_arch = "x86_64")]
const X32: i64 = 0x4000_0000;

fn install(
    #[cfg_attr(not(target_arch = "x86_64"), expect(unused_mut))] mut calls: BTreeMap<i64, Vec<SeccompRule>>,
    error: i32,
) -> Result<()> {
    #[cfg(target_arch = "x86_64")]
    for (call, rules) in calls.clone() {
        calls.insert(call | X32, rules);
    }
    let architecture = std::env::consts::ARCH.try_into().context("no system call filter for this processor")?;
    let refuse = SeccompAction::Errno(error.unsigned_abs());
    let filter: BpfProgram = SeccompFilter::new(calls, SeccompAction::Allow, refuse, architecture)?.try_into()?;
    seccompiler::apply_filter(&filter).context("filtering system calls")
}
