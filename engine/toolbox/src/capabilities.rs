//! Giving up privileges for good.
//!
//! After [`drop_all_but`] neither the process nor anything it executes can regain a dropped
//! capability: they leave the bounding set and `no_new_privs` is set.

use std::io;

use nix::libc;

/// `CAP_KILL`: signal processes of other users.
pub const KILL: u8 = 5;

/// `CAP_SETGID`: change group ids.
pub const SETGID: u8 = 6;

/// `CAP_SETUID`: change user ids.
pub const SETUID: u8 = 7;

/// `CAP_NET_BIND_SERVICE`: listen at low ports.
pub const NET_BIND_SERVICE: u8 = 10;

/// `CAP_NET_ADMIN`: change a network.
pub const NET_ADMIN: u8 = 12;

/// `CAP_SYS_NICE`: choose processors for processes of other users.
pub const SYS_NICE: u8 = 23;

/// `CAP_SYS_ADMIN`: most of what an administrator does.
pub const SYS_ADMIN: u8 = 21;

/// Capabilities of an administrator inside a sandbox, over the sandbox's own files and processes:
/// chown, dac_override, fowner, fsetid, kill, setgid, setuid, setpcap, net_bind_service.
pub const SANDBOX_ROOT: &[u8] = &[0, 1, 3, 4, KILL, SETGID, SETUID, 8, 10];

#[repr(C)]
struct CapabilityHeader {
    version: u32,
    pid: libc::c_int,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct CapabilitySet {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

/// `_LINUX_CAPABILITY_VERSION_3`, the 64-bit sets.
const VERSION_3: u32 = 0x2008_0522;

/// Removes every capability outside `keep` from the calling process and all it will execute.
pub fn drop_all_but(keep: &[u8]) -> io::Result<()> {
    bound(keep)?;
    set_current(keep)?;
    no_new_privileges()
}

/// Keeps every capability outside `keep` from whatever this process will execute; its own stay.
pub fn bound(keep: &[u8]) -> io::Result<()> {
    for capability in 0..64u8 {
        if keep.contains(&capability) {
            continue;
        }
        // SAFETY: prctl with integer arguments touches no memory of ours.
        let result = unsafe { libc::prctl(libc::PR_CAPBSET_DROP, libc::c_ulong::from(capability), 0, 0, 0) };
        if result < 0 {
            let error = io::Error::last_os_error();
            if error.raw_os_error() == Some(libc::EINVAL) {
                break; // past the kernel's last capability
            }
            return Err(error);
        }
    }
    Ok(())
}

/// Sets the calling thread's permitted and effective sets to `keep`, the inheritable set to none.
pub fn set_current(keep: &[u8]) -> io::Result<()> {
    let mut words = [CapabilitySet::default(); 2];
    for &capability in keep {
        let word = &mut words[usize::from(capability / 32)];
        word.permitted |= 1 << (capability % 32);
        word.effective |= 1 << (capability % 32);
    }
    set(&words)
}

/// Makes every capability the calling thread may have effective.
pub fn raise_all() -> io::Result<()> {
    let mut words = current()?;
    for word in &mut words {
        word.effective = word.permitted;
    }
    set(&words)
}

/// Has what the calling thread executes from here on keep these capabilities, which the thread has. Only system calls, so
/// that it may be called between `fork` and `execve`.
pub fn pass_on(passed: &[u8]) -> io::Result<()> {
    let mut words = current()?;
    for &capability in passed {
        words[usize::from(capability / 32)].inheritable |= 1 << (capability % 32);
    }
    set(&words)?;
    for &capability in passed {
        let (ambient, raise) = (libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_RAISE as libc::c_ulong);
        // SAFETY: prctl with integer arguments touches no memory of ours.
        if unsafe { libc::prctl(ambient, raise, libc::c_ulong::from(capability), 0, 0) } < 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

/// The calling thread's sets.
fn current() -> io::Result<[CapabilitySet; 2]> {
    let mut words = [CapabilitySet::default(); 2];
    let header = CapabilityHeader { version: VERSION_3, pid: 0 };
    // SAFETY: header and two words are what version 3 reads and writes.
    if unsafe { libc::syscall(libc::SYS_capget, &raw const header, words.as_mut_ptr()) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(words)
}

fn set(words: &[CapabilitySet; 2]) -> io::Result<()> {
    let header = CapabilityHeader { version: VERSION_3, pid: 0 };
    // SAFETY: header and two words are what version 3 reads.
    if unsafe { libc::syscall(libc::SYS_capset, &raw const header, words.as_ptr()) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// Makes `execve` unable to grant privileges (set-user-id, file capabilities) from here on.
pub fn no_new_privileges() -> io::Result<()> {
    // SAFETY: prctl with integer arguments touches no memory of ours.
    if unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}
