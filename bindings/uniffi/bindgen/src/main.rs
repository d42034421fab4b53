//! uniffi's generator, in the version the library was built with: see ../../README.md for how to call it.

fn main() {
    uniffi::uniffi_bindgen_main();
}
