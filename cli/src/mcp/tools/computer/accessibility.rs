//! What programs on the desktop show, as a tree.

use std::fmt::Write as _;

use daytona::model::{
    AccessibilityFindOptions, AccessibilityInvokeOptions, AccessibilityNode, AccessibilityTreeOptions,
};
use serde_json::json;

use super::{Access, Arguments, ID, Kind, Parameter, Refusal, Reply, Report, SET, Server, Tool, desktop};
use super::{optional, required, run};

/// Bytes of a tree that a model is given.
const SHOWN: usize = 24 * 1024;

const SCOPE: Parameter = optional("scope", Kind::OneOf(&["focused", "pid", "all"]), "Default focused");
const PROCESS: Parameter = optional("pid", Kind::Number(Some(1), None), "With scope pid");
const NODE: Parameter = required("nodeId", Kind::Text, "");

pub static TOOLS: &[Tool] = &[
    Tool {
        name: "computer_use_accessibility_tree",
        title: "Accessibility tree",
        set: SET,
        access: Access::Reads,
        description: "Everything that programs show, as a tree.",
        parameters: &[SCOPE, PROCESS, optional("maxDepth", Kind::Number(Some(0), None), ""), ID],
        run: run!(tree),
    },
    Tool {
        name: "computer_use_accessibility_find",
        title: "Find nodes",
        set: SET,
        access: Access::Reads,
        description: "Find buttons, fields and so on by role, name and state.",
        parameters: &[
            SCOPE,
            PROCESS,
            optional("role", Kind::Text, ""),
            optional("name", Kind::Text, ""),
            optional("nameMatch", Kind::OneOf(&["exact", "substring", "regex"]), ""),
            optional("states", Kind::Strings, ""),
            optional("limit", Kind::Number(Some(1), Some(1000)), ""),
            ID,
        ],
        run: run!(find),
    },
    Tool {
        name: "computer_use_accessibility_focus",
        title: "Focus node",
        set: SET,
        access: Access::Destroys,
        description: "Give a node the focus.",
        parameters: &[NODE, ID],
        run: run!(focus),
    },
    Tool {
        name: "computer_use_accessibility_invoke",
        title: "Invoke node",
        set: SET,
        access: Access::Destroys,
        description: "Do what a node offers, such as pressing a button.",
        parameters: &[NODE, optional("action", Kind::Text, "Default: its first"), ID],
        run: run!(invoke),
    },
    Tool {
        name: "computer_use_accessibility_set_value",
        title: "Set value",
        set: SET,
        access: Access::Destroys,
        description: "Set the text or number of a node.",
        parameters: &[NODE, required("value", Kind::Text, ""), ID],
        run: run!(set_value),
    },
];

fn line(node: &AccessibilityNode, depth: usize, text: &mut String) {
    let _ = write!(text, "{:indent$}{} {} {:?}", "", node.id, node.role, node.name, indent = 2 * depth);
    if let Some(bounds) = &node.bounds {
        let _ = write!(text, " {},{} {}x{}", bounds.x, bounds.y, bounds.width, bounds.height);
    }
    text.push('\n');
}

fn lines(node: &AccessibilityNode, depth: usize, text: &mut String) {
    // What is deeper or further down is asked for by a scope or with find.
    if text.len() >= SHOWN {
        return;
    }
    line(node, depth, text);
    for child in &node.children {
        lines(child, depth + 1, text);
    }
}

async fn tree(server: &Server, arguments: Arguments, _: Report<'_>) -> Result<Reply, Refusal> {
    let options = AccessibilityTreeOptions {
        scope: arguments.optional_name("scope")?,
        pid: arguments.whole("pid")?,
        max_depth: arguments.whole("maxDepth")?,
    };
    let found = desktop(server, &arguments).await?.accessibility().get_tree(options).await?;
    let mut text = String::new();
    lines(&found.root, 0, &mut text);
    let is_cut = found.truncated || text.len() >= SHOWN;
    if is_cut {
        text.push_str("[there is more: choose a scope, a maxDepth, or computer_use_accessibility_find]");
    }
    // Neither is the data longer than a model can take.
    let data = if text.len() >= SHOWN { json!({ "truncated": true }) } else { json!(found) };
    Ok(Reply::new(text, data))
}

async fn find(server: &Server, arguments: Arguments, _: Report<'_>) -> Result<Reply, Refusal> {
    let options = AccessibilityFindOptions {
        scope: arguments.optional_name("scope")?,
        pid: arguments.whole("pid")?,
        role: arguments.optional_name("role")?,
        name: arguments.optional_name("name")?,
        name_match: arguments.optional_name("nameMatch")?,
        states: arguments.structure("states", "a list of texts")?,
        limit: arguments.whole("limit")?,
    };
    let found = desktop(server, &arguments).await?.accessibility().find_nodes(options).await?;
    let mut text = String::new();
    for node in &found.matches {
        line(node, 0, &mut text);
    }
    Ok(Reply::new(text, found))
}

async fn focus(server: &Server, arguments: Arguments, _: Report<'_>) -> Result<Reply, Refusal> {
    let node = arguments.text("nodeId")?;
    desktop(server, &arguments).await?.accessibility().focus_node(&node).await?;
    Ok(Reply::new(format!("{node} has the focus."), json!({ "nodeId": node })))
}

async fn invoke(server: &Server, arguments: Arguments, _: Report<'_>) -> Result<Reply, Refusal> {
    let node = arguments.text("nodeId")?;
    let options = AccessibilityInvokeOptions { action: arguments.optional_name("action")? };
    desktop(server, &arguments).await?.accessibility().invoke_node(&node, options).await?;
    Ok(Reply::new(format!("Invoked {node}."), json!({ "nodeId": node })))
}

async fn set_value(server: &Server, arguments: Arguments, _: Report<'_>) -> Result<Reply, Refusal> {
    let (node, value) = (arguments.text("nodeId")?, arguments.text("value")?);
    desktop(server, &arguments).await?.accessibility().set_node_value(&node, &value).await?;
    Ok(Reply::new(format!("Set {node}."), json!({ "nodeId": node })))
}
