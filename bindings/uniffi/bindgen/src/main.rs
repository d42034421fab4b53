//! uniffi's generator, in the version the library was built with: see ../../README.md for how to call it. What it writes for
//! Kotlin is completed here.

mod kotlin;

use std::path::PathBuf;

fn main() -> Result<(), String> {
    uniffi::uniffi_bindgen_main();
    let arguments: Vec<String> = std::env::args().collect();
    let value = |option: &str| arguments.iter().skip_while(|argument| *argument != option).nth(1);
    let (Some("kotlin"), Some(directory)) = (value("--language").map(String::as_str), value("--out-dir")) else {
        return Ok(());
    };
    let file = PathBuf::from(directory).join("io/daytona/daytona.kt");
    let complete = || -> Result<(), Box<dyn std::error::Error>> {
        let completed = kotlin::with_hierarchy(&std::fs::read_to_string(&file)?)?;
        Ok(std::fs::write(&file, completed)?)
    };
    complete().map_err(|error| format!("{}: {error}", file.display()))
}
