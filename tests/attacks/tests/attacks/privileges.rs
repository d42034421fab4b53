//! Gaining privileges, and using the kernel's own doors.

use serde_json::json;

use crate::harness::{Engine, Level, at_both_levels};

at_both_levels![
    privileges_are_not_gained,
    kernel_settings_are_not_written,
    the_toolbox_is_not_traced,
    the_mount_table_does_not_tell_the_engines_place,
];

async fn privileges_are_not_gained(engine: &Engine) {
    let bystander = engine.bystander().await;
    let id = engine.create(json!({})).await;
    for command in ["unshare -U true", "unshare -m true", "mount -t tmpfs x /mnt", "chroot / true", "su -c true"] {
        assert_ne!(engine.run(&id, command).await.0, 0, "{command}");
    }
    let status = engine.output(&id, "cat /proc/self/status").await;
    for line in ["CapPrm:\t0000000000000000", "CapBnd:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2"] {
        assert!(status.contains(line), "{status}");
    }
    engine.assert_unharmed(&bystander).await;
}

async fn kernel_settings_are_not_written(engine: &Engine) {
    let bystander = engine.bystander().await;
    for user in engine.users() {
        let id = engine.create(json!({"user": user})).await;
        for file in ["/proc/sys/kernel/core_pattern", "/proc/sys/kernel/panic", "/proc/sysrq-trigger"] {
            let (code, output) = engine.run(&id, &format!("echo x > {file}")).await;
            assert_ne!(code, 0, "{user} wrote {file}: {output}");
        }
    }
    engine.assert_unharmed(&bystander).await;
}

async fn the_toolbox_is_not_traced(engine: &Engine) {
    let bystander = engine.bystander().await;
    let id = engine.create(json!({})).await;
    // 16 is PTRACE_ATTACH; the toolbox is the parent of the shell that runs this.
    let program = r#"
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
shell = open(f'/proc/{os.getppid()}/stat').read().rsplit(') ')[1].split()
toolbox = int(shell[1])
print([libc.ptrace(16, pid, 0, 0) for pid in (1, toolbox)])
for name in ('mem', 'environ', 'fd', 'root', 'cwd', 'maps'):
    try:
        path = f'/proc/{toolbox}/{name}'
        os.listdir(path) if os.path.isdir(path) else open(path, 'r+b')
        print('opened', name)
    except OSError:
        pass
"#;
    assert_eq!(engine.python(&id, program).await, (0, "[-1, -1]\n".to_owned()));
    engine.assert_unharmed(&bystander).await;
}

async fn the_mount_table_does_not_tell_the_engines_place(engine: &Engine) {
    let place = engine.directory.path().file_name().and_then(|name| name.to_str()).expect("a name");
    let tables = ["mounts", "mountinfo", "mountstats"];
    // Without a file system of its own, the kernel tells which directory of the machine's the root is.
    let told = if engine.level == Level::Root { &[][..] } else { &["mountinfo"] };
    for user in engine.users() {
        let id = engine.create(json!({"user": user})).await;
        for table in tables {
            let output =
                engine.output(&id, &format!("cat /proc/self/{table}; cat /proc/1/{table} 2>/dev/null; true")).await;
            assert!(output.contains(" / "), "{output}");
            assert_eq!(output.contains(place), told.contains(&table), "{user}, {table}: {output}");
        }
    }
}
