//! Files with the imports they need.

use super::HEADER;

/// A file of a package with the imports it needs.
pub fn with_imports(package: &str, body: &str) -> String {
    let standard = [("context.", "context"), ("json.", "encoding/json"), ("fmt.", "fmt"), ("time.", "time")];
    let own = [("api.", "internal/api"), ("options.", "pkg/options"), ("types.", "pkg/types")];
    let code: String = body.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let uses = |name: &str| {
        let inside = |c: char| c.is_alphanumeric() || c == '.' || c == '_' || c == '"';
        code.match_indices(name).any(|(at, _)| !code[..at].ends_with(inside))
    };
    let standard: Vec<String> =
        standard.iter().filter(|(name, _)| uses(name)).map(|(_, path)| format!("\t\"{path}\"\n")).collect();
    let own: Vec<String> = own
        .iter()
        .filter(|(name, _)| uses(name))
        .map(|(_, path)| format!("\t\"github.com/daytonaio/daytona/libs/sdk-go/{path}\"\n"))
        .collect();
    let groups: Vec<String> = [standard, own].iter().map(|group| group.concat()).filter(|g| !g.is_empty()).collect();
    let imports = match groups.concat().lines().count() {
        0 => String::new(),
        1 => format!("\nimport {}\n", groups.concat().trim()),
        _ => format!("\nimport (\n{})\n", groups.join("\n")),
    };
    format!("{HEADER}package {package}\n{imports}{body}")
}
