//! Sockets that lead elsewhere than to the sandbox's own network, or deep into the kernel.

use serde_json::json;

use crate::harness::{Engine, at_both_levels};

at_both_levels![unusual_families_are_refused, ordinary_sockets_work, keyrings_are_refused];

async fn unusual_families_are_refused(engine: &Engine) {
    let bystander = engine.bystander().await;
    for user in engine.users() {
        let id = engine.create(json!({"user": user})).await;
        // Every family but AF_UNIX, AF_INET, AF_INET6 and AF_NETLINK; AF_VSOCK is 40, AF_ALG 38, AF_PACKET 17. 97 is EAFNOSUPPORT.
        let program = "
import ctypes
library = ctypes.CDLL(None, use_errno=True)
for family in range(64):
    for kind in (1, 2, 3, 5):
        for call in (library.socket, lambda *a: library.socketpair(*a, (ctypes.c_int * 2)())):
            number = call(family, kind, 0)
            error = ctypes.get_errno()
            if number >= 0 and family not in (1, 2, 10, 16): print('made', family, kind)
            if number < 0 and family not in (0, 1, 2, 10, 16) and error != 97: print('answered', family, kind, error)
for protocol in range(32):
    if library.socket(16, 3, protocol) >= 0 and protocol not in (0, 4): print('made netlink', protocol)
";
        assert_eq!(engine.python(&id, program).await, (0, String::new()), "{user}");
    }
    engine.assert_unharmed(&bystander).await;
}

async fn ordinary_sockets_work(engine: &Engine) {
    let id = engine.create(json!({})).await;
    let program = "
import socket
for family, address in ((socket.AF_INET, ('127.0.0.1', 0)), (socket.AF_INET6, ('::1', 0)), (socket.AF_UNIX, '/tmp/socket')):
    with socket.socket(family) as listener:
        listener.bind(address)
        listener.listen()
        with socket.socket(family) as client:
            client.connect(listener.getsockname())
left, right = socket.socketpair()
print([name for _, name in socket.if_nameindex()], len(socket.getaddrinfo('localhost', 80)) > 0)
";
    assert_eq!(engine.python(&id, program).await, (0, "['lo', 'eth0'] True\n".to_owned()));
}

async fn keyrings_are_refused(engine: &Engine) {
    for user in engine.users() {
        let id = engine.create(json!({"user": user})).await;
        // add_key, request_key and keyctl of x86-64, and the same by the numbers of x32.
        let program = "
import ctypes, platform
library = ctypes.CDLL(None, use_errno=True)
calls = (248, 249, 250) if platform.machine() == 'x86_64' else (217, 218, 219)
for call in calls + tuple(call | 0x40000000 for call in calls if calls[0] == 248):
    if library.syscall(call, b'user', b'name', b'value', 5, -4) >= 0: print('made', call)
    elif ctypes.get_errno() not in (1, 38): print('answered', call, ctypes.get_errno())
";
        assert_eq!(engine.python(&id, program).await, (0, String::new()), "{user}");
    }
}
