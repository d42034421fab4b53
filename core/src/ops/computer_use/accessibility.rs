//! What the programs on the desktop show, as a tree.

use http::Method;
use serde_json::{Value, json};

use super::{Accessibility, check_range, with_options};
use crate::error::{Error, Result};
use crate::model::{
    AccessibilityFindOptions, AccessibilityInvokeOptions, AccessibilityNodesResponse, AccessibilityTreeOptions,
    AccessibilityTreeResponse,
};
use crate::travel::http::segment;

impl Accessibility {
    /// Returns what a program shows, or all of them.
    ///
    /// # Errors
    /// `Validation` for an unknown scope, `NotFound` when there is no such program, `A11yUnavailable` when the desktop does
    /// not run or cannot tell.
    pub async fn get_tree(&self, options: AccessibilityTreeOptions) -> Result<AccessibilityTreeResponse> {
        let mut query = Vec::new();
        if let Some(scope) = &options.scope {
            query.push(format!("scope={}", segment(scope)));
        }
        if let Some(pid) = options.pid {
            query.push(format!("pid={pid}"));
        }
        if let Some(depth) = options.max_depth {
            query.push(format!("maxDepth={depth}"));
        }
        let question = if query.is_empty() { "" } else { "?" };
        let path = format!("/a11y/tree{question}{}", query.join("&"));
        self.toolbox.desktop("accessibility.get_tree", Method::GET, &path, None).await
    }

    /// Finds nodes by their kind, name and states.
    ///
    /// # Errors
    /// `InvalidArgument` when the limit is out of range, `Validation` for an unknown scope or an invalid expression,
    /// `NotFound` when there is no such program, `A11yUnavailable` when the desktop does not run or cannot tell.
    ///
    /// # Examples
    /// `desktop accessibility`
    pub async fn find_nodes(&self, options: AccessibilityFindOptions) -> Result<AccessibilityNodesResponse> {
        check_range("limit", options.limit, 1..=1000)?;
        let scope = options.scope.as_deref().unwrap_or("focused");
        let body = with_options(json!({ "scope": scope }), &options);
        self.toolbox.desktop("accessibility.find_nodes", Method::POST, "/a11y/find", Some(body)).await
    }

    /// Gives a node the keyboard's focus.
    ///
    /// # Parameters
    /// * `node_id`: Id of the node.
    ///
    /// # Errors
    /// `NotFound` when the node is gone, `Validation` when it takes no focus, `A11yUnavailable` when the desktop does not
    /// run or cannot tell.
    pub async fn focus_node(&self, node_id: &str) -> Result<()> {
        check_id(node_id)?;
        self.send("accessibility.focus_node", "/a11y/node/focus", json!({ "id": node_id })).await
    }

    /// Does to a node one of the things that can be done to it: clicks a button, opens a menu.
    ///
    /// # Parameters
    /// * `node_id`: Id of the node.
    ///
    /// # Errors
    /// `NotFound` when the node is gone, `Validation` when it has no such action, `A11yUnavailable` when the desktop does
    /// not run or cannot tell.
    pub async fn invoke_node(&self, node_id: &str, options: AccessibilityInvokeOptions) -> Result<()> {
        check_id(node_id)?;
        let body = with_options(json!({ "id": node_id }), &options);
        self.send("accessibility.invoke_node", "/a11y/node/invoke", body).await
    }

    /// Gives a node a value: a field its text, a slider its number. The local engine reads it back.
    ///
    /// # Parameters
    /// * `node_id`: Id of the node.
    /// * `value`: The value.
    ///
    /// # Errors
    /// `NotFound` when the node is gone, `Validation` when it takes no such value, `A11yUnavailable` when the desktop does
    /// not run or cannot tell.
    pub async fn set_node_value(&self, node_id: &str, value: &str) -> Result<()> {
        check_id(node_id)?;
        let body = json!({ "id": node_id, "value": value });
        self.send("accessibility.set_node_value", "/a11y/node/value", body).await
    }

    async fn send(&self, operation: &'static str, path: &str, body: Value) -> Result<()> {
        let _: Value = self.toolbox.desktop(operation, Method::POST, path, Some(body)).await?;
        Ok(())
    }
}

fn check_id(id: &str) -> Result<()> {
    match id.is_empty() {
        true => Err(Error::invalid_argument("The node's id is empty.")),
        false => Ok(()),
    }
}
