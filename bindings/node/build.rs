//! Linker settings of a Node.js addon.

fn main() {
    napi_build::setup();
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux") {
        // Node.js unloads an addon with the last worker thread that used it, but the bridge's runtime goes on: without
        // this flag its threads would run in unmapped memory.
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
}
