//! The stateful code interpreter.

use daytona::ops::CodeInterpreter;
use serde_json::Value;

use super::{Arguments, Called, unknown, value};

pub(super) async fn call(interpreter: &CodeInterpreter, name: &str, args: &Arguments, detach: bool) -> Called {
    match name {
        "run_code" => {
            let stream = interpreter.run_code(&args.text("code")?, args.options()?).await?;
            if detach {
                return value(Value::Null);
            }
            value(stream.collect().await?)
        }
        "create_context" => value(interpreter.create_context(args.options()?).await?),
        "list_contexts" => value(interpreter.list_contexts().await?),
        "delete_context" => value(interpreter.delete_context(&args.text("contextId")?).await?),
        _ => Err(unknown(name)),
    }
}
