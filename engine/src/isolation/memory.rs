//! Keeping an idle sandbox small.

use nix::libc;

/// Unmaps the pages of code this process has run so far; what it still needs comes back when it is used.
///
/// Setting up a sandbox touches megabytes of code that waiting for its end never needs again.
pub fn give_back_code() {
    let Ok(maps) = std::fs::read_to_string("/proc/self/maps") else { return };
    for (start, end) in maps.lines().filter_map(code_range) {
        // SAFETY: a private mapping of a file that is never written: dropped pages are read from it again.
        unsafe { libc::madvise(start as *mut libc::c_void, end - start, libc::MADV_DONTNEED) };
    }
}

/// The addresses of a line about executable, unwritable code from a file.
fn code_range(line: &str) -> Option<(usize, usize)> {
    let mut fields = line.split_ascii_whitespace();
    let (start, end) = fields.next()?.split_once('-')?;
    let is_code = fields.next()? == "r-xp" && fields.nth(3)?.starts_with('/');
    let address = |text| usize::from_str_radix(text, 16).ok();
    is_code.then_some((address(start)?, address(end)?))
}
