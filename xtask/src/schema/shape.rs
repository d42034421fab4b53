//! The hash of the schema: what packages and native libraries must agree on.

use anyhow::Result;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Field, Schema};

impl Schema {
    /// Identifies what travels. It is compiled into the native libraries and the packages, and compared when they meet.
    /// Documentation is not part of it: a better word is no reason to build a library again.
    pub fn hash(&self) -> Result<String> {
        let digest = Sha256::digest(serde_json::to_vec(&self.shape())?);
        Ok(digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect())
    }

    fn shape(&self) -> Value {
        let errors: Vec<_> = self.errors.iter().map(|kind| json!([kind.name, kind.parent])).collect();
        let enums: Vec<_> = self
            .enums
            .iter()
            .map(|item| json!([item.name, item.values.iter().map(|value| &value.wire).collect::<Vec<_>>()]))
            .collect();
        let structs: Vec<_> = self.structs.iter().map(|item| json!([item.name, fields(&item.fields)])).collect();
        let streams: Vec<_> = self
            .streams
            .iter()
            .map(|stream| json!([stream.name, stream.items, fields(&stream.info), stream.end, stream.writes]))
            .collect();
        let ops: Vec<_> = self
            .ops()
            .map(|op| {
                let params: Vec<_> = op.params.iter().map(|param| field(&param.field)).collect();
                json!([op.id, params, op.options, op.returns])
            })
            .collect();
        let steps: Vec<_> = self
            .image
            .steps
            .iter()
            .map(|step| {
                let params: Vec<_> = step.params.iter().map(|param| field(&param.field)).collect();
                json!([step.name, params, step.options])
            })
            .collect();
        json!([errors, enums, structs, streams, ops, steps])
    }
}

fn fields(fields: &[Field]) -> Vec<Value> {
    fields.iter().map(field).collect()
}

fn field(field: &Field) -> Value {
    json!([field.wire, field.ty, field.optional])
}
